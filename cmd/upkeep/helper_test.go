package upkeep

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"qualifybase/cmd/config"
	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/people"
	"qualifybase/engine/secret"
)

// newClinic is a data directory with a clinic of the slug park and some bookings.
func newClinic(t *testing.T, bookings int) Dir {
	t.Helper()
	schema, err := os.ReadFile("../../schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	d := Dir{Path: filepath.Join(t.TempDir(), "data"), Schema: string(schema), Version: "test", Now: time.Now}
	if err := d.Make(); err != nil {
		t.Fatal(err)
	}
	st, err := d.OpenOrMake(config.Default().Database, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	e, ctx := engine.New(st, engine.Options{}), t.Context()
	week, err := calendar.ParseHours("Mon-Sun 00:00-24:00")
	if err != nil {
		t.Fatal(err)
	}
	clinic, err := e.CreateClinic(ctx, act.Shell(0, "test"),
		directory.ClinicDraft{Name: "Park", TimeZone: "UTC", Country: "US", Hours: week})
	if err != nil {
		t.Fatal(err)
	}
	c := act.Shell(clinic.N, "test")
	lead, err := e.PutLead(ctx, c, people.LeadDraft{Name: new("Person")})
	for i := 0; i < bookings && err == nil; i++ {
		start := time.Now().UTC().Truncate(24*time.Hour).Unix() + 86400 + int64(i)*1800
		_, err = e.Book(ctx, c, booking.Booking{LeadID: lead.Lead.ID, StartsAt: start, EndsAt: start + 1800,
			Title: "Consultation"})
	}
	_, e2 := secret.OpenSealer(d.Path)
	if err := errors.Join(err, e2, st.Close()); err != nil {
		t.Fatal(err)
	}
	return d
}

// kindOf is the kind of an error; "" where it has none.
func kindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// backUp makes a backup by hand and gives its file.
func backUp(t *testing.T, d Dir, dest string) string {
	t.Helper()
	m, err := d.NewMaker(config.Default())
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Make(t.Context(), dest, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b.Path
}

// newAgeKey makes a pair: the public key, and the file of the private one.
func newAgeKey(t *testing.T) (public, file string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte("# "+id.Recipient().String()+"\n"+id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return id.Recipient().String(), file
}
