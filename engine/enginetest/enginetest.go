// Package enginetest is one standard clinic at a fixed clock, on a real SQLite
// file: the world in which the engine and its faces are tested.
//
//	c := enginetest.New(t)
//	appt, err := c.Engine.Book(ctx, c.Caller, …)
//
// It is Monday 2026-04-27, 08:00 in Berlin. Ada and Ben work at the practice
// (Mon-Fri 09:00-12:00, 13:00-17:00), which has two rooms; Ben (Mon-Wed
// 08:00-14:00) and Cleo also work at the branch (Mon-Fri 08:00-20:00). A check-up
// is 30 minutes with anybody; surgery is 60 minutes with Ada or Ben, needs a
// room, and 10 free minutes on either side.
package enginetest

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/store"
	"qualifybase/store/storetest"
)

// Zone is the standard clinic's time zone.
const Zone = "Europe/Berlin"

// Clinic is the standard clinic and whoever acts in it.
type Clinic struct {
	Engine *engine.Engine
	Store  *store.Store
	Clock  *Clock
	Row    directory.Clinic

	Caller  act.Caller    // a live key with every scope
	Test    act.Caller    // a test key with every scope
	Shell   act.Caller    // the command line
	Nudges  *atomic.Int64 // how often the webhook sender was woken
	Options engine.Options

	Practice, Branch, Room1, Room2 directory.Location
	Ada, Ben, Cleo                 directory.Provider
	Checkup, Surgery               directory.Service

	// The ones to take when any will do.
	Provider directory.Provider // Ada
	Location directory.Location // the practice
	Service  directory.Service  // the check-up

	seen struct{ audit, event int64 } // what Since has told
}

// Clock stands still until it is set. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// Now is what the engine sees.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Set moves the clock, also backwards.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// Add moves the clock on.
func (c *Clock) Add(d time.Duration) { c.Set(c.Now().Add(d)) }

