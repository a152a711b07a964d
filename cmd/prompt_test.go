package cmd

import (
	"bufio"
	"errors"
	"strings"
	"testing"
)

func TestPromptAsk(t *testing.T) {
	number := func(s string) error {
		if s != "1" && s != "2" {
			return errors.New("1 or 2, please")
		}
		return nil
	}
	for _, c := range []struct {
		name, in, standard, want, shown string
		check                           func(string) error
		fails                           bool
	}{
		{name: "default", in: "\n", standard: "2", want: "2", shown: "How many [2]: ", check: number},
		{name: "answer", in: " 1 \n", standard: "2", want: "1", shown: "How many [2]: ", check: number},
		{name: "asked again", in: "9\n1\n", want: "1", shown: "How many:   1 or 2, please\nHow many: ", check: number},
		{name: "unchecked", in: "anything\n", want: "anything", shown: "How many: "},
		{name: "nobody there", in: "", fails: true, shown: "How many: \n"},
		{name: "cut off", in: "1", fails: true, shown: "How many: \n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			p := &prompt{bufio.NewReader(strings.NewReader(c.in)), &out}
			got, err := p.ask("How many", c.standard, c.check)
			if got != c.want || (err != nil) != c.fails || out.String() != c.shown {
				t.Errorf("got %q, %v, shown %q", got, err, out.String())
			}
		})
	}
}

func TestScriptsAreNotAsked(t *testing.T) {
	if newPrompt(stdio{in: strings.NewReader("")}) != nil {
		t.Error("a pipe is asked")
	}
}
