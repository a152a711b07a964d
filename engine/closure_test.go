package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/enginetest"
)

func TestCreateClosure(t *testing.T) {
	c := enginetest.New(t)
	ctx := t.Context()
	may1 := engine.NewDate(2026, 5, 1)
	for _, test := range []struct {
		name  string
		owner engine.OwnerRef
		draft engine.ClosureDraft
		want  engine.Closure
	}{
		{"a holiday of one day", engine.ClinicOwner, engine.ClosureDraft{FromDate: &may1, Reason: new(" 1 May ")},
			engine.Closure{ByDate: true, FromDate: may1, ToDate: may1, Reason: "1 May"}},
		{"a week off", engine.OwnedBy('p', c.Ada.ID), engine.ClosureDraft{FromDate: &may1, ToDate: new(may1.AddDays(6))},
			engine.Closure{ByDate: true, FromDate: may1, ToDate: may1.AddDays(6)}},
		{"painters", engine.OwnedBy('l', c.Room1.ID), engine.ClosureDraft{StartsAt: new(int64(1000)), EndsAt: new(int64(4600))},
			engine.Closure{Span: engine.Span{Start: 1000, End: 4600}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := c.Engine.CreateClosure(ctx, c.Caller, test.owner, test.draft)
			enginetest.Must(t, err)
			w := test.want
			w.ID, w.Clinic, w.Owner, w.Change, w.Created, w.By = got.ID, c.Row.N, test.owner, got.Change, c.Clock.Now().Unix(), "key:live"
			if got.Closure != w || len(got.ID) != 36 || got.Change == 0 || got.Stranded == nil {
				t.Errorf("got  %+v\nwant %+v", got, w)
			}
			list, err := c.Engine.Closures(ctx, c.Caller, test.owner, engine.Page{})
			if err != nil || len(list.Items) != 1 || list.Items[0] != w || *list.Total != 1 {
				t.Errorf("listed %+v, %v", list, err)
			}
			c.Left(t, fmt.Sprintf("closure.create ok %s owner:%s", got.ID, test.owner))
		})
	}
}

func TestClosureFaults(t *testing.T) {
	c := enginetest.New(t)
	_, theirs := c.Rival(t)
	day := engine.NewDate(2026, 5, 1)
	at := func(v int64) *int64 { return &v }
	for _, test := range []struct {
		name   string
		owner  engine.OwnerRef
		draft  engine.ClosureDraft
		kind   engine.Kind
		fields []string
	}{
		{"nothing", "c", engine.ClosureDraft{}, engine.Invalid, []string{"from_date"}},
		{"both", "c", engine.ClosureDraft{StartsAt: at(1), EndsAt: at(2), FromDate: &day, Reason: new(strings.Repeat("x", 501))}, engine.Invalid,
			[]string{"from_date", "reason"}},
		{"no end", "c", engine.ClosureDraft{StartsAt: at(1)}, engine.Invalid, []string{"ends_at"}},
		{"no start", "c", engine.ClosureDraft{EndsAt: at(1)}, engine.Invalid, []string{"starts_at"}},
		{"no length", "c", engine.ClosureDraft{StartsAt: at(5), EndsAt: at(5)}, engine.Invalid, []string{"ends_at"}},
		{"backwards", "c", engine.ClosureDraft{StartsAt: at(5), EndsAt: at(4)}, engine.Invalid, []string{"ends_at"}},
		{"for ever", "c", engine.ClosureDraft{StartsAt: at(0), EndsAt: at(1 << 40)}, engine.Invalid, []string{"ends_at"}},
		{"no first day", "c", engine.ClosureDraft{ToDate: &day}, engine.Invalid, []string{"from_date"}},
		{"days backwards", "c", engine.ClosureDraft{FromDate: &day, ToDate: new(day - 1)}, engine.Invalid, []string{"to_date"}},
		{"days for ever", "c", engine.ClosureDraft{FromDate: &day, ToDate: new(day + 3661)}, engine.Invalid, []string{"to_date"}},
		{"no date", "c", engine.ClosureDraft{FromDate: new(engine.MaxDate + 1)}, engine.Invalid, []string{"from_date"}},
		{"of a service", engine.OwnedBy('s', c.Checkup.ID), engine.ClosureDraft{FromDate: &day}, engine.NotFound, nil},
		{"of another clinic", engine.OwnedBy('p', theirs.ID), engine.ClosureDraft{FromDate: &day}, engine.NotFound, nil},
		{"of nobody", engine.OwnedBy('l', 999), engine.ClosureDraft{FromDate: &day}, engine.NotFound, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.Unchanged(t, func() {
				_, err := c.Engine.CreateClosure(t.Context(), c.Caller, test.owner, test.draft)
				enginetest.Refused(t, err, test.kind, test.fields...)
			})
			if test.kind == engine.NotFound {
				_, err := c.Engine.Closures(t.Context(), c.Caller, test.owner, engine.Page{})
				enginetest.Refused(t, err, engine.NotFound)
				c.Left(t, "closure.create failed error:NOT_FOUND")
			} else {
				c.Left(t)
			}
		})
	}
}

