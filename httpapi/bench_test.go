package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/julienschmidt/httprouter"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/store"
	"qualifybase/store/storetest"
)

// discard is a ResponseWriter that costs nothing, so that the figure is ours.
type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkRouted compares an authenticated, rate-limited, validated, logged GET
// with a bare httprouter handler that writes as many bytes, in process: what the
// middleware costs beside the 25 µs of a connection.
func BenchmarkRouted(b *testing.B) {
	keys := &keyring{}
	text := keys.add(secret.FamilyLive, func(k *access.Key) { n := 1 << 30; k.RatePerMinute = &n }, scope.LeadsRead)
	bt := &bench{keys: keys}
	s, err := New(engine.New(keys, engine.Options{}), Options{AllowHTTP: true, More: bt.groups()})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/api/v1/pets/1", nil)
	r.Header.Set("Authorization", "Bearer "+text)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.ServeHTTP(&discard{http.Header{}}, r)
		}
	})
	bare := httprouter.New()
	body := []byte(`{"data":{"id":"1","pet_name":"","seen_at":null,"metadata":null}}`)
	bare.GET("/api/v1/pets/:id", func(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bare.ServeHTTP(&discard{http.Header{}}, r)
		}
	})
}

// BenchmarkOffice is the same over a real database: a week's five open slots, a
// lead by its id, and what a bare handler does with as many bytes.
func BenchmarkOffice(b *testing.B) {
	w := newOffice(b)
	bare := httprouter.New()
	serve := func(name, target string) {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", target, nil)
			r.Header.Set("Authorization", "Bearer "+w.secret)
			rec := httptest.NewRecorder()
			w.s.ServeHTTP(rec, r)
			if rec.Code != 200 {
				b.Fatalf("%d %s", rec.Code, rec.Body)
			}
			b.ReportAllocs()
			for b.Loop() {
				w.s.ServeHTTP(&discard{http.Header{}}, r)
			}
		})
		path, _, _ := strings.Cut(target, "?")
		body := make([]byte, 600)
		bare.GET("/bare"+path, func(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body)
		})
		b.Run("bare "+name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/bare"+path, nil)
			b.ReportAllocs()
			for b.Loop() {
				bare.ServeHTTP(&discard{http.Header{}}, r)
			}
		})
	}
	serve("availability", "/api/v1/availability?from=2026-04-27&to=2026-05-04&limit=5&provider_id=1")
	serve("lead", "/api/v1/leads/"+w.lead)
}

type office struct {
	s            *Server
	secret, lead string
}

func newOffice(b *testing.B) office {
	b.Helper()
	ctx := context.Background()
	now := func() time.Time { return monday }
	// The store's clock too, or its calendar in memory is that of other days.
	e := engine.New(storetest.OpenWith(b, filepath.Join(b.TempDir(), "qb.db"), store.Options{Now: now}),
		engine.Options{Now: now})
	s, err := newServer(e, Options{AllowHTTP: true, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		b.Fatal(err)
	}
	week, _ := calendar.ParseHours("Mon-Fri 09:00-17:00")
	c, err := e.CreateClinic(ctx, act.Shell(0, "init"),
		directory.ClinicDraft{Name: "Bench", TimeZone: "Europe/Berlin", Country: "DE", Hours: week})
	if err != nil {
		b.Fatal(err)
	}
	rate := 1_000_000
	k, err := e.CreateKey(ctx, act.Shell(c.N, "bench"),
		access.KeyDraft{Name: "bench", Family: secret.FamilyLive, RatePerMinute: &rate})
	if err != nil {
		b.Fatal(err)
	}
	name := "Ada"
	l, err := e.PutLead(ctx, act.Shell(c.N, "bench"), people.LeadDraft{Name: &name})
	if err != nil {
		b.Fatal(err)
	}
	return office{s, k.Secret, l.Lead.ID}
}
