package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"qualifybase/engine/fault"
	"qualifybase/store/sqlite"
)

func TestFaultsHaveKinds(t *testing.T) {
	t.Parallel()
	why := func(c sqlite.Code, says string) error { return &sqlite.Error{Code: c, Message: says} }
	for _, x := range []struct {
		err  error
		want fault.Kind
	}{
		{why(sqlite.CodeFull, "full"), fault.StorageFull},
		{why(sqlite.CodeIOErrFsync, "disk I/O error"), fault.ReadOnly},
		{fmt.Errorf("%w in: SELECT 1", why(sqlite.CodeBusy, "locked")), fault.Busy},
		{why(sqlite.CodeConstraintTrigger, "slot taken"), fault.SlotTaken},
		{why(sqlite.CodeConstraintTrigger, "append-only"), fault.Internal},
		{why(sqlite.CodeConstraintUnique, "UNIQUE"), fault.Conflict},
		{why(sqlite.CodeError, "no such table"), fault.Internal},
		{context.Canceled, fault.Internal},
	} {
		got := asEngineError(x.err)
		if fault.KindOf(got) != x.want || !errors.Is(got, x.err) || sqlite.CodeOf(got) != sqlite.CodeOf(x.err) {
			t.Errorf("%v became %v of kind %s, want %s", x.err, got, fault.KindOf(got), x.want)
		}
		if again := asEngineError(got); again != got { //nolint:errorlint // the very value
			t.Errorf("%v was wrapped twice: %v", got, again)
		}
	}
	if asEngineError(nil) != nil {
		t.Error("no fault became one")
	}
}
