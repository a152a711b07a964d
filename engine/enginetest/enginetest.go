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
	Row    engine.Clinic

	Caller  engine.Caller // a live key with every scope
	Test    engine.Caller // a test key with every scope
	Shell   engine.Caller // the command line
	Nudges  *atomic.Int64 // how often the webhook sender was woken
	Options engine.Options

	Practice, Branch, Room1, Room2 engine.Location
	Ada, Ben, Cleo                 engine.Provider
	Checkup, Surgery               engine.Service

	// The ones to take when any will do.
	Provider engine.Provider // Ada
	Location engine.Location // the practice
	Service  engine.Service  // the check-up

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
func Hours(text string) engine.Week {
	week, err := engine.ParseHours(text)
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
			return engine.Fail(engine.Invalid, "Invalid request body").On("url", "must begin with https://")
		}
	}
	if o.Sealer == nil {
		var err error
		o.Sealer, err = engine.NewSealer([]byte("the standard clinic's sealer key"))
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
	c.Row, err = c.Engine.CreateClinic(ctx, engine.Shell(0, "init"), engine.ClinicDraft{
		Slug: "praxis", Name: "Praxis am Markt", TimeZone: Zone, Country: "DE",
		Hours: Hours("Mon-Fri 09:00-12:00,13:00-17:00"), LocationName: "Practice", ProviderName: "Ada",
	})
	Must(t, err)
	c.Caller = engine.Caller{Clinic: c.Row.N, Kind: engine.ActorKey, ID: "live", Label: "qbk_live_enginete",
		Scopes: engine.AllScopes, IP: "192.0.2.1", RequestID: "req_live"}
	c.Test = engine.Caller{Clinic: c.Row.N, Kind: engine.ActorKey, ID: "test", Label: "qbk_test_enginete",
		Scopes: engine.AllScopes, Test: true, IP: "192.0.2.2", RequestID: "req_test"}
	c.Shell = engine.Shell(c.Row.N, "test")
	c.Ada = first(t, func() (engine.List[engine.Provider], error) { return c.Engine.Providers(ctx, c.Caller, engine.Page{}) })
	c.Practice = first(t, func() (engine.List[engine.Location], error) { return c.Engine.Locations(ctx, c.Caller, engine.Page{}) })
}

func first[T any](t testing.TB, list func() (engine.List[T], error)) T {
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
	c.Branch = c.AddLocation(t, engine.LocationDraft{Name: new("Branch")})
	c.Room1 = c.AddLocation(t, engine.LocationDraft{Name: new("Room 1"), ParentID: &c.Practice.ID})
	c.Room2 = c.AddLocation(t, engine.LocationDraft{Name: new("Room 2"), ParentID: &c.Practice.ID})
	c.Ben = c.AddProvider(t, engine.ProviderDraft{DisplayName: new("Ben"), LocationIDs: &[]int64{c.Practice.ID, c.Branch.ID}})
	c.Cleo = c.AddProvider(t, engine.ProviderDraft{DisplayName: new("Cleo"), LocationIDs: &[]int64{c.Branch.ID}})
	c.PutHours(t, engine.OwnedBy('p', c.Ben.ID), "Mon-Wed 08:00-14:00")
	c.PutHours(t, engine.OwnedBy('l', c.Branch.ID), "Mon-Fri 08:00-20:00")
	c.Checkup = c.AddService(t, engine.ServiceDraft{Name: new("Check-up"), DurationMinutes: new(30)})
	room := engine.AtRoom
	c.Surgery = c.AddService(t, engine.ServiceDraft{Name: new("Surgery"), DurationMinutes: new(60), LocationKind: &room,
		BufferBefore: new(10), BufferAfter: new(10), ProviderIDs: &[]int64{c.Ada.ID, c.Ben.ID}})
	for _, p := range []*engine.Provider{&c.Ada, &c.Ben, &c.Cleo} { // the services gave them new versions
		var err error
		*p, err = c.Engine.Provider(t.Context(), c.Caller, p.ID)
		Must(t, err)
	}
	c.Provider, c.Location, c.Service = c.Ada, c.Practice, c.Checkup
}

// AddLocation, AddProvider, AddService and PutHours change the clinic or end the test.
func (c *Clinic) AddLocation(t testing.TB, d engine.LocationDraft) engine.Location {
	t.Helper()
	l, err := c.Engine.CreateLocation(t.Context(), c.Caller, d)
	Must(t, err)
	return l
}

// AddProvider adds a provider.
func (c *Clinic) AddProvider(t testing.TB, d engine.ProviderDraft) engine.Provider {
	t.Helper()
	p, err := c.Engine.CreateProvider(t.Context(), c.Caller, d)
	Must(t, err)
	return p
}

// AddService adds a service.
func (c *Clinic) AddService(t testing.TB, d engine.ServiceDraft) engine.Service {
	t.Helper()
	s, err := c.Engine.CreateService(t.Context(), c.Caller, d)
	Must(t, err)
	return s
}

// PutHours sets an owner's weekly hours, as text.
func (c *Clinic) PutHours(t testing.TB, owner engine.OwnerRef, hours string) engine.ScheduleChange {
	t.Helper()
	s, err := c.Engine.PutSchedule(t.Context(), c.Caller, owner, nil, engine.Schedule{Weekly: Hours(hours)})
	Must(t, err)
	return s
}

// Hook makes a webhook that hears everything; it leaves no trace for Since.
func (c *Clinic) Hook(t testing.TB, caller engine.Caller) engine.Webhook {
	t.Helper()
	h, err := c.Engine.CreateWebhook(t.Context(), caller, engine.WebhookDraft{URL: new("https://crm.example.com/hook"), Events: &[]string{"*"}})
	Must(t, err)
	c.Since(t)
	return h
}

// Rival founds another clinic in the same file and gives a caller of it with
// every scope, and its provider: whatever they touch of ours must not exist.
func (c *Clinic) Rival(t testing.TB) (engine.Caller, engine.Provider) {
	t.Helper()
	row, err := c.Engine.CreateClinic(t.Context(), engine.Shell(0, "init"), engine.ClinicDraft{
		Slug: "rival", Name: "Rival", TimeZone: Zone, Country: "DE", Hours: Hours("Mon-Sun 00:00-24:00"),
	})
	Must(t, err)
	caller := engine.Caller{Clinic: row.N, Kind: engine.ActorKey, ID: "rival", Label: "qbk_live_rivalriv", Scopes: engine.AllScopes}
	return caller, first(t, func() (engine.List[engine.Provider], error) {
		return c.Engine.Providers(t.Context(), caller, engine.Page{})
	})
}

// Read runs fn on a snapshot of the database.
func (c *Clinic) Read(t testing.TB, fn func(r engine.Reader) error) {
	t.Helper()
	Must(t, c.Store.View(context.Background(), fn))
}

// Write runs fn in a transaction, past all rules of the engine.
func (c *Clinic) Write(t testing.TB, fn func(tx engine.Tx) error) {
	t.Helper()
	Must(t, c.Store.Update(context.Background(), fn))
}
