package cmd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// prompt asks a person for what the flags left open. Questions go to the error
// stream, so that standard output stays the result alone.
type prompt struct {
	in  *bufio.Reader
	out io.Writer
}

// newPrompt is nil when standard input is no terminal: a script is never asked.
func newPrompt(s stdio) *prompt {
	f, ok := s.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &prompt{bufio.NewReader(f), s.err}
}

// ask puts one question and repeats it until check accepts the answer; an empty
// answer is the default. End of input is an error: nobody said yes.
func (p *prompt) ask(question, standard string, check func(string) error) (string, error) {
	for {
		if standard == "" {
			fmt.Fprintf(p.out, "%s: ", question)
		} else {
			fmt.Fprintf(p.out, "%s [%s]: ", question, standard)
		}
		answer, err := p.in.ReadString('\n')
		if err != nil {
			fmt.Fprintln(p.out)
			if errors.Is(err, io.EOF) {
				err = errors.New("no answer; give the value as a flag instead")
			}
			return "", fmt.Errorf("%s: %w", question, err)
		}
		answer = strings.TrimSpace(answer)
		if answer == "" {
			answer = standard
		}
		if check == nil {
			return answer, nil
		}
		if err := check(answer); err != nil {
			fmt.Fprintf(p.out, "  %v\n", err)
			continue
		}
		return answer, nil
	}
}
