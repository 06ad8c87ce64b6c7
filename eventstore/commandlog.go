package eventstore

// commandLogSize is how many commands of an entity are remembered.
const commandLogSize = 8

// commandLog remembers the hashes of the last commands of an entity. It is a
// value: copies do not share memory.
type commandLog struct {
	hashes [commandLogSize]uint64
	count  int
}

func (l *commandLog) add(hash uint64) {
	if l.count > 0 && l.hashes[(l.count-1)%commandLogSize] == hash {
		return
	}
	l.hashes[l.count%commandLogSize] = hash
	l.count++
}

// has reports whether the command may be among those remembered.
func (l *commandLog) has(hash uint64) bool {
	for i := range min(l.count, commandLogSize) {
		if l.hashes[i] == hash {
			return true
		}
	}
	return false
}

// complete reports whether no command was forgotten.
func (l *commandLog) complete() bool { return l.count <= commandLogSize }
