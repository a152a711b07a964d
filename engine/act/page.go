package act

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"qualifybase/engine/fault"
	"qualifybase/engine/text"
)

// The bounds of a page (contract.md §7). A limit above is refused, not clamped.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// maxCursor is far above any cursor we make; it bounds the work for those we don't.
const maxCursor = 2_048

// Page is what a caller asks of a list: how many rows, behind which cursor.
// Limit 0 means the default; a face must refuse a 0 that was sent.
type Page struct {
	Limit  int
	Cursor string
}

// List is one page of rows. More is true only with a Next; Total is nil for
// lists that are computed, not counted.
type List[T any] struct {
	Items []T
	Next  string
	More  bool
	Total *int64
}

// Order is how a list is sorted, and the name of its own key in the cursor.
type Order string

// The orders. Any other name sorts by a text key of its own, kept in Cursor.Key.
const (
	Newest   Order = ""         // created_at descending, then id descending
	ByChange Order = "change"   // the clinic's change number, ascending: CRM sync by updated_since
	SeqUp    Order = "seq"      // a running number, ascending
	SeqDown  Order = "seq_desc" // a running number, descending
)

// Cursor is the row behind which a page begins, with what later pages need to
// know of the first one.
type Cursor struct {
	Position
	Order  Order
	Start  int64  // ByChange: the change number at which updated_since began
	Key    string // orders of another name: the row's text key
	Total  int64  // as counted for the first page; −1 = not counted
	Filter string // from FilterOf: what the list was asked for
}

// First says that no page came before: count, and look up where a sync starts.
func (c Cursor) First() bool { return c.Position == Position{} && c.Key == "" }

// FilterOf is the short fingerprint of what a list is asked for: its name and the
// query, clinic included, limit excluded. The query's fields must be exported
// (it is compared by its JSON).
func FilterOf(list string, query any) string {
	text, err := json.Marshal(query)
	if err != nil {
		panic("a query that is no data: " + err.Error())
	}
	return Fingerprint([]byte(list), text)
}

// Fingerprint binds parts in 72 bits: against mistakes, not against attackers,
// who could only page through what they may read anyway.
func Fingerprint(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(strconv.AppendInt(nil, int64(len(p)), 10))
		h.Write([]byte{':'})
		h.Write(p)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}

// Encode is the cursor's text: base64url of {"created_at":"<RFC 3339>","id":…,…},
// in that order, then the order's own key, the total and a fingerprint over all
// before and the filter. An id of digits is written as a number.
func (c Cursor) Encode() string {
	b := append(make([]byte, 0, 192), `{"created_at":"`...)
	b = time.Unix(c.CreatedAt, 0).UTC().AppendFormat(b, time.RFC3339)
	b = append(b, `","id":`...)
	if n, err := strconv.ParseInt(c.ID, 10, 64); err == nil && strconv.FormatInt(n, 10) == c.ID {
		b = append(b, c.ID...)
	} else {
		b = text.AppendJSON(b, c.ID)
	}
	switch c.Order {
	case Newest:
	case ByChange:
		b = strconv.AppendInt(append(b, `,"change":`...), c.Number, 10)
		b = strconv.AppendInt(append(b, `,"start":`...), c.Start, 10)
	case SeqUp, SeqDown:
		b = strconv.AppendInt(append(b, `,"`+string(c.Order)+`":`...), c.Number, 10)
	default:
		b = append(text.AppendJSON(append(b, ','), string(c.Order)), ':')
		b = text.AppendJSON(b, c.Key)
	}
	if b = append(b, `,"total":`...); c.Total < 0 {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, c.Total, 10)
	}
	seal := Fingerprint(b, []byte(c.Filter))
	b = append(b, `,"filter":"`+seal+`"}`...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads a cursor of this order and filter. Anything else, be it cut,
// changed by a letter, of another list or another filter, is InvalidCursor: what
// was read is encoded again and must give the same text, so there is one
// spelling only.
func ParseCursor(text string, order Order, filter string) (Cursor, error) {
	c := Cursor{Order: order, Filter: filter, Total: -1}
	if len(text) > maxCursor || !c.read(text) || c.Encode() != text {
		return Cursor{}, fault.Fail(fault.InvalidCursor, "Invalid cursor").On("cursor",
			"Send the cursor of the page before, unchanged and with the same filters, or start again without one")
	}
	return c, nil
}

func (c *Cursor) read(text string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return false
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return false
	}
	var created time.Time
	ok := readField(fields["created_at"], &created)
	c.CreatedAt = created.Unix()
	if id := fields["id"]; bytes.HasPrefix(id, []byte{'"'}) {
		ok = ok && readField(id, &c.ID)
	} else {
		c.ID = string(id)
	}
	if total := fields["total"]; string(total) != "null" {
		ok = ok && readField(total, &c.Total)
	}
	own := fields[string(c.Order)]
	switch c.Order {
	case Newest:
		return ok
	case ByChange:
		return ok && readField(own, &c.Number) && readField(fields["start"], &c.Start)
	case SeqUp, SeqDown:
		return ok && readField(own, &c.Number)
	}
	return ok && readField(own, &c.Key)
}

func readField(raw json.RawMessage, into any) bool {
	return len(raw) > 0 && json.Unmarshal(raw, into) == nil
}

// Open says how many rows the page has and behind which row it begins. The first
// page gets a Cursor whose First is true and whose Total the caller may count.
func (p Page) Open(order Order, filter string) (at Cursor, size int, err error) {
	switch size = p.Limit; {
	case size == 0:
		size = DefaultLimit
	case size < 0 || size > MaxLimit:
		return at, 0, fault.Fail(fault.Invalid, "Invalid query parameters").On("limit", "Must be between 1 and %d", MaxLimit)
	}
	if strings.TrimSpace(p.Cursor) == "" {
		return Cursor{Order: order, Filter: filter, Total: -1}, size, nil
	}
	at, err = ParseCursor(p.Cursor, order, filter)
	return at, size, err
}

// Cut makes a List of at most size rows out of those read behind at; read one
// row more than size, for it tells whether there is a next page. place says
// where a row stands. For an order with a text key, use CutBy.
func Cut[T any](rows []T, size int, at Cursor, place func(T) Position) List[T] {
	return CutBy(rows, size, at, func(row T) (Position, string) { return place(row), "" })
}

// CutBy is Cut for lists in an order of their own, whose rows have a text key.
func CutBy[T any](rows []T, size int, at Cursor, place func(T) (Position, string)) List[T] {
	list := List[T]{Items: rows}
	if list.Items == nil {
		list.Items = []T{}
	}
	if at.Total >= 0 {
		list.Total = &at.Total
	}
	if len(rows) > size {
		list.Items = rows[:size:size]
		at.Position, at.Key = place(rows[size-1])
		list.Next, list.More = at.Encode(), true
	}
	return list
}

// Position is where a list goes on: behind the row with these keys. The zero
// Position is the list's beginning.
type Position struct {
	CreatedAt int64  // lists by creation
	ID        string // text, or an integer in decimal
	Number    int64  // lists by change number or seq
}
