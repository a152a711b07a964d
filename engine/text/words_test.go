package text

import (
	"slices"
	"testing"
)

func TestOr(t *testing.T) {
	t.Parallel()
	type kind string
	for want, list := range map[string][]kind{
		"": nil, "thin": {"thin"}, "thin or full": {"thin", "full"}, "start, clock or pack": {"start", "clock", "pack"},
	} {
		if got := Or(list); got != want {
			t.Errorf("%v: %q, want %q", list, got, want)
		}
	}
	if got := Words([]kind{"a", "b"}); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%v", got)
	}
}
