package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
)

func (h *house) newLead(n int, at int64) people.Lead {
	m := meta()
	m.CreatedAt, m.UpdatedAt, m.Change = at, at, int64(n)
	return people.Lead{
		ID: id(), Clinic: h.clinic, Source: "web", Name: fmt.Sprint("Name ", n), NameKey: fmt.Sprint("name ", n),
		Email: fmt.Sprintf("N%d@example.org", n), EmailKey: fmt.Sprintf("n%d@example.org", n),
		PhoneKey: fmt.Sprintf("+49%07d", n),
		Status:   people.LeadNew, Meta: m,
	}
}

// No row is repeated or skipped while others are written (contract.md §7).
func TestPagesWhileOthersWrite(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	there := map[string]bool{h.lead: true}
	h.must(t, func(tx engine.Tx) error {
		for n := range 300 { // many share a second
			l := h.newLead(n+2, noon.Unix()+int64(n/7))
			there[l.ID] = true
			if err := tx.InsertLead(l); err != nil {
				return err
			}
		}
		return nil
	})
	stop := make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 1000; ; n++ {
			select {
			case <-stop:
				return
			default:
				h.must(t, func(tx engine.Tx) error { return tx.InsertLead(h.newLead(n, noon.Unix()+int64(n%60))) })
			}
		}
	})
	seen := map[string]bool{}
	var after act.Position
	for {
		var page []people.Lead
		see(t, h.Store, func(r engine.Reader) (err error) {
			page, err = r.Leads(people.LeadQuery{Clinic: h.clinic}, after, 17)
			return err
		})
		if len(page) == 0 {
			break
		}
		for _, l := range page {
			if seen[l.ID] {
				t.Fatalf("%s came twice", l.ID)
			}
			seen[l.ID] = true
		}
		last := page[len(page)-1]
		after = act.Position{CreatedAt: last.CreatedAt, ID: last.ID}
	}
	close(stop)
	wg.Wait()
	for id := range there {
		if !seen[id] {
			t.Errorf("%s was skipped", id)
		}
	}
}

// A sync hears of every row that changed since, whatever the clock did.
func TestSyncSkipsNothing(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	h.must(t, func(tx engine.Tx) error { return tx.DeleteLead(h.clinic, h.lead) })
	var ids []string
	put := func(at int64) {
		h.must(t, func(tx engine.Tx) error {
			counters, err := tx.Counters(h.clinic)
			if err != nil {
				return err
			}
			counters.Change++
			counters.Stamp = max(counters.Stamp, at) // as the engine does: times never fall along the numbers
			l := h.newLead(int(counters.Change), counters.Stamp)
			ids = append(ids, l.ID)
			return tx.InsertLead(l)
		})
	}
	t0 := noon.Unix()
	for _, at := range []int64{t0 - 100, t0, t0 + 5, t0 - 50, t0 + 5, t0 - 3000} { // the clock goes back twice
		put(at)
	}
	walk := func(since int64) (got []string) {
		var after act.Position
		for {
			see(t, h.Store, func(r engine.Reader) error {
				page, err := r.Leads(people.LeadQuery{Clinic: h.clinic, UpdatedSince: &since, Source: "web"}, after, 2)
				for _, l := range page {
					got = append(got, l.ID)
					after.Number = l.Change
				}
				if len(page) == 0 {
					after.Number = -1
				}
				return err
			})
			if after.Number < 0 {
				return got
			}
		}
	}
	if got := walk(t0); !slices.Equal(got, ids[1:]) {
		t.Errorf("since noon: %v, want %v", got, ids[1:])
	}
	if got := walk(t0 + 5); !slices.Equal(got, ids[2:]) {
		t.Errorf("since 5 past: %v, want %v", got, ids[2:])
	}
	see(t, h.Store, func(r engine.Reader) error {
		since := t0 + 5
		if n, err := r.CountLeads(people.LeadQuery{Clinic: h.clinic, UpdatedSince: &since}); n != 4 || err != nil {
			t.Errorf("counted %d, %v", n, err)
		}
		first, err := r.FirstLeadChange(h.clinic, false, t0+1000)
		if first != 7 {
			t.Errorf("nothing is newer: a sync starts at %d, want 7, the next number", first)
		}
		return err
	})
}

