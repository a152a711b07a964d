package cmd

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/cmd/config"
	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
)

// demoListen is where the demo runs if nobody else does.
const demoListen = "127.0.0.1:8080"

func newDemoCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Run a seeded clinic to play with, until Ctrl-C",
		Long: `Run a clinic of invented people in a temporary directory: four providers, some
forty leads, and two busy weeks. Standard output shows curl lines ready to paste,
with the key filled in. It listens on 127.0.0.1:8080, or on any free port if that
one is taken. Ctrl-C ends it and removes the directory.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runDemo(c.Context(), streams(c), g) },
	}
}

func runDemo(ctx context.Context, s stdio, g *global) (err error) {
	dir, err := os.MkdirTemp("", "qb-demo-")
	if err != nil {
		return err
	}
	defer func() {
		if e := os.RemoveAll(dir); err == nil {
			err = e
		}
	}()
	listen, err := net.Listen("tcp", demoListen)
	if err != nil {
		if listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
	}
	defer listen.Close()
	own := &global{data: dir, files: g.files, env: g.env}
	// Its own defaults: the settings of a real clinic are not the demo's.
	l := config.Default()
	l.Log.Level, l.Database.Synchronous = "warn", "normal" // nothing here must survive a power cut
	d, err := own.dir()
	if err != nil {
		return err
	}
	lock, err := d.Lock("demo")
	if err != nil {
		return err
	}
	defer lock.Release()
	log := newLog(s.err, l.Log)
	st, err := d.OpenOrMake(l.Database, log)
	if err != nil {
		return err
	}
	defer func() {
		if e := st.Close(); err == nil {
			err = e
		}
	}()
	show, err := seedDemo(ctx, st, time.Now())
	if err != nil {
		return fmt.Errorf("seeding: %w", err)
	}
	srv, err := newServer(l, st, log)
	if err != nil {
		return err
	}
	if err := show.pick(ctx, srv.engine); err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })
	return srv.run(ctx, listen, func(url string) { show.print(s.out, url, dir) })
}

// demoShow is what the demo shows of its clinic.
type demoShow struct {
	clinic       directory.Clinic
	key          string
	leads        int
	appointments int
	lead         string    // of somebody without an appointment
	day          time.Time // from which to ask for slots
	slot         booking.Slot
}

// pick finds a slot that is open now, among those that the printed question lists.
func (d *demoShow) pick(ctx context.Context, e *engine.Engine) error {
	zone, err := calendar.LoadZone(d.clinic.TimeZone)
	if err != nil {
		return err
	}
	tomorrow := calendar.LocalDate(zone, e.Now().Unix()).AddDays(1)
	d.day = time.Unix(int64(tomorrow)*86400, 0).UTC()
	list, err := e.Availability(ctx, act.Shell(d.clinic.N, "demo"), booking.AvailabilityQuery{
		From: calendar.StartOf(tomorrow), Preference: booking.Morning, Limit: 1,
	})
	if err != nil {
		return err
	}
	if len(list.Items) == 0 {
		return fmt.Errorf("the seeded clinic has no free morning from %s on", tomorrow)
	}
	d.slot = list.Items[0]
	return nil
}

// print shows the clinic with lines to paste. The first two calls are those of
// the QualifyBase document.
func (d *demoShow) print(w io.Writer, url, dir string) {
	at := func(sec int64) string { return time.Unix(sec, 0).UTC().Format(time.RFC3339) }
	fmt.Fprintf(w, `%s (%s): 4 providers, %d leads, %d appointments. Every person is invented.
It listens on %s and lies in %s; Ctrl-C ends it and removes that.

# Check availability
curl -s "%s/api/v1/availability?from=%s&preference=morning&limit=5" \
  -H "Authorization: Bearer %s"

# Book an appointment (once more, and the answer is 409 with three alternatives)
curl -s -X POST "%s/api/v1/appointments" \
  -H "Authorization: Bearer %s" \
  -H "Content-Type: application/json" \
  -d '{"lead_id": "%s", "scheduled_at": "%s", "ends_at": "%s", "title": "Consultation"}'

# List leads
curl -s "%s/api/v1/leads?limit=3" \
  -H "Authorization: Bearer %s"

# For calls of your own; the reference is %s/api/v1/docs
export QB_HOST=%s QB_KEY=%s

# The command line sees the same clinic (in the source, 'go run .' stands for qb)
qb --data %s availability --explain --to %s
`, d.clinic.Name, d.clinic.TimeZone, d.leads, d.appointments, url, dir,
		url, d.day.Format(time.DateOnly), d.key,
		url, d.key, d.lead, at(d.slot.StartsAt), at(d.slot.EndsAt),
		url, d.key, url, url, d.key, filepath.Clean(dir), d.day.AddDate(0, 0, 2).Format(time.DateOnly))
}
