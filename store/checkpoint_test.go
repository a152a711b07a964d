package store

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/people"
	"qualifybase/engine/rights"
)

// TestTheErasedLeaveNoTraces: neither the file nor its log holds somebody who was
// erased, also not what an earlier version of the row said. Of few a remnant may
// stay in the gap of a page that SQLite laid out anew when rows moved between
// pages: that gap is the one place which secure_delete does not reach.
func TestTheErasedLeaveNoTraces(t *testing.T) {
	h := openHouse(t, Options{})
	const everyone, few = 120, 3
	mark := func(i int) string { return fmt.Sprintf("zebra%03dx", i) } // folded as it is
	long := func(i, n int) string { return strings.Repeat(mark(i)+" ", n) }
	ids := make([]int64, everyone)
	leads := make([]string, everyone)
	for round := range 3 {
		for i := range everyone {
			p := people.Patient{ID: ids[i], Clinic: h.clinic, MRN: mark(i), GivenName: mark(i), FamilyName: mark(i),
				Email: mark(i), EmailKey: mark(i),
				AdminNotes: long(i, 1+(i*37+round*91)%700), Sex: people.SexUnknown, Status: people.PatientActive, Meta: meta()}
			l := people.Lead{ID: leads[i], Clinic: h.clinic, Name: mark(i), NameKey: mark(i), EmailKey: mark(i),
				Notes:  long(i, (i+round)%300),
				Status: people.LeadNew, Source: "web", Meta: meta()}
			h.must(t, func(tx engine.Tx) error {
				if round > 0 {
					if err := tx.UpdatePatient(p); err != nil {
						return err
					}
					return tx.UpdateLead(l)
				}
				l.ID = id()
				if err := tx.InsertPatient(&p); err != nil {
					return err
				}
				ids[i], leads[i] = p.ID, l.ID
				return tx.InsertLead(l)
			})
		}
	}
	for i := 0; i < everyone; i += 2 {
		h.must(t, func(tx engine.Tx) error {
			p := people.Patient{ID: ids[i], Clinic: h.clinic, MRN: fmt.Sprint("erased-", i), GivenName: "Erased",
				FamilyName: "Patient", Sex: people.SexUnknown,
				Status: people.PatientInactive, ErasedAt: noon.Unix(), Restricted: true, Meta: meta()}
			if err := tx.UpdatePatient(p); err != nil {
				return err
			}
			if err := tx.DeleteLead(h.clinic, leads[i]); err != nil {
				return err
			}
			return tx.InsertErasure(h.clinic, rights.Erasure{ID: id(), PatientID: p.ID, CreatedAt: p.CreatedAt,
				ErasedAt: noon.Unix()})
		})
	}
	left := func() (found []string) {
		for _, name := range []string{h.path, h.path + "-wal"} {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < everyone; i += 2 {
				if n := bytes.Count(data, []byte(mark(i))); n > 0 {
					found = append(found, fmt.Sprintf("%s holds %d of %s", name[len(name)-4:], n, mark(i)))
				}
			}
		}
		return found
	}
	// The log is emptied in an idle moment.
	for until := time.Now().Add(30 * time.Second); len(left()) > few &&
		time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
	}
	if found := left(); len(found) > few {
		t.Errorf("%d traces: %s", len(found), strings.Join(found[:min(5, len(found))], "; "))
	}
	if data, _ := os.ReadFile(h.path); !bytes.Contains(data, []byte(mark(1))) {
		t.Error("the others are not there, either")
	}
}
