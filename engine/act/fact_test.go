package act

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// TestFactIsJSON: a fact is what encoding/json makes of a struct of the same fields.
func TestFactIsJSON(t *testing.T) {
	t.Parallel()
	type inner struct {
		ID     string  `json:"id"`
		Note   string  `json:"note,omitempty"`
		Count  int64   `json:"count"`
		Maybe  int64   `json:"maybe,omitempty"`
		Nobody *string `json:"nobody"`
	}
	type outer struct {
		Thing  inner    `json:"thing"`
		Things []inner  `json:"things"`
		Void   struct{} `json:"void"`
	}
	factOf := func(x inner) Fact {
		return Fact{}.Text("id", x.ID).TextIf("note", x.Note).Int("count", x.Count).IntIf("maybe", x.Maybe).Null("nobody")
	}
	values := rapid.Custom(func(t *rapid.T) inner {
		return inner{ID: rapid.String().Draw(t, "id"), Note: rapid.String().Draw(t, "note"),
			Count: rapid.Int64().Draw(t, "count"), Maybe: rapid.Int64Range(-1, 1).Draw(t, "maybe")}
	})
	rapid.Check(t, func(t *rapid.T) {
		x := outer{Thing: values.Draw(t, "thing"), Things: rapid.SliceOfN(values, 0, 3).Draw(t, "things")}
		list := make([]Fact, len(x.Things))
		for i, y := range x.Things {
			list[i] = factOf(y)
		}
		if x.Things == nil {
			x.Things = []inner{} // a fact has no null list
		}
		got := Fact{}.Object("thing", factOf(x.Thing)).Objects("things", list).Object("void", Fact{}).JSON()
		if want, err := json.Marshal(x); err != nil || string(got) != string(want) {
			t.Fatalf("%s, want %s, %v", got, want, err)
		}
	})
}

// TestFactsAreApart: what is added to an emitted fact does not reach the event.
func TestFactsAreApart(t *testing.T) {
	t.Parallel()
	f := Fact{}.Text("a", "b")
	first := string(f.JSON())
	kept := f.JSON()
	_ = f.Int("c", 1)
	if string(kept) != first || string(f.JSON()) != first {
		t.Errorf("%s and %s, want %s", kept, f.JSON(), first)
	}
}
