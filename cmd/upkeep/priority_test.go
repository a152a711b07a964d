package upkeep

import (
	"errors"
	"strings"
	"testing"
)

// A panic inside a backup is its failure, not the server's end.
func TestLowPriorityRecovers(t *testing.T) {
	if err := runLowPriority(func() error { panic("Ada Beispiel") }); err == nil ||
		!strings.Contains(err.Error(), "panic: a string") || strings.Contains(err.Error(), "Ada") {
		t.Error(err)
	}
	if err := runLowPriority(func() error { return errors.ErrUnsupported }); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
