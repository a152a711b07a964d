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
		Size   float64 `json:"size"`
	}
	type outer struct {
		Thing  inner    `json:"thing"`
		Things []inner  `json:"things"`
		Words  []string `json:"words"`
		Void   struct{} `json:"void"`
	}
	factOf := func(x inner) Fact {
		return Fact{}.Text("id", x.ID).TextIf("note", x.Note).Int("count", x.Count).IntIf("maybe", x.Maybe).
			Null("nobody").Float("size", x.Size)
	}
	values := rapid.Custom(func(t *rapid.T) inner {
		return inner{ID: rapid.String().Draw(t, "id"), Note: rapid.String().Draw(t, "note"),
			Count: rapid.Int64().Draw(t, "count"), Maybe: rapid.Int64Range(-1, 1).Draw(t, "maybe"),
			Size: rapid.Float64().Draw(t, "size")}
	})
	rapid.Check(t, func(t *rapid.T) {
		x := outer{Thing: values.Draw(t, "thing"), Things: rapid.SliceOfN(values, 0, 3).Draw(t, "things")}
		if rapid.Bool().Draw(t, "words") {
			x.Words = rapid.SliceOf(rapid.String()).Draw(t, "list")
		}
		var list []Fact
		if rapid.Bool().Draw(t, "no things") {
			x.Things = nil
		} else {
			list = make([]Fact, len(x.Things))
		}
		for i, y := range x.Things {
			list[i] = factOf(y)
		}
		got := Fact{}.Object("thing", factOf(x.Thing)).Objects("things", list).Texts("words", x.Words).
			Object("void", Fact{}).JSON()
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
