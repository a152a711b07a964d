package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/julienschmidt/httprouter"

	"qualifybase/engine"
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
	text := keys.add(engine.FamilyLive, func(k *engine.Key) { n := 1 << 30; k.RatePerMinute = &n }, engine.LeadsRead)
	bt := &bench{keys: keys}
	s, err := New(engine.New(keys, engine.Options{}), Options{AllowHTTP: true, More: bt.rows()})
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
