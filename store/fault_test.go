package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"qualifybase/engine"
	"qualifybase/store/sqlite"
)

func TestFaultsHaveKinds(t *testing.T) {
	fault := func(c sqlite.Code, says string) error { return &sqlite.Error{Code: c, Message: says} }
	for _, x := range []struct {
		err  error
		want engine.Kind
	}{
		{fault(sqlite.CodeFull, "full"), engine.StorageFull},
		{fault(sqlite.CodeIOErrFsync, "disk I/O error"), engine.ReadOnly},
		{fmt.Errorf("%w in: SELECT 1", fault(sqlite.CodeBusy, "locked")), engine.Busy},
		{fault(sqlite.CodeConstraintTrigger, "slot taken"), engine.SlotTaken},
		{fault(sqlite.CodeConstraintTrigger, "append-only"), engine.Internal},
		{fault(sqlite.CodeConstraintUnique, "UNIQUE"), engine.Conflict},
		{fault(sqlite.CodeError, "no such table"), engine.Internal},
		{context.Canceled, engine.Internal},
	} {
		got := asEngineError(x.err)
		if engine.KindOf(got) != x.want || !errors.Is(got, x.err) || sqlite.CodeOf(got) != sqlite.CodeOf(x.err) {
			t.Errorf("%v became %v of kind %s, want %s", x.err, got, engine.KindOf(got), x.want)
		}
		if again := asEngineError(got); again != got { //nolint:errorlint // the very value
			t.Errorf("%v was wrapped twice: %v", got, again)
		}
	}
	if asEngineError(nil) != nil {
		t.Error("no fault became one")
	}
}
