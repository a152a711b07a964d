package act

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"qualifybase/engine/fault"
	"qualifybase/engine/table"
)

type boat struct {
	name, sail string
	crew       int
	tags       []string
	key        string // of the name
}

type boatDraft struct {
	name, sail *string
	crew       *int
	tags       *[]string
}

var boatFields = Fields[boat, boatDraft]{
	FieldOf("name", Required(10), func(b *boat, d *boatDraft) (*string, **string) { return &b.name, &d.name }).
		Named("boat bateau").Copied(func(to, from *boat) { to.name, to.key = from.name, from.key }),
	FieldOf("crew", Number(1, 4), func(b *boat, d *boatDraft) (*int, **int) { return &b.crew, &d.crew }),
	Shown[boatDraft]("key", func(b *boat) string { return b.key }),
	FieldOf("sail", OneOf("Must be main_sail or none", "", "main_sail"),
		func(b *boat, d *boatDraft) (*string, **string) { return &b.sail, &d.sail }).Several(),
	FieldOf("tags", CleanedList(func(_ *Edit, _ string, tags []string) []string { return slices.Compact(tags) }),
		func(b *boat, d *boatDraft) (*[]string, **[]string) { return &b.tags, &d.tags }),
}

func TestFieldsApply(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		old   boat
		draft boatDraft
		want  string // what changed, or the faults
	}{
		{"all", boat{}, boatDraft{new(" Ida "), new("main_sail"), new(2), &[]string{"a", "a"}}, "name crew sail tags"},
		{"what was sent", boat{name: "Ida", crew: 2}, boatDraft{crew: new(3)}, "crew"},
		{"the same", boat{name: "Ida", crew: 2, tags: []string{"a"}},
			boatDraft{new("Ida "), new(""), new(2), &[]string{"a", "a"}}, ""},
		{"every fault at once", boat{}, boatDraft{sail: new("red"), crew: new(5)},
			"name: Required; crew: Must be 1 to 4; sail: Must be main_sail or none"},
	} {
		var x Edit
		row := c.old
		boatFields.Apply(&x, &row, &c.draft)
		got := strings.Join(x.Changed, " ")
		if len(x.Faults) > 0 {
			var said []string
			for _, f := range x.Faults {
				said = append(said, f.Field+": "+f.Message)
			}
			got = strings.Join(said, "; ")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q; the row is %+v", c.name, got, c.want, row)
		}
	}
}

func TestFieldsOfFiles(t *testing.T) {
	t.Parallel()
	columns := boatFields.Headings().Take([]string{"Bateau", "Sail 2", "SAIL", "colour", "key"})
	if got := fmt.Sprint(columns); got != "[{Bateau name} {Sail 2 } {SAIL sail} {colour } {key }]" {
		t.Errorf("the columns are %s", got)
	}
	var f fault.Faults
	var d boatDraft
	boatFields.Read(&f, &boat{}, &d, table.CellsOf(columns, []string{" Ida ", "x", "Main-Sail", "red", "k"}))
	if len(f) > 0 || *d.name != "Ida" || *d.sail != "main_sail" || d.crew != nil {
		t.Errorf("read %+v, %v", d, f)
	}
	header, cells := boatFields.Written()
	got := fmt.Sprint(header, cells(boat{name: "Ida", sail: "main_sail", key: "k"}))
	if got != "[name sail key] [Ida main_sail k]" {
		t.Errorf("written as %s", got)
	}
}

func TestFieldsInOrder(t *testing.T) {
	t.Parallel()
	names := func(t Fields[boat, boatDraft]) (s string) {
		for _, f := range t {
			s += f.Name + " "
		}
		return s
	}
	if got := names(boatFields.First("tags", "crew")); got != "tags crew name key sail " {
		t.Errorf("first %s", got)
	}
	if got := names(boatFields.Only("sail", "name")); got != "sail name " {
		t.Errorf("only %s", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a name that no field has goes unnoticed")
		}
	}()
	boatFields.Only("mast")
}

func TestFieldsCopy(t *testing.T) {
	t.Parallel()
	a, b := boat{name: "Ida", key: "ida", crew: 2, sail: "main_sail"}, boat{tags: []string{"x"}}
	for _, f := range boatFields {
		if f.Copy != nil {
			f.Copy(&b, &a)
		}
	}
	if b.key != "ida" || len(boatFields.Changes(&a, &b)) > 0 {
		t.Errorf("%+v is a copy of %+v", b, a)
	}
}
