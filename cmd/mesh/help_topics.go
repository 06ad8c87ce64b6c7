package main

const helpExitCodes = `
Exit codes of mesh

    0  done
    1  failed
    2  called wrongly, or the request is not valid
    3  there is no such thing
    4  the thing's state, or an earlier request, does not allow it
    5  no valid credential, or not allowed
    6  the mesh, or a part of it, cannot be reached now; try again later
    7  a task that was waited for did not complete: it failed, was cancelled
       or was dead-lettered
  130  interrupted

A batch exits with 1 when some of its items were refused.
With -o json an error is one line on stderr:
{"error":{"exit":3,"code":"task_not_found","message":"no such task"}}
`

const helpConfiguration = `
Settings

A setting is taken from the first of these that has it:
  1. the flag                        --url http://mesh.example:7300
  2. the environment                 MESH_URL=http://mesh.example:7300
  3. the context in use              mesh context use NAME
  4. the configuration file          {"url": "http://mesh.example:7300"}
     (--config, MESH_CONFIG, else config.json in the data directory)
  5. the default

mesh config shows every setting, its value and where that comes from.

A context is the address of a mesh, a tenant, and a credential: a file, else
its own login. It counts as a whole: --url or MESH_URL put it out of force, and
--context, unlike MESH_CONTEXT and mesh context use, does the same to MESH_URL,
MESH_TENANT and MESH_TOKEN. So a credential only goes to the mesh it is for.

On the machine of "mesh up" nothing has to be set: the address is read from
mesh.url and the credential from admin.token in the data directory, which is
--data, MESH_DATA, as root /var/lib/hivemesh, else $XDG_DATA_HOME/hivemesh or
~/.local/share/hivemesh. That credential is sent to this machine's mesh only.

NO_COLOR=1 switches colours off. Without a terminal there are neither colours
nor questions; --yes answers the questions.
`

const helpFilter = `
Filters: --filter 'TERM TERM …', every term must hold

  status:waiting,running     the field is one of these values
  priority>=5                also > < <= =
  label.env:prod             a label has this value

Tasks have status, queue, capability, priority, agent, attempt, label.NAME,
submitted (a time); agents have status, name, capability, label.NAME; events
have kind, entity, type, actor, correlation, time, seq. Times are RFC 3339.

Lists come in pages of --limit items; --cursor goes on where "next" points.
`

const helpAgentPrograms = `
Programs as agents: mesh agent run --name N --capability C -- CMD ARGS…

CMD is started once for every task.

  stdin    the task's input, as JSON
  stdout   the result: taken as it is when it is valid JSON, else as a JSON
           string without its last newline; at most 8 MiB; nothing = null
  stderr   the attempt's log (its last 256 KiB): mesh task logs
           A line "::progress 40 half of it" reports progress instead: 0 to
           100 percent and a message.
  exit     0    completed
           100  failed for good: trying again is no use
           else failed; the task is tried again while it has attempts left.
           The last line of stderr is the reason that is shown.

Environment: that of mesh agent run without MESH_TOKEN, and
  MESH_TASK_ID    the task
  MESH_ATTEMPT    number of the attempt, from 1
  MESH_DEADLINE   the task's deadline in RFC 3339, if it has one
  MESH_QUEUE      the task's queue
  MESH_MEMORY     what memory knows, when the task was submitted with --recall
  MESH_AGENT      the agent's name
MESH_TASK_ID and MESH_ATTEMPT together are a good idempotency key for what the
program does elsewhere.

The program runs in a process group of its own. When the task is cancelled, or
the attempt is over for another reason, the group gets SIGTERM, and SIGKILL
after 5 seconds. What it leaves running ends with it. It also ends when the
agent dies.

Ctrl-C or SIGTERM drains the agent: it takes nothing new, gives running tasks
--drain-timeout to finish, hands back the rest and leaves. A second one ends
everything at once.
`
