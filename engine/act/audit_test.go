package act

import (
	"strings"
	"testing"
)

func TestAuditFollows(t *testing.T) {
	t.Parallel()
	chain := func() []AuditEntry {
		rows, prev := []AuditEntry{}, ""
		for i := range 5 {
			a := AuditEntry{Clinic: 1, Seq: int64(i + 1), At: 100, Action: "lead.read", Entity: "lead", Outcome: OK,
				Fields: []string{}, PrevHash: prev}
			a.Hash = a.Digest()
			prev = a.Hash
			rows = append(rows, a)
		}
		return rows
	}
	for _, c := range []struct {
		name   string
		harm   func(rows []AuditEntry) []AuditEntry
		broken int64
		reason string
	}{
		{"whole", func(r []AuditEntry) []AuditEntry { return r }, 0, ""},
		{"a row is gone", func(r []AuditEntry) []AuditEntry { return append(r[:2], r[3:]...) }, 3, "missing"},
		{"the first is gone", func(r []AuditEntry) []AuditEntry { return r[1:] }, 1, "missing"},
		{"an actor changed", func(r []AuditEntry) []AuditEntry { r[2].ActorID = "other"; return r }, 3, "changed"},
		{"a time changed", func(r []AuditEntry) []AuditEntry { r[0].At++; return r }, 1, "changed"},
		{"changed with its hash",
			func(r []AuditEntry) []AuditEntry { r[2].ActorID = "x"; r[2].Hash = r[2].Digest(); return r }, 4, "does not follow"},
		{"the last changed with its hash",
			func(r []AuditEntry) []AuditEntry { r[4].ActorID = "x"; r[4].Hash = r[4].Digest(); return r }, 5, "written last"},
	} {
		whole := chain()
		head := Counters{Audit: 5, AuditHash: whole[4].Hash}
		var broken int64
		var reason string
		last := AuditEntry{}
		for _, row := range c.harm(chain()) {
			if broken, reason = row.follows(last, head); broken != 0 {
				break
			}
			last = row
		}
		if broken != c.broken || !strings.Contains(reason, c.reason) {
			t.Errorf("%s: row %d, %q", c.name, broken, reason)
		}
	}
}
