package act

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine/fault"
	"qualifybase/engine/uuid"

	"pgregory.net/rapid"
)

var testCursor = Cursor{
	Position: Position{CreatedAt: time.Date(2026, 4, 27, 7, 0, 0, 0, time.UTC).Unix(),
		ID: "01968c1e-2f3a-7b4c-8d5e-6f708192a3b4"},
	Total:  42,
	Filter: FilterOf("leads", struct{ Clinic int64 }{1}),
}

// Qual's printed example begins with eyJjcmVhdGVkX2F0Ijoi, which is {"created_at":".
func TestCursorText(t *testing.T) {
	t.Parallel()
	text := testCursor.Encode()
	if !strings.HasPrefix(text, "eyJjcmVhdGVkX2F0Ijoi") {
		t.Errorf("%s does not begin as the documents print it", text)
	}
	for _, c := range []struct {
		change func(*Cursor)
		want   string
	}{
		{func(*Cursor) {},
			`{"created_at":"2026-04-27T07:00:00Z","id":"01968c1e-2f3a-7b4c-8d5e-6f708192a3b4","total":42,"filter":"`},
		{func(c *Cursor) { c.ID, c.Total = "17", -1 },
			`{"created_at":"2026-04-27T07:00:00Z","id":17,"total":null,"filter":"`},
		{func(c *Cursor) { c.ID, c.Total = "007", 0 },
			`{"created_at":"2026-04-27T07:00:00Z","id":"007","total":0,"filter":"`},
		{func(c *Cursor) { c.ID, c.Order, c.Number, c.Start = "17", ByChange, 9, 3 },
			`{"created_at":"2026-04-27T07:00:00Z","id":17,"change":9,"start":3,"total":42,"filter":"`},
		{func(c *Cursor) { c.ID, c.Order, c.Number = "17", SeqUp, 9 },
			`{"created_at":"2026-04-27T07:00:00Z","id":17,"seq":9,"total":42,"filter":"`},
		{func(c *Cursor) { c.ID, c.Order, c.Number = "17", SeqDown, 9 },
			`{"created_at":"2026-04-27T07:00:00Z","id":17,"seq_desc":9,"total":42,"filter":"`},
		{func(c *Cursor) { c.ID, c.Order, c.Key = "17", "weight", `a"b` },
			`{"created_at":"2026-04-27T07:00:00Z","id":17,"weight":"a\"b","total":42,"filter":"`},
	} {
		cursor := testCursor
		c.change(&cursor)
		raw, err := base64.RawURLEncoding.DecodeString(cursor.Encode())
		if err != nil || !strings.HasPrefix(string(raw), c.want) || len(raw) != len(c.want)+14 {
			t.Errorf("%s, %v; want %s…", raw, err, c.want)
		}
		if back, err := ParseCursor(cursor.Encode(), cursor.Order, cursor.Filter); err != nil || back != cursor {
			t.Errorf("%s came back as %+v, %v", raw, back, err)
		}
	}
}

func wantInvalidCursor(t *testing.T, why string, err error) {
	t.Helper()
	e, _ := err.(*fault.Error)
	if e == nil || e.Kind != fault.InvalidCursor || len(e.Details) != 1 || e.Details[0].Field != "cursor" ||
		e.Details[0].Message == "" {
		t.Errorf("%s: %v, want INVALID_CURSOR with a way out", why, err)
	}
}

