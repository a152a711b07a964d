package act

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/table"
)

// twice is a store that runs each transaction twice, which an import must bear, and
// may lose the commit.
type twice struct {
	Store
	lost error
}

func (s twice) Update(_ context.Context, fn func(Tx) error) error {
	err := fn(&memory{})
	if err == nil {
		err = fn(&memory{})
	}
	return errors.Join(err, s.lost)
}

// memory is a transaction that keeps nothing.
type memory struct {
	Tx
	counters Counters
}

func (*memory) Savepoint(fn func() error) error            { return fn() }
func (*memory) InsertAudit(AuditEntry) error               { return nil }
func (m *memory) Counters(clinic int64) (*Counters, error) { return &m.counters, nil }

// readNames imports names, of which "new" is new, "old" is changed and "bad" is refused.
func readNames(t *testing.T, s Store, file string, o ImportOptions) (ImportReport[string], error) {
	t.Helper()
	room := Room[*Act, Reader]{New(s, Options{}), func(w *Act) *Act { return w }}
	return ImportCSV(t.Context(), room, Shell(1, "import"), strings.NewReader(file), o, Import[*Act, string]{
		Action: Define("name.import", scope.LeadsWrite), Row: Define("name.create", scope.LeadsWrite), MaxRows: 5,
		Columns: func(header []string) ([]table.Column, error) {
			return table.Headings{{Name: "name"}}.Take(header), nil
		},
		Begin: func(*Act) (func(*Act, table.Cells) (Took, string, error), error) {
			return func(_ *Act, cells table.Cells) (Took, string, error) {
				switch name := cells.Text("name"); name {
				case "bad":
					return "", "", fault.BadField("name", "Must be good")
				case "broken":
					return "", "", errors.New("the disk is broken")
				case "new":
					return TookNew, name, nil
				case "old":
					return TookChange, name, nil
				default:
					return TookKnown, name, nil
				}
			}, nil
		},
	})
}

func TestImportCSV(t *testing.T) {
	t.Parallel()
	lost := errors.New("the commit is lost")
	for _, c := range []struct {
		name, rows string
		o          ImportOptions
		lost       error
		want       string
	}{
		{"all kinds", "new,old,same,new", ImportOptions{}, nil, "4 rows +2 ~1 =1 bad [] written true: <nil>"},
		{"a lost commit", "new", ImportOptions{}, lost, "1 rows +1 ~0 =0 bad [] written false: the commit is lost"},
		{"a dry run", "new,bad", ImportOptions{DryRun: true}, nil, "2 rows +1 ~0 =0 bad [3] written false: <nil>"},
		{"without the bad", "bad,new", ImportOptions{SkipBad: true}, nil, "2 rows +1 ~0 =0 bad [2] written true: <nil>"},
		{"all or none", "new,bad", ImportOptions{}, nil, "2 rows +1 ~0 =0 bad [3] written false: VALIDATION_ERROR: " +
			"1 of 2 rows are faulty; nothing was imported; name: Line 3: Must be good"},
		{"no refusal", "new,broken", ImportOptions{SkipBad: true}, nil,
			"2 rows +1 ~0 =0 bad [] written false: the disk is broken"},
		{"too many", "a,b,c,d,e,f", ImportOptions{}, nil, "0 rows +0 ~0 =0 bad [] written false: VALIDATION_ERROR: " +
			"The file cannot be read; file: Has more than 5 rows: split it"},
	} {
		r, err := readNames(t, twice{lost: c.lost}, "name\n"+strings.ReplaceAll(c.rows, ",", "\n")+"\n", c.o)
		bad := []int{}
		for _, b := range r.Bad {
			bad = append(bad, b.Line)
		}
		got := fmt.Sprintf("%d rows +%d ~%d =%d bad %v written %v: %v", r.Rows, r.Created, r.Updated, r.Unchanged, bad,
			r.Written, err)
		if got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
}
