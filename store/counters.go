package store

import (
	"qualifybase/engine/act"
)

// clinicCounters are a clinic's running numbers as the writer keeps them between groups.
type clinicCounters struct {
	clinic  int64
	now     act.Counters // what Tx.Counters hands out and use cases move on
	stored  act.Counters // what the file says
	inGroup bool         // asked for in the open group
}

// takenCounters are counters that a member was given, and their value then.
type takenCounters struct {
	h     *clinicCounters
	first act.Counters
}

// Counters implements engine.Tx. The pointer is good until the Update or the
// Savepoint that asked for it ends.
func (t *tx) Counters(clinic int64) (*act.Counters, error) {
	if t.ended {
		return nil, errEnded
	}
	for _, a := range t.taken {
		if a.h.clinic == clinic {
			return &a.h.now, nil
		}
	}
	h := t.w.counters[clinic]
	if h == nil {
		h = &clinicCounters{clinic: clinic}
		found, err := t.get(`SELECT change, event, audit, mrn, stamp, audit_hash
			FROM counters WHERE clinic = ?`, func(r *row) {
			h.stored = act.Counters{Change: r.int(), Event: r.int(), Audit: r.int(), MRN: r.int(), Stamp: r.int(),
				AuditHash: r.text()}
		}, clinic)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, absent("clinic")
		}
		h.now = h.stored
		t.w.counters[clinic] = h
	}
	t.taken = append(t.taken, takenCounters{h, h.now})
	if !h.inGroup {
		h.inGroup = true
		t.w.inUse = append(t.w.inUse, h)
	}
	return &h.now, nil
}

// storeCounters writes the numbers that the group has moved.
func (w *writer) storeCounters() error {
	for _, h := range w.inUse {
		if h.now == h.stored {
			continue
		}
		n, _, err := w.c.exec("UPDATE counters SET change = ?, event = ?, audit = ?, mrn = ?, stamp = ?, audit_hash = ? "+
			"WHERE clinic = ?",
			h.now.Change, h.now.Event, h.now.Audit, h.now.MRN, h.now.Stamp, h.now.AuditHash, h.clinic)
		if err != nil {
			return err
		}
		if n == 0 { // its clinic was made and rolled back in this group
			delete(w.counters, h.clinic)
		}
	}
	return nil
}

// lastChange is the clinic's last change number as this snapshot sees it.
func (r *reads) lastChange(clinic int64) (int64, error) {
	if r.tx != nil {
		h, err := r.tx.Counters(clinic)
		if err != nil {
			return 0, err
		}
		return h.Change, nil
	}
	return r.number("SELECT change FROM counters WHERE clinic = ?", clinic)
}