// At reads "2026-04-27 09:00" by the wall clock of Berlin.
func At(text string) time.Time {
	zone, err := time.LoadLocation(Zone)
	if err != nil {
		panic(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		panic(err)
	}
	return at
}

// Unix is At in UTC seconds, as the engine counts.
func Unix(text string) int64 { return At(text).Unix() }

// Hours reads a week as `qb init --hours` does.
func Hours(text string) calendar.Week {
	week, err := calendar.ParseHours(text)
	if err != nil {
		panic(err)
	}
	return week
}

// New makes the standard clinic in a database of its own, which ends with the test.
func New(t testing.TB) *Clinic { return NewWith(t, engine.Options{}) }

// NewWith is New with options of the engine; its clock is the standard one unless set.
func NewWith(t testing.TB, o engine.Options) *Clinic {
	t.Helper()
	c := &Clinic{Clock: &Clock{at: At("2026-04-27 08:00")}, Nudges: new(atomic.Int64)}
	if o.Now == nil {
		o.Now = c.Clock.Now
	}
	if o.Nudge == nil {
		o.Nudge = func() { c.Nudges.Add(1) }
	}
	if o.Secret == nil {
		o.Secret = []byte("the standard clinic's own secret")
	}
	if o.CheckURL == nil { // webhook.Policy is tested where it lives
		o.CheckURL = func(url string) error {
			if strings.HasPrefix(url, "https://") {
				return nil
			}
			return fault.Fail(fault.Invalid, "Invalid request body").On("url", "must begin with https://")
		}
	}
	if o.Sealer == nil {
		var err error
		o.Sealer, err = secret.NewSealer([]byte("the standard clinic's sealer key"))
		Must(t, err)
	}
	c.Options = o
	c.Store = storetest.OpenWith(t, filepath.Join(t.TempDir(), "qb.db"), store.Options{Now: o.Now})
	c.Engine = engine.New(c.Store, o)
	c.found(t)
	c.settle(t)
	c.Since(t)
	return c
}

// found makes the clinic, its callers and its first provider.
func (c *Clinic) found(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	var err error
	c.Row, err = c.Engine.CreateClinic(ctx, act.Shell(0, "init"), directory.ClinicDraft{
		Slug: "praxis", Name: "Praxis am Markt", TimeZone: Zone, Country: "DE",
		Hours: Hours("Mon-Fri 09:00-12:00,13:00-17:00"), LocationName: "Practice", ProviderName: "Ada",
	})
	Must(t, err)
	c.Caller = act.Caller{Clinic: c.Row.N, Kind: act.ActorKey, ID: "live", Label: "qbk_live_enginete",
		Scopes: scope.All, IP: "192.0.2.1", RequestID: "req_live"}
	c.Test = act.Caller{Clinic: c.Row.N, Kind: act.ActorKey, ID: "test", Label: "qbk_test_enginete",
		Scopes: scope.All, Test: true, IP: "192.0.2.2", RequestID: "req_test"}
	c.Shell = act.Shell(c.Row.N, "test")
	c.Ada = first(t, func() (act.List[directory.Provider], error) { return c.Engine.Providers(ctx, c.Caller, act.Page{}) })
	c.Practice = first(t, func() (act.List[directory.Location], error) {
		return c.Engine.Locations(ctx, c.Caller, act.Page{})
	})
}

func first[T any](t testing.TB, list func() (act.List[T], error)) T {
	t.Helper()
	l, err := list()
	Must(t, err)
	if len(l.Items) != 1 {
		t.Fatalf("a new clinic has %d of %T, want one", len(l.Items), *new(T))
	}
	return l.Items[0]
}

// settle adds the branch, the rooms, the others and the services.
func (c *Clinic) settle(t testing.TB) {
	t.Helper()
	c.Branch = c.AddLocation(t, directory.LocationDraft{Name: new("Branch")})
	c.Room1 = c.AddLocation(t, directory.LocationDraft{Name: new("Room 1"), ParentID: &c.Practice.ID})
	c.Room2 = c.AddLocation(t, directory.LocationDraft{Name: new("Room 2"), ParentID: &c.Practice.ID})
	c.Ben = c.AddProvider(t, directory.ProviderDraft{DisplayName: new("Ben"),
		LocationIDs: &[]int64{c.Practice.ID, c.Branch.ID}})
	c.Cleo = c.AddProvider(t, directory.ProviderDraft{DisplayName: new("Cleo"), LocationIDs: &[]int64{c.Branch.ID}})
	c.PutHours(t, directory.OwnedBy('p', c.Ben.ID), "Mon-Wed 08:00-14:00")
	c.PutHours(t, directory.OwnedBy('l', c.Branch.ID), "Mon-Fri 08:00-20:00")
	c.Checkup = c.AddService(t, directory.ServiceDraft{Name: new("Check-up"), DurationMinutes: new(30)})
	room := directory.AtRoom
	c.Surgery = c.AddService(t, directory.ServiceDraft{Name: new("Surgery"), DurationMinutes: new(60), LocationKind: &room,
		BufferBefore: new(10), BufferAfter: new(10), ProviderIDs: &[]int64{c.Ada.ID, c.Ben.ID}})
	for _, p := range []*directory.Provider{&c.Ada, &c.Ben, &c.Cleo} { // the services gave them new versions
		var err error
		*p, err = c.Engine.Provider(t.Context(), c.Caller, p.ID)
		Must(t, err)
	}
	c.Provider, c.Location, c.Service = c.Ada, c.Practice, c.Checkup
}

// AddLocation, AddProvider, AddService and PutHours change the clinic or end the test.
func (c *Clinic) AddLocation(t testing.TB, d directory.LocationDraft) directory.Location {
	t.Helper()
	l, err := c.Engine.CreateLocation(t.Context(), c.Caller, d)
	Must(t, err)
	return l
}

// AddProvider adds a provider.
func (c *Clinic) AddProvider(t testing.TB, d directory.ProviderDraft) directory.Provider {
	t.Helper()
	p, err := c.Engine.CreateProvider(t.Context(), c.Caller, d)
	Must(t, err)
	return p
}

// AddService adds a service.
func (c *Clinic) AddService(t testing.TB, d directory.ServiceDraft) directory.Service {
	t.Helper()
	s, err := c.Engine.CreateService(t.Context(), c.Caller, d)
	Must(t, err)
	return s
}

// PutHours sets an owner's weekly hours, as text.
func (c *Clinic) PutHours(t testing.TB, owner directory.OwnerRef, hours string) directory.ScheduleChange {
	t.Helper()
	s, err := c.Engine.PutSchedule(t.Context(), c.Caller, owner, nil, calendar.Schedule{Weekly: Hours(hours)})
	Must(t, err)
	return s
}

// Hook makes a webhook that hears everything; it leaves no trace for Since.
func (c *Clinic) Hook(t testing.TB, caller act.Caller) outbox.Webhook {
	t.Helper()
	h, err := c.Engine.CreateWebhook(t.Context(), caller, outbox.WebhookDraft{URL: new("https://crm.example.com/hook"),
		Events: &[]string{"*"}})
	Must(t, err)
	c.Since(t)
	return h
}

// Rival founds another clinic in the same file and gives a caller of it with
// every scope, and its provider: whatever they touch of ours must not exist.
func (c *Clinic) Rival(t testing.TB) (act.Caller, directory.Provider) {
	t.Helper()
	row, err := c.Engine.CreateClinic(t.Context(), act.Shell(0, "init"), directory.ClinicDraft{
		Slug: "rival", Name: "Rival", TimeZone: Zone, Country: "DE", Hours: Hours("Mon-Sun 00:00-24:00"),
	})
	Must(t, err)
	caller := act.Caller{Clinic: row.N, Kind: act.ActorKey, ID: "rival", Label: "qbk_live_rivalriv", Scopes: scope.All}
	return caller, first(t, func() (act.List[directory.Provider], error) {
		return c.Engine.Providers(t.Context(), caller, act.Page{})
	})
}

// Read runs fn on a snapshot of the database.
func (c *Clinic) Read(t testing.TB, fn func(r engine.Reader) error) {
	t.Helper()
	Must(t, engine.View(context.Background(), c.Store, fn))
}

// Write runs fn in a transaction, past all rules of the engine.
func (c *Clinic) Write(t testing.TB, fn func(tx engine.Tx) error) {
	t.Helper()
	Must(t, engine.Update(context.Background(), c.Store, fn))
}
