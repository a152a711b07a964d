package act

import (
	"context"
	"io"

	"qualifybase/engine/table"
)

// exportPage is how many rows an export reads on one snapshot.
const exportPage = 500

// Export is how rows of one kind, such as leads, are written as CSV. R is the Reader
// of the room, T the row.
type Export[R, T any] struct {
	Action Action
	Header []string
	Cells  func(row T) []string // as the header names them

	// Begin is called once, on the first snapshot: where the walk starts, and whether
	// there is anything to walk; nil = from the beginning.
	Begin func(r R) (start Position, ok bool, err error)
	Rows  func(r R, after Position, limit int) ([]T, error)
	Place func(row T) Position
	Skips func(row T) bool // rows that are left out; nil = none
	// Audit is what is noted of a page: of which patient, if of one, and its fields.
	Audit func(page []T) (patient int64, fields []string)
}

// ExportCSV writes the rows as CSV, page by page, so that a long list needs no
// memory. The result is their number. Each page is a row in the audit. The caller
// has asked Allow.
func ExportCSV[W, R, T any](ctx context.Context, room Room[W, R], c Caller, out io.Writer,
	m Export[R, T]) (int, error) {
	n, broken := 0, error(nil)
	err := table.Write(out, m.Header, func(yield func([]string) bool) {
		var after Position
		for first, more := true, true; more; first = false {
			var page []T
			page, broken = View(ctx, room, func(r R) (_ []T, err error) {
				if first && m.Begin != nil {
					if after, more, err = m.Begin(r); err != nil || !more {
						return nil, err
					}
				}
				return m.Rows(r, after, exportPage)
			})
			if broken != nil || len(page) == 0 {
				return
			}
			more, after = len(page) == exportPage, m.Place(page[len(page)-1])
			if page = m.kept(page); len(page) > 0 {
				patient, fields := m.Audit(page)
				room.AuditRead(c, m.Action, "", patient, fields...)
			}
			for _, row := range page {
				if n++; !yield(m.Cells(row)) {
					return
				}
			}
		}
	})
	if err == nil {
		err = broken
	}
	return n, err
}

// kept are the rows of a page that are not left out.
func (m Export[R, T]) kept(page []T) []T {
	if m.Skips == nil {
		return page
	}
	kept := make([]T, 0, len(page))
	for _, row := range page {
		if !m.Skips(row) {
			kept = append(kept, row)
		}
	}
	return kept
}

// IDCell is an id as a cell; 0, which is none, is empty.
func IDCell(id int64) string {
	if id == 0 {
		return ""
	}
	return IDText(id)
}