func TestDeleteClosure(t *testing.T) {
	c := enginetest.New(t)
	ctx := t.Context()
	ada, ben := engine.OwnedBy('p', c.Ada.ID), engine.OwnedBy('p', c.Ben.ID)
	day := engine.NewDate(2026, 5, 4)
	made, err := c.Engine.CreateClosure(ctx, c.Caller, ada, engine.ClosureDraft{FromDate: &day})
	enginetest.Must(t, err)
	rival, theirs := c.Rival(t)
	c.Since(t)
	c.Unchanged(t, func() {
		enginetest.Refused(t, c.Engine.DeleteClosure(ctx, c.Caller, ben, made.ID), engine.NotFound)
		enginetest.Refused(t, c.Engine.DeleteClosure(ctx, c.Caller, ada, "none"), engine.NotFound)
		enginetest.Refused(t, c.Engine.DeleteClosure(ctx, rival, ada, made.ID), engine.NotFound)
		enginetest.Refused(t, c.Engine.DeleteClosure(ctx, rival, engine.OwnedBy('p', theirs.ID), made.ID), engine.NotFound)
		enginetest.Refused(t, c.Engine.DeleteClosure(ctx, c.Test, ada, made.ID), engine.Forbidden)
	})
	c.Left(t, "closure.delete failed error:NOT_FOUND", "closure.delete failed error:NOT_FOUND", "closure.delete denied scope:providers:write")
	enginetest.Must(t, c.Engine.DeleteClosure(ctx, c.Caller, ada, made.ID))
	c.Left(t, fmt.Sprintf("closure.delete ok %s owner:%s", made.ID, ada))
	enginetest.Refused(t, c.Engine.DeleteClosure(ctx, c.Caller, ada, made.ID), engine.NotFound)
	if list, err := c.Engine.Closures(ctx, c.Caller, ada, engine.Page{}); err != nil || len(list.Items) != 0 {
		t.Errorf("left %+v, %v", list, err)
	}
}

func TestListClosures(t *testing.T) {
	c := enginetest.New(t)
	ctx := t.Context()
	var want []string
	for i := range 5 {
		c.Clock.Add(time.Duration(i%2) * time.Second)
		made, err := c.Engine.CreateClosure(ctx, c.Caller, engine.ClinicOwner, engine.ClosureDraft{FromDate: new(engine.NewDate(2026, 6, i))})
		enginetest.Must(t, err)
		want = append(want, made.ID)
	}
	slices.Reverse(want)
	var got []string
	page := engine.Page{Limit: 2}
	for more := true; more; {
		list, err := c.Engine.Closures(ctx, c.Caller, engine.ClinicOwner, page)
		enginetest.Must(t, err)
		for _, x := range list.Items {
			got = append(got, x.ID)
		}
		if *list.Total != 5 {
			t.Errorf("total %d", *list.Total)
		}
		page.Cursor, more = list.Next, list.More
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	page.Cursor = "x"
	_, err := c.Engine.Closures(ctx, c.Caller, engine.ClinicOwner, page)
	enginetest.Refused(t, err, engine.InvalidCursor, "cursor")
}

// A closure says whom it strands, and deleting it opens the time again.
func TestClosureStrandsAndReopens(t *testing.T) {
	c := enginetest.New(t)
	ctx := t.Context()
	tue := c.Book(t, "2026-04-28 09:00", c.Ada, c.Checkup)
	room := c.Book(t, "2026-04-28 10:10", c.Ada, c.Surgery)
	c.Book(t, "2026-04-29 09:00", c.Ada, c.Checkup)
	day := engine.NewDate(2026, 4, 28)
	for _, test := range []struct {
		owner  engine.OwnerRef
		draft  engine.ClosureDraft
		closes bool // 11:30 with Ada at the practice
		want   []engine.Appointment
	}{
		{engine.OwnedBy('p', c.Ben.ID), engine.ClosureDraft{FromDate: &day}, false, nil},
		{engine.OwnedBy('l', c.Room1.ID), engine.ClosureDraft{FromDate: &day}, false, []engine.Appointment{room}},
		{engine.OwnedBy('l', c.Practice.ID), engine.ClosureDraft{FromDate: &day}, true, []engine.Appointment{tue, room}},
		{engine.OwnedBy('p', c.Ada.ID), engine.ClosureDraft{StartsAt: new(tue.EndsAt), EndsAt: new(room.StartsAt)}, false, nil},
		{engine.OwnedBy('p', c.Ada.ID), engine.ClosureDraft{StartsAt: new(tue.EndsAt - 1), EndsAt: new(tue.EndsAt)}, false, []engine.Appointment{tue}},
		{engine.ClinicOwner, engine.ClosureDraft{FromDate: &day}, true, []engine.Appointment{tue, room}},
	} {
		t.Run(string(test.owner), func(t *testing.T) {
			made, err := c.Engine.CreateClosure(ctx, c.Caller, test.owner, test.draft)
			enginetest.Must(t, err)
			told(t, made.Stranded, test.want...)
			probe := func(shut bool) {
				t.Helper()
				a, err := c.TryBook(t, c.Caller, "2026-04-28 11:30", c.Ada, c.Checkup)
				if shut {
					enginetest.Refused(t, err, engine.OutsideHours, "scheduled_at")
					return
				}
				enginetest.Must(t, err)
				c.Cancel(t, a)
			}
			probe(test.closes)
			enginetest.Must(t, c.Engine.DeleteClosure(ctx, c.Caller, test.owner, made.ID))
			probe(false)
		})
	}
}