func TestParseCursorRefuses(t *testing.T) {
	t.Parallel()
	text := testCursor.Encode()
	plain, _ := base64.RawURLEncoding.DecodeString(text)
	b64 := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	parse := func(text string) error {
		_, err := ParseCursor(text, Newest, testCursor.Filter)
		return err
	}
	if err := parse(text); err != nil {
		t.Fatal(err)
	}
	swap := func(from, to string) string { return b64(strings.Replace(string(plain), from, to, 1)) }
	for why, bad := range map[string]string{
		"garbage":         "garbage",
		"empty object":    b64("{}"),
		"null":            b64("null"),
		"a list":          b64("[1]"),
		"padding":         text + "=",
		"a newline":       text[:8] + "\n" + text[8:],
		"standard base64": base64.StdEncoding.EncodeToString(append(plain, "??>>"...)),
		"trailing data":   b64(string(plain) + "{}"),
		"trailing space":  b64(string(plain) + " "),
		"unknown field":   swap(`"total"`, `"x":1,"total"`),
		"field twice":     swap(`"total":42`, `"total":42,"total":42`),
		"another row":     swap("2026-04-27", "2026-04-28"),
		"another id":      swap("01968c1e", "01968c1f"),
		"another total":   swap("42", "43"),
		"another order":   swap(`"id":`, `"seq":1,"id":`),
		"offset":          swap("07:00:00Z", "09:00:00+02:00"),
		"number as float": swap("42", "42.0"),
		"huge":            strings.Repeat("A", 1<<20),
	} {
		wantInvalidCursor(t, why, parse(bad))
	}
	for n := range text {
		wantInvalidCursor(t, fmt.Sprintf("cut to %d", n), parse(text[:n]))
	}
	_, err := ParseCursor(text, Newest, FilterOf("leads", struct{ Clinic int64 }{2}))
	wantInvalidCursor(t, "another filter", err)
	for _, order := range []Order{ByChange, SeqUp, SeqDown, "weight"} {
		_, err = ParseCursor(text, order, testCursor.Filter)
		wantInvalidCursor(t, "another order: "+string(order), err)
	}
}

func drawCursor(t *rapid.T) Cursor {
	c := Cursor{
		Order:  rapid.SampledFrom([]Order{Newest, ByChange, SeqUp, SeqDown, "weight", `<"odd">`}).Draw(t, "order"),
		Total:  rapid.Int64Min(-1).Draw(t, "total"),
		Filter: FilterOf("x", rapid.String().Draw(t, "filter")),
	}
	c.CreatedAt = rapid.Int64Range(-62_167_219_200, 253_402_300_799).Draw(t, "created")
	c.ID = rapid.OneOf(rapid.String(), rapid.StringMatching(`-?[0-9]{1,20}`), rapid.Just(testCursor.ID)).Draw(t, "id")
	number := rapid.Int64()
	switch c.Order {
	case Newest:
	case ByChange:
		c.Number, c.Start = number.Draw(t, "number"), number.Draw(t, "start")
	case SeqUp, SeqDown:
		c.Number = number.Draw(t, "number")
	default:
		c.Key = rapid.String().Draw(t, "key")
	}
	return c
}

// Every cursor comes back as it was, and no other letter anywhere passes for it.
func TestCursorRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCursor(t)
		text := c.Encode()
		if len(text) > maxCursor {
			t.Skip("longer than any id of ours")
		}
		if back, err := ParseCursor(text, c.Order, c.Filter); err != nil || back != c {
			t.Fatalf("%+v came back as %+v, %v", c, back, err)
		}
		forged := []byte(text)
		at := rapid.IntRange(0, len(forged)-1).Draw(t, "at")
		forged[at] = rapid.SampledFrom([]byte("-_09AZaz=+/ ")).Filter(func(b byte) bool { return b != forged[at] }).Draw(t,
			"letter")
		if _, err := ParseCursor(string(forged), c.Order, c.Filter); err == nil {
			t.Fatalf("%s accepted for %s", forged, text)
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	f.Add(testCursor.Encode(), "", testCursor.Filter)
	f.Add("eyJjcmVhdGVkX2F0IjoiMjAyNi0wNC0yN1QwNzowMDowMFoiLCJpZCI6MX0", "seq", "")
	f.Fuzz(func(t *testing.T, text, order, filter string) {
		c, err := ParseCursor(text, Order(order), filter)
		if err != nil {
			if fault.KindOf(err) != fault.InvalidCursor {
				t.Fatalf("%v", err)
			}
			return
		}
		if c.Encode() != text {
			t.Fatalf("%q and %q are one cursor", text, c.Encode())
		}
	})
}

