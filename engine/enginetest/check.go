package enginetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/fault"
)

// Must ends the test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Refused checks that err is a refusal of the kind, and that its details name
// exactly these fields, in any order.
func Refused(t testing.TB, err error, kind fault.Kind, fields ...string) *fault.Error {
	t.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != kind {
		t.Fatalf("got %v, want %s", err, kind)
	}
	var got []string
	for _, d := range e.Details {
		got = append(got, d.Field)
		if d.Message == "" {
			t.Errorf("the fault of %s says nothing", d.Field)
		}
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(fields)); !slices.Equal(got, want) {
		t.Errorf("faults of %v, want of %v: %v", got, want, err)
	}
	return e
}

// Trace is what acts left behind besides their rows: a line per audit row
// ("provider.create ok 3 display_name"), and the types of the events.
type Trace struct {
	Audit  []string
	Events []string
}

// Since gives the trace of everything since the last call, and waits for what is
// written later, such as denials.
func (c *Clinic) Since(t testing.TB) Trace {
	t.Helper()
	var out Trace
	c.Write(t, func(engine.Tx) error { return nil }) // takes along what Enqueue queued
	c.Read(t, func(r engine.Reader) error {
		rows, err := r.AuditChain(c.Row.N, c.seen.audit, 10_000)
		if err != nil {
			return err
		}
		for _, a := range rows {
			line := fmt.Sprintf("%s %s %s %s", a.Action, a.Outcome, a.EntityID, strings.Join(a.Fields, ","))
			out.Audit = append(out.Audit, strings.Join(strings.Fields(line), " "))
			c.seen.audit = a.Seq
		}
		for _, test := range []bool{false, true} {
			events, err := r.Events(c.Row.N, test, c.seen.event, "", 10_000)
			if err != nil {
				return err
			}
			for _, ev := range events {
				out.Events = append(out.Events, ev.Type)
			}
		}
		return nil
	})
	c.Write(t, func(tx engine.Tx) error {
		counters, err := tx.Counters(c.Row.N)
		if err == nil {
			c.seen.event = counters.Event
		}
		return err
	})
	return out
}

// Left checks the audit rows since the last look. Without lines: nothing was left.
func (c *Clinic) Left(t testing.TB, lines ...string) {
	t.Helper()
	if got := c.Since(t).Audit; !slices.Equal(got, lines) {
		t.Errorf("the audit says\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

// Dump is everything in the clinic's directory and calendar, rows and compiled plan,
// to see that nothing changed.
func (c *Clinic) Dump(t testing.TB) string {
	t.Helper()
	var out []any
	c.Read(t, func(r engine.Reader) error {
		keep := func(rows any, err error) error { out = append(out, rows); return err }
		n, start := c.Row.N, act.Position{}
		clinic, err := r.Clinic(n)
		providers, err1 := r.Providers(n, start, 0)
		locations, err2 := r.Locations(n, start, 0)
		services, err3 := r.Services(n, start, 0)
		schedules, err4 := r.Schedules(n)
		closures, err5 := r.Closures(n, "")
		live, err6 := r.Appointments(booking.AppointmentQuery{Clinic: n}, start, 10_000)
		plan, err7 := r.Plan(n) // what is kept in memory beside the rows
		if err7 != nil {
			return err7
		}
		out = append(out, plan.Clinic, plan.Providers, plan.Locations, plan.Services)
		return errors.Join(keep(clinic, err), keep(providers, err1), keep(locations, err2), keep(services, err3),
			keep(schedules, err4), keep(closures, err5), keep(live, err6))
	})
	text, err := json.MarshalIndent(out, "", " ")
	Must(t, err)
	return string(text)
}

// Unchanged runs fn and checks that the directory and the calendar are as before.
func (c *Clinic) Unchanged(t testing.TB, fn func()) {
	t.Helper()
	before := c.Dump(t)
	fn()
	if after := c.Dump(t); after != before {
		t.Errorf("rows changed:\n%s", firstDifference(before, after))
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return "was " + strings.TrimSpace(x[i]) + "\nis  " + strings.TrimSpace(y[i])
		}
	}
	return fmt.Sprintf("%d lines were, %d are", len(x), len(y))
}
