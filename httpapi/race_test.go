package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/enginetest/proof"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
)

// Sixty-four clients book overlapping, unequal times through HTTP, some of them
// by way of a hold and some beside HTTP as the shell does: no two live footprints
// of the provider overlap in the table, every loser hears 409 with open slots,
// and nobody hears a 5xx (proof.md §2, R2).
func TestRacingClients(t *testing.T) {
	const inAYear = 250 // days on which the clinic is open, before its horizon
	rounds := proof.Times(24, 100, 500)
	var won, lost int64
	for left := rounds; left > 0; left -= inAYear {
		w, l := raceDays(t, min(left, inAYear))
		won, lost = won+w, lost+l
	}
	proof.Row(t, "R2", "64 clients × 500 slots, API, CLI and holds mixed: one winner each, losers 409, 0 5xx",
		"64 clients × %d days of overlapping, unequal times: %d won, no two overlap, %d heard 409 with open slots, "+
			"0 5xx", rounds, won, lost)
}

// raceDays is the race over so many days of a clinic of its own.
func raceDays(t *testing.T, rounds int) (wins, losses int64) {
	t.Helper()
	const clients = 64
	w := newWorld(t)
	server := httptest.NewServer(w.s)
	defer server.Close()
	server.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = clients
	leads := make([]string, clients)
	for i := range leads {
		name := fmt.Sprintf("Client %d", i)
		l, err := w.e.PutLead(context.Background(), w.ann, people.LeadDraft{Name: &name})
		if err != nil {
			t.Fatal(err)
		}
		leads[i] = l.Lead.ID
	}
	var won, lost atomic.Int64
	for round := range rounds {
		day := monday.AddDate(0, 0, round/5*7+round%5).Add(time.Hour) // opening time
		var wait sync.WaitGroup
		for i := range clients {
			start := day.Add(time.Duration(i*7%89) * 5 * time.Minute)
			end := start.Add(time.Duration(10+i%6*10) * time.Minute)
			wait.Go(func() {
				switch taken, err := take(w, server, i, leads[i], start, end); {
				case err != nil:
					t.Error(err)
				case taken:
					won.Add(1)
				default:
					lost.Add(1)
				}
			})
		}
		wait.Wait()
	}
	if won.Load() == 0 || lost.Load() == 0 {
		t.Errorf("%d won and %d lost: that was no race", won.Load(), lost.Load())
	}
	err := engine.View(context.Background(), w.db, func(r engine.Reader) error {
		rows, err := r.Busy(booking.ProviderResource(1), false,
			calendar.Span{Start: monday.Unix(), End: monday.AddDate(1, 0, 0).Unix()}, nil)
		for i := 1; i < len(rows); i++ {
			if rows[i].Start < rows[i-1].End {
				t.Errorf("%v and %v overlap", rows[i-1].Span, rows[i].Span)
			}
		}
		if len(rows) != int(won.Load()) {
			t.Errorf("%d footprints of %d bookings", len(rows), won.Load())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return won.Load(), lost.Load()
}

// take books one time in one of three ways; false = it was taken.
func take(w *world, server *httptest.Server, i int, lead string, start, end time.Time) (bool, error) {
	from, to := start.Format(time.RFC3339), end.Format(time.RFC3339)
	switch i % 8 {
	case 0: // beside HTTP
		_, err := w.e.Book(context.Background(), w.ann,
			booking.Booking{LeadID: lead, ProviderID: 1, StartsAt: start.Unix(), EndsAt: end.Unix()})
		if kind := fault.KindOf(err); kind != "" && kind != fault.SlotTaken {
			return false, err
		}
		return err == nil, nil
	case 1: // hold first
		status, body, err := post(w, server, "/holds",
			fmt.Sprintf(`{"provider_id":1,"scheduled_at":%q,"ends_at":%q}`, from, to))
		if err != nil || status != http.StatusCreated {
			return false, expect409(status, body, err)
		}
		var hold struct {
			Data struct{ ID, Token string }
		}
		if err := json.Unmarshal(body, &hold); err != nil {
			return false, err
		}
		status, body, err = post(w, server, "/appointments",
			fmt.Sprintf(`{"lead_id":%q,"hold_id":%q,"hold_token":%q}`, lead, hold.Data.ID, hold.Data.Token))
		if err == nil && status != http.StatusCreated {
			err = fmt.Errorf("a held slot was refused: %d %s", status, body)
		}
		return err == nil, err
	}
	status, body, err := post(w, server, "/appointments",
		fmt.Sprintf(`{"lead_id":%q,"provider_id":1,"scheduled_at":%q,"ends_at":%q}`, lead, from, to))
	if err == nil && status == http.StatusCreated {
		return true, nil
	}
	return false, expect409(status, body, err)
}

// expect409 is nil for the one refusal that a race may bring, or one of closed hours.
func expect409(status int, body []byte, err error) error {
	if err != nil {
		return err
	}
	if status == http.StatusConflict && bytes.Contains(body, []byte(`"SLOT_TAKEN"`)) &&
		bytes.Contains(body, []byte(`"alternatives":[`)) {
		return nil
	}
	return fmt.Errorf("status %d: %s", status, body)
}

func post(w *world, server *httptest.Server, path, body string) (int, []byte, error) {
	r, err := http.NewRequest("POST", server.URL+Base+path, bytes.NewBufferString(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", w.live[len("Authorization: "):])
	r.Header.Set("Content-Type", "application/json")
	reply, err := server.Client().Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return reply.StatusCode, text, err
}