func TestSearchFindsPrefixes(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	h.must(t, func(tx engine.Tx) error {
		for n := range 30 {
			if err := tx.InsertLead(h.newLead(n+1, noon.Unix())); err != nil {
				return err
			}
		}
		return nil
	})
	for q, want := range map[string]int{"name 1": 11, "n2@": 1, "+490000": 30, "+4900003": 0, "max": 1, "ame": 0, "ü": 0,
		"name": 30} {
		see(t, h.Store, func(r engine.Reader) error {
			query := people.LeadQuery{Clinic: h.clinic, Q: q}
			list, err := r.Leads(query, act.Position{}, 100)
			if err != nil {
				return err
			}
			n, err := r.CountLeads(query)
			if len(list) != want || int(n) != want {
				t.Errorf("%q found %d, counted %d, want %d", q, len(list), n, want)
			}
			return err
		})
	}
	see(t, h.Store, func(r engine.Reader) error {
		list, err := r.Patients(people.PatientQuery{Clinic: h.clinic, Starts: []string{"n:byr"}}, act.Position{}, 10)
		if len(list) != 1 {
			t.Errorf("patients: %v", list)
		}
		return err
	})
}

func TestDirectoryPages(t *testing.T) {
	t.Parallel()
	h := furnish(t, openAt(t, t.TempDir()+"/qb.db", Options{}), 11)
	var got []int64
	var after act.Position
	for {
		var page []directory.Provider
		see(t, h.Store, func(r engine.Reader) (err error) {
			page, err = r.Providers(h.clinic, after, 4)
			return err
		})
		if len(page) == 0 {
			break
		}
		for _, p := range page {
			got = append(got, p.ID)
		}
		last := page[len(page)-1]
		after = act.Position{CreatedAt: last.CreatedAt, ID: strconv.FormatInt(last.ID, 10)}
	}
	slices.Reverse(got)
	if !slices.Equal(got, h.providers) {
		t.Errorf("walked %v, want %v", got, h.providers)
	}
	err := engine.View(context.Background(), h, func(r engine.Reader) error {
		_, err := r.Providers(h.clinic, act.Position{CreatedAt: 1, ID: "x"}, 4)
		return err
	})
	if fault.KindOf(err) != fault.InvalidCursor {
		t.Errorf("a cursor of another list: %v", err)
	}
}

// Every question of a hot path or a long list is answered by an index.
func TestQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	c, err := dial(h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for name, q := range map[string]string{
		"busy": "SELECT id, s, e, expires_at FROM occupancy WHERE live = 1 AND resource = ? AND test = ? AND s " +
			"> ? AND s < ? AND e > ? ORDER BY s, e, expires_at, id",
		"expired": "SELECT hold_id FROM occupancy WHERE resource = ? AND test = ? AND expires_at <= ?",
		"page": selectLead +
			" WHERE clinic = ? AND test = ? AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?+0",
		"sync":  selectLead + " WHERE clinic = ? AND test = ? AND change > ? ORDER BY change LIMIT ?+0",
		"since": "SELECT min(change) FROM leads WHERE clinic = ? AND test = ? AND updated_at >= ?",
		"appts": selectAppointment +
			" WHERE clinic = ? AND test = ? AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?+0",
		"person": "SELECT id FROM appointments WHERE (lead_id = ? OR patient_id = ?) AND starts_at > ? AND " +
			"starts_at < ?",
		"cap": "SELECT count(*) FROM appointments WHERE service_id = ? AND test = ? AND starts_at >= ? AND " +
			"starts_at < ?",
		"history": selectAudit + " WHERE clinic = ? AND entity = 'appointment' AND entity_id = ? ORDER BY seq",
		"audit":   selectAudit + " WHERE clinic = ? AND patient_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?+0",
		"reply":   "SELECT status FROM idempotency WHERE h = ?",
		"old replies": "DELETE FROM idempotency WHERE created_at < ? AND id IN (SELECT id FROM idempotency ORDER BY " +
			"id LIMIT ?+0)",
		"email": selectLead + " WHERE clinic = ? AND test = ? AND email_key = ? AND email_key <> ''",
		"search": "SELECT id FROM leads WHERE clinic = ? AND test = ? AND name_key <> '' AND name_key >= ? AND " +
			"name_key < ?",
		"key":     selectKey + " WHERE family = ? AND key_id = ?",
		"callers": "DELETE FROM holds WHERE clinic = ? AND caller = ? AND expires_at < ?",
	} {
		args := make([]any, strings.Count(q, "?"))
		var plan []string
		err := c.query("EXPLAIN QUERY PLAN "+q, func(r *row) error {
			r.skip()
			r.skip()
			r.skip()
			plan = append(plan, r.text())
			return nil
		}, args...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, step := range plan {
			if strings.HasPrefix(step, "SCAN") && step != "SCAN idempotency" || strings.Contains(step, "TEMP B-TREE") &&
				name != "email" {
				t.Errorf("%s: %s", name, strings.Join(plan, " | "))
			}
		}
	}
}
