package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/httpapi"
)

type availabilityOptions struct {
	*global
	clinic, from, to, now, preference string
	query                             booking.AvailabilityQuery
	limit                             int
	explain, json                     bool
}

func newAvailabilityCommand(g *global) *cobra.Command {
	o := availabilityOptions{global: g}
	c := &cobra.Command{
		Use:   "availability",
		Short: "Print open slots, or why a time is not offered",
		Long: `Print the open slots of a range, each with its local time and offset: the list
that the API gives and the booking desk goes by. With --explain it prints every
candidate start of the range and whether it is offered, or the first reason why
not, which ends "why is this slot not shown?" calls.

--from and --to are instants (2026-04-27T09:00:00Z) or dates, which mean their
first instant in the zone of the provider's place or the clinic; --to is
exclusive. Without --to it searches on until 20 slots (or --limit) are found.`,
		Example: `  qb availability --from 2026-04-27 --to 2026-04-28
  qb availability --provider 2 --service 1 --explain --from 2026-04-27 --to 2026-04-28 --now 2026-04-26T12:00:00Z`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("limit") && (o.to != "" || o.explain) {
				o.limit = 0
			}
			if c.Flags().Changed("duration") && (o.query.Minutes < 1 || o.query.Minutes > 1439) {
				return usageError("--duration: Must be 1 to 1439 minutes")
			}
			return runAvailability(c.Context(), streams(c), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "`TIME` or date to begin at (default: now)")
	f.StringVar(&o.to, "to", "", "`TIME` or date to end before")
	f.StringVar(&o.preference, "preference", "", "morning, afternoon, evening or any")
	f.Int64Var(&o.query.ProviderID, "provider", 0, "the provider of this `ID`; without it any")
	f.Int64Var(&o.query.LocationID, "location", 0, "the location of this `ID`; without it any")
	f.Int64Var(&o.query.ServiceID, "service", 0, "the service of this `ID`, whose rules and length hold")
	f.IntVar(&o.query.Minutes, "duration", 0, "length in `MINUTES` (default: the service's, else the clinic's)")
	f.IntVar(&o.limit, "limit", booking.DefaultSlots, "how many lines at most; 0 = all of the range")
	f.StringVar(&o.now, "now", "", "`TIME` to answer as of (default: the clock)")
	f.BoolVar(&o.explain, "explain", false, "print every candidate start with the reason why it is not offered")
	clinicFlag(c, &o.clinic)
	jsonFlag(c, &o.json)
	return c
}

// availabilityFlags are the flags behind the fields of the question.
var availabilityFlags = map[string]string{"provider_id": "--provider", "location_id": "--location",
	"service_id": "--service"}

func runAvailability(ctx context.Context, s stdio, o availabilityOptions) error {
	var from, to, now calendar.Moment
	err := errors.Join(readMoment("--from", o.from, &from), readMoment("--to", o.to, &to),
		readMoment("--now", o.now, &now))
	if err == nil && now.IsDate {
		err = usageError("--now: want an instant, such as 2026-04-27T09:00:00Z")
	}
	if err == nil && (o.limit < 0 || o.limit == 0 && o.to == "" && !o.explain) {
		err = usageError("--limit: want 1 or more; without --to the search has no other end")
	}
	if err != nil {
		return err
	}
	o.query.From, o.query.To, o.query.Preference = from, to, booking.Preference(o.preference)
	t := target{verb: "availability", clinic: o.clinic}
	if now.Set {
		t.now = func() time.Time { return time.Unix(now.At, 0) }
	}
	return o.withClinic(ctx, s, t, func(at *session) error {
		names, err := at.names(ctx)
		if err == nil && o.explain {
			err = o.explained(ctx, s, at, names)
		} else if err == nil {
			err = o.listed(ctx, s, at, names)
		}
		return asFlags(err, availabilityFlags)
	})
}

func (o availabilityOptions) listed(ctx context.Context, s stdio, at *session, names names) error {
	slots, err := upTo(o.limit, func(p act.Page) (act.List[booking.Slot], error) {
		o.query.Limit, o.query.Cursor = p.Limit, p.Cursor
		return at.engine.Availability(ctx, at.caller, o.query)
	})
	if err != nil {
		return err
	}
	return printRows(s.out, o.json, slots, httpapi.SlotOf,
		slotColumns(names, func(s booking.Slot) booking.Slot { return s })...)
}

// verdictJSON is a candidate start: the slot object and what is said of it.
type verdictJSON struct {
	httpapi.Slot
	Offered bool       `json:"offered"`
	Reason  string     `json:"reason,omitempty"`
	Code    fault.Kind `json:"code,omitempty"` // the error that booking it would give
}

func verdictOf(c booking.Candidate) verdictJSON {
	v := verdictJSON{Slot: httpapi.SlotOf(c.Slot), Offered: c.Verdict == booking.Offered, Code: c.Verdict.Kind()}
	if !v.Offered {
		v.Reason = c.Verdict.String()
	}
	return v
}

func (o availabilityOptions) explained(ctx context.Context, s stdio, at *session, names names) error {
	list, err := at.engine.Explain(ctx, at.caller, o.query, 0)
	if err != nil {
		return err
	}
	if o.limit > 0 && len(list) > o.limit {
		list = list[:o.limit]
	}
	columns := slotColumns(names, func(c booking.Candidate) booking.Slot { return c.Slot })
	columns = append(columns, column[booking.Candidate]{"VERDICT",
		func(c booking.Candidate) string { return c.Verdict.String() }})
	return printRows(s.out, o.json, list, verdictOf, columns...)
}

// slotColumns show a slot by the clock on its wall, with the offset: in the
// autumn night the same time comes twice.
func slotColumns[T any](names names, slot func(T) booking.Slot) []column[T] {
	clock := func(sec int64, zone string) string {
		z, err := calendar.LoadZone(zone)
		if err != nil {
			z = time.UTC
		}
		return time.Unix(sec, 0).In(z).Format("Mon 2006-01-02 15:04 -07:00")
	}
	return []column[T]{
		{"START", func(v T) string { return clock(slot(v).StartsAt, slot(v).Zone) }},
		{"MINUTES", func(v T) string { return strconv.FormatInt((slot(v).EndsAt-slot(v).StartsAt)/60, 10) }},
		{"PROVIDER", func(v T) string { return names.of(names.providers, slot(v).ProviderID) }},
		{"LOCATION", func(v T) string { return names.of(names.locations, slot(v).LocationID) }},
	}
}

// names are what people call providers and locations.
type names struct{ providers, locations map[int64]string }

func (names) of(list map[int64]string, id int64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s", id, list[id])
}

func (s *session) names(ctx context.Context) (names, error) {
	n := names{map[int64]string{}, map[int64]string{}}
	providers, err := everyPage(func(p act.Page) (act.List[directory.Provider], error) {
		return s.engine.Providers(ctx, s.caller, p)
	})
	if err != nil {
		return n, err
	}
	locations, err := everyPage(func(p act.Page) (act.List[directory.Location], error) {
		return s.engine.Locations(ctx, s.caller, p)
	})
	for _, p := range providers {
		n.providers[p.ID] = p.DisplayName
	}
	for _, l := range locations {
		n.locations[l.ID] = l.Name
	}
	return n, err
}
