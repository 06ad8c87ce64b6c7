package workers

import (
	"fmt"
	"testing"

	"github.com/hivemesh/hivemesh/domain/task"
)

func TestTenantsTakeTurns(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	for _, tenant := range []string{"large", "small", "tiny"} {
		l.tenant = tenant
		l.join("agent-of-"+tenant, 1_000)
	}
	submit := func(tenant string, n, priority int) {
		l.tenant = tenant
		for i := range n {
			l.submit(fmt.Sprintf("%s-%d-%d", tenant, l.seq, i), task.Spec{Priority: priority, Queue: fmt.Sprintf("q%d", i%2)})
		}
	}
	submit("large", 500, 9) // first, and with the highest priority
	submit("small", 20, 0)
	submit("tiny", 1, 0)
	got := map[string]int{}
	for _, p := range l.fleet.match.round(30) {
		got[p.work.tenant]++
		if p.member.tenant != p.work.tenant {
			t.Fatalf("a task of %s went to an agent of %s", p.work.tenant, p.member.tenant)
		}
	}
	if fmt.Sprint(got) != "map[large:15 small:14 tiny:1]" {
		t.Errorf("of 30 turns: %v", got)
	}
	submit("tiny", 1, 0) // a tenant that comes again
	got = map[string]int{}
	for _, p := range l.fleet.match.round(3) {
		got[p.work.tenant]++
	}
	if fmt.Sprint(got) != "map[large:1 small:1 tiny:1]" {
		t.Errorf("of 3 turns: %v", got)
	}
}
