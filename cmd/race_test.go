package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"qualifybase/engine/enginetest/proof"
)

// Clients of a real server, some by way of a hold, and four shells that import
// calendars into the same file beside it want the same half hours: each has one
// winner, losers hear 409 or a faulty line, and nobody a 5xx (proof.md R2).
func TestShellsAndClientsRace(t *testing.T) {
	slots, clients := proof.Times(60, 200, 500), proof.Times(12, 24, 64)
	s := newSite(t, "")
	s.env = append(s.env, "QB_LOG_LEVEL=warn")
	p := s.serve()
	first := time.Now().AddDate(0, 0, 2).Truncate(24 * time.Hour)
	at := func(i int) string {
		start := first.Add(time.Duration(i) * 30 * time.Minute)
		return fmt.Sprintf(`"scheduled_at":%q,"ends_at":%q`, start.Format(time.RFC3339),
			start.Add(30*time.Minute).Format(time.RFC3339))
	}
	const shellsRun, quarter = 4, 5 // shells, and how many slots they import at once
	under := make(chan struct{})
	var began sync.Once
	var won, lost, shells atomic.Int64
	var wait sync.WaitGroup
	for c := range clients {
		lead, err := idIn(p.must(http.StatusCreated, "POST", "/leads", fmt.Sprintf(`{"name":"Client %d"}`, c)))
		if err != nil {
			t.Fatal(err)
		}
		chance := rand.New(rand.NewPCG(proof.Seed(t, 2), uint64(c))) // #nosec G404 G115 -- chosen
		wait.Go(func() {
			<-under // a shell takes a moment to start
			for _, i := range chance.Perm(slots) {
				where := at(i)
				if c%3 == 0 {
					status, body, err := p.call("POST", "/holds", `{"provider_id":1,`+where+`}`, "")
					var hold struct{ Data struct{ ID, Token string } }
					if err == nil && status == http.StatusCreated {
						err = json.Unmarshal(body, &hold)
					}
					if taken, ok := raced(t, "hold", status, body, err); !ok || taken {
						lost.Add(1)
						continue
					}
					where = fmt.Sprintf(`"hold_id":%q,"hold_token":%q`, hold.Data.ID, hold.Data.Token)
				}
				status, body, err := p.call("POST", "/appointments",
					fmt.Sprintf(`{"lead_id":%q,"provider_id":1,%s}`, lead, where), "")
				if taken, ok := raced(t, "book", status, body, err); ok && !taken {
					won.Add(1)
				} else if lost.Add(1); c%3 == 0 {
					t.Errorf("a held slot was refused: %d %s", status, body)
				}
			}
		})
	}
	for n := range shellsRun {
		wait.Go(func() {
			for i := n * quarter; i < slots; i += shellsRun * quarter {
				shells.Add(s.imports(first, i, min(i+quarter, slots), n))
				began.Do(func() { close(under) })
			}
		})
	}
	wait.Wait()
	db := s.database()
	defer db.Close()
	var rows, overlaps int64
	if err := db.QueryRow(`SELECT count(*) FROM occupancy WHERE live = 1`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRow(invariants["footprints that overlap"]).Scan(&overlaps); err != nil {
		t.Fatal(err)
	}
	if rows != int64(slots) || won.Load()+shells.Load() != rows || overlaps != 0 {
		t.Errorf("%d of %d slots are taken, %d overlap; clients won %d, shells %d", rows, slots, overlaps, won.Load(),
			shells.Load())
	}
	if shells.Load() == 0 || won.Load() == 0 || lost.Load() == 0 {
		t.Error("that was no race")
	}
	proof.Row(t, "R2", "64 clients × 500 slots, API, CLI and holds mixed: one winner each, losers 409, 0 5xx",
		"%d clients and 4 shells over %d slots: one winner each (clients %d, shells %d), %d refused 409, 0 5xx", clients,
		slots, won.Load(), shells.Load(), lost.Load())
}

// raced reads an answer: taken, or ok without.
func raced(t *testing.T, what string, status int, body []byte, err error) (taken, ok bool) {
	switch {
	case err == nil && status == http.StatusCreated:
		return false, true
	case err == nil && status == http.StatusConflict && strings.Contains(string(body), `"SLOT_TAKEN"`):
		return true, true
	}
	t.Errorf("%s: %d %v %s", what, status, err, body)
	return false, false
}

// imports books the slots from one to another by a shell beside the server, and
// gives how many it won.
func (s *site) imports(first time.Time, from, to, shell int) int64 {
	var csv strings.Builder
	csv.WriteString("scheduled_at,ends_at,name,email,provider_id\n")
	for i := from; i < to; i++ {
		start := first.Add(time.Duration(i) * 30 * time.Minute)
		fmt.Fprintf(&csv, "%s,%s,Shell %d,shell%d@example.com,1\n", start.Format(time.RFC3339),
			start.Add(30*time.Minute).Format(time.RFC3339), shell, shell)
	}
	path := filepath.Join(s.TempDir(), "slots.csv")
	if err := os.WriteFile(path, []byte(csv.String()), 0o600); err != nil {
		s.Error(err)
		return 0
	}
	c := s.command("appointments", "import", path, "--skip-bad", "--json")
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	err := c.Run()
	var report struct {
		Booked int64
		Faulty []faultJSON
	}
	if json.Unmarshal(out.Bytes(), &report) != nil {
		s.Errorf("the shell said %v: %s%s", err, out.String(), said.String())
	}
	for _, f := range report.Faulty {
		if len(f.Details) == 0 || !strings.Contains(f.Details[0].Message, "no longer free") {
			s.Errorf("the shell heard %v", f.Details)
		}
	}
	return report.Booked
}
