package httpapi

import (
	"slices"
	"testing"

	"qualifybase/engine"
)

func TestArrange(t *testing.T) {
	t.Parallel()
	core := []Group{{Name: "leads"}, {Name: "keys"}}
	for _, c := range []struct {
		more []Group
		want []string // nil = refused
	}{
		{nil, []string{"leads", "keys"}},
		{[]Group{{Name: "pets"}}, []string{"leads", "keys", "pets"}},
		{[]Group{{Name: "pets", After: "leads"}, {Name: "toys", After: "pets"}},
			[]string{"leads", "pets", "toys", "keys"}},
		{[]Group{{Name: "pets", After: "toys"}}, nil},
		{[]Group{{Name: "keys"}}, nil},
		{[]Group{{}}, nil},
	} {
		var got []string
		groups, err := arrange(slices.Clone(core), c.more)
		for _, g := range groups {
			got = append(got, g.Name)
		}
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%v: %v, %v, want %v", c.more, got, err, c.want)
		}
	}
}

// TestSamplesMeanTheSame: a package that gave a sample of the core another value
// would change the examples of every other resource.
func TestSamplesMeanTheSame(t *testing.T) {
	t.Parallel()
	more := func(name string) Options {
		return Options{More: []Group{{Name: "pets", Samples: map[string]any{name: "Ida"}}}}
	}
	e := engine.New(&keyring{}, engine.Options{})
	if _, err := New(e, more("first_name")); err == nil {
		t.Error("a sample of the core was replaced")
	}
	if _, err := New(e, more("pet_name")); err != nil {
		t.Error(err)
	}
}
