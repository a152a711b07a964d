package act

import "qualifybase/engine/fault"

// Listing is how one page of a list is read: what binds its cursor, and what it
// asks the store (contract.md §7).
type Listing[T any] struct {
	Order  Order
	Filter string // FilterOf
	Place  func(T) Position
	Count  func() (int64, error) // nil = not counted
	Start  func() (int64, error) // ByChange: the first change number of the walk, 0 or NotFound = no row
	Rows   func(after Position, limit int) ([]T, error)
}

// Page opens the cursor, counts on the first page and reads one row more than is
// shown, which tells whether there is a next page.
func (l Listing[T]) Page(p Page) (List[T], error) {
	at, size, err := p.Open(l.Order, l.Filter)
	if err != nil {
		return List[T]{}, err
	}
	if at.First() {
		if l.Count != nil {
			if at.Total, err = l.Count(); err != nil {
				return List[T]{}, err
			}
		}
		if l.Order == ByChange {
			at.Start, err = l.Start()
			if fault.KindOf(err) == fault.NotFound || err == nil && at.Start == 0 {
				return Cut([]T(nil), size, at, l.Place), nil
			}
			if err != nil {
				return List[T]{}, err
			}
			at.Number = at.Start - 1
		}
	}
	rows, err := l.Rows(at.Position, size+1)
	if err != nil {
		return List[T]{}, err
	}
	return Cut(rows, size, at, l.Place), nil
}

// OrderOf is the order of a list that may be asked for by updated_since.
func OrderOf(updatedSince *int64) Order {
	if updatedSince != nil {
		return ByChange
	}
	return Newest
}

// Placed is where a row with a Meta stands, in either order.
func Placed(id string, m Meta) Position {
	return Position{CreatedAt: m.CreatedAt, ID: id, Number: m.Change}
}

// ListFields says in the audit what a list was asked by and showed: "filter:status"
// for each filter that was used, then "id:…" for each row (records.md §5). Never
// a filter's value: q may be a person's name.
func ListFields[T any](filters Filters, rows []T, id func(T) string) []string {
	out := make([]string, 0, len(filters)+len(rows))
	for _, f := range filters {
		out = append(out, "filter:"+f)
	}
	for _, row := range rows {
		out = append(out, "id:"+id(row))
	}
	return out
}

// OfPatients adds whose things a list showed that was not asked for one patient:
// "patient:7", each once, so that who opened a record is told of these lists, too.
func OfPatients[T any](asked int64, fields []string, rows []T, patient func(T) int64) []string {
	if asked != 0 { // the audit row itself names the patient
		return fields
	}
	told := map[int64]bool{}
	for _, row := range rows {
		if id := patient(row); id != 0 && !told[id] {
			told[id] = true
			fields = append(fields, "patient:"+IDText(id))
		}
	}
	return fields
}

// Filters names a list's filters that were used.
type Filters []string

// Add names a filter if it was used.
func (a *Filters) Add(name string, used bool) {
	if used {
		*a = append(*a, name)
	}
}
