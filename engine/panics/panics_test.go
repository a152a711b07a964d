package panics

import (
	"errors"
	"testing"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	describe := func(do func()) (words string) {
		defer func() { words = Describe(recover()) }()
		do()
		return ""
	}
	var list []int
	type patient struct{ name string }
	for _, c := range []struct {
		do   func()
		want string
	}{
		{func() { _ = list[len(list)+3] }, "runtime error: index out of range [3] with length 0"},
		{func() { panic("Ada Example") }, "a string"},
		{func() { panic(errors.New("Ada Example")) }, "a *errors.errorString"},
		{func() { panic(patient{"Ada Example"}) }, "a panics.patient"},
	} {
		if got := describe(c.do); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