func TestPageOpen(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{0: 50, 1: 1, 200: 200} {
		at, size, err := Page{Limit: limit}.Open(SeqUp, "f")
		if err != nil || size != want || !at.First() || at.Total != -1 || at.Order != SeqUp || at.Filter != "f" {
			t.Errorf("limit %d: %+v, %d, %v", limit, at, size, err)
		}
	}
	for _, limit := range []int{-1, 201, 1 << 40} {
		_, _, err := Page{Limit: limit}.Open(Newest, "")
		if e, _ := err.(*fault.Error); e == nil || e.Kind != fault.Invalid || e.Details[0].Field != "limit" {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
	at, size, err := Page{Limit: 7, Cursor: testCursor.Encode()}.Open(Newest, testCursor.Filter)
	if err != nil || at != testCursor || size != 7 || at.First() {
		t.Errorf("%+v, %d, %v", at, size, err)
	}
	_, _, err = Page{Cursor: "x"}.Open(Newest, "")
	wantInvalidCursor(t, "x", err)
}

func TestFilterOf(t *testing.T) {
	t.Parallel()
	type query struct {
		Clinic int64
		Q      string
		Since  *int64
	}
	one, same, other := int64(1), int64(1), int64(2)
	base := FilterOf("leads", query{1, "a", &one})
	if base != FilterOf("leads", query{1, "a", &same}) {
		t.Error("one filter, two fingerprints")
	}
	for _, differs := range []string{
		FilterOf("patients", query{1, "a", &one}), FilterOf("leads", query{2, "a", &one}),
		FilterOf("leads", query{1, "b", &one}), FilterOf("leads", query{1, "a", &other}),
		FilterOf("leads", query{1, "a", nil}),
	} {
		if differs == base || len(differs) != 12 {
			t.Errorf("%s beside %s", differs, base)
		}
	}
}

// Walking a list page by page meets every row that was there at the start once,
// while others are written.
func TestPagesSkipAndRepeatNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type row struct {
			created int64
			id      string
		}
		newest := func(a, b row) int {
			if a.created != b.created {
				return int(b.created - a.created)
			}
			return strings.Compare(b.id, a.id)
		}
		clock := int64(1_000)
		var g uuid.Ids
		var rows []row
		write := func() {
			clock += rapid.Int64Range(0, 1).Draw(t, "tick") // equal seconds are common
			rows = append(rows, row{clock, g.Next(time.Unix(clock, 0))})
			slices.SortFunc(rows, newest)
		}
		for range rapid.IntRange(0, 30).Draw(t, "rows") {
			write()
		}
		want, total := slices.Clone(rows), int64(len(rows))
		page := Page{Limit: rapid.IntRange(1, 7).Draw(t, "limit")}
		var got []row
		for {
			at, size, err := page.Open(Newest, "f")
			if err != nil {
				t.Fatal(err)
			}
			if at.First() {
				at.Total = total
			}
			var behind []row
			for _, r := range rows {
				if len(behind) <= size && (at.First() || newest(row{at.CreatedAt, at.ID}, r) < 0) {
					behind = append(behind, r)
				}
			}
			list := Cut(behind, size, at, func(r row) Position { return Position{CreatedAt: r.created, ID: r.id} })
			if list.More != (list.Next != "") || *list.Total != total || len(list.Items) > size {
				t.Fatalf("%+v", list)
			}
			got = append(got, list.Items...)
			if !list.More {
				break
			}
			page = Page{Limit: rapid.IntRange(1, 7).Draw(t, "limit"), Cursor: list.Next} // the limit may change
			write()
		}
		if !slices.Equal(got, want) {
			t.Fatalf("walked %v, want %v", got, want)
		}
	})
}

func TestCutOfNothing(t *testing.T) {
	t.Parallel()
	list := Cut[int](nil, 5, Cursor{Total: -1}, nil)
	if list.Items == nil || len(list.Items) > 0 || list.More || list.Next != "" || list.Total != nil {
		t.Errorf("%+v", list)
	}
	by := CutBy([]int{1, 2, 3}, 2, Cursor{Order: "weight", Total: 3}, func(n int) (Position, string) {
		return Position{ID: fmt.Sprint(n)}, "k" + fmt.Sprint(n)
	})
	at, _, err := Page{Cursor: by.Next}.Open("weight", "")
	if err != nil || at.ID != "2" || at.Key != "k2" || *by.Total != 3 || !slices.Equal(by.Items, []int{1, 2}) {
		t.Errorf("%+v, %+v, %v", by, at, err)
	}
}
