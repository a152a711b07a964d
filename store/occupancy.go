package store

import (
	"fmt"
	"strconv"

	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
)

const selectOccupancy = `SELECT id, clinic, resource, test, s, e, appointment_id, hold_id, expires_at, live, override FROM occupancy`

func scanOccupancy(r *row) booking.Occupancy {
	o := booking.Occupancy{Row: r.int(), Clinic: r.int()}
	o.Resource = resource(r)
	o.Test, o.Footprint = r.bool(), calendar.Span{Start: r.int(), End: r.int()}
	o.AppointmentID, o.HoldID, o.ExpiresAt = r.text(), r.text(), r.int()
	o.Live, o.Override = r.bool(), r.bool()
	return o
}

// resource reads "p1" or "l1".
func resource(r *row) booking.Resource {
	text := r.text()
	if len(text) < 2 {
		r.fail("is no resource")
		return booking.Resource{}
	}
	id, err := strconv.ParseInt(text[1:], 10, 64)
	if err != nil {
		r.fail("is no resource")
	}
	return booking.Resource{Kind: text[0], ID: id}
}

// OccupancyOf implements engine.Reader.
func (r *reads) OccupancyOf(appointmentID, holdID string) ([]booking.Occupancy, error) {
	switch {
	case appointmentID != "" && holdID != "":
		return nil, fmt.Errorf("OccupancyOf asks for an appointment or a hold, not both")
	case appointmentID != "":
		return list(r, scanOccupancy, selectOccupancy+" WHERE appointment_id = ? ORDER BY id", appointmentID)
	default:
		return list(r, scanOccupancy, selectOccupancy+" WHERE hold_id = ? ORDER BY id", holdID)
	}
}

// updateIndex repeats a row's change in the occupancy index. What is loaded
// for it comes from the last commit, as the loader cannot see this transaction.
func (t *tx) updateIndex(o booking.Occupancy, add bool) error {
	if !o.Live {
		return nil
	}
	days, err := t.s.resourceDays(resourceKey{o.Resource, o.Test})
	if err != nil {
		return err
	}
	t.w.overlay.put(days, booking.Occupied{Span: o.Footprint, ExpiresAt: o.ExpiresAt, Row: o.Row}, add)
	return nil
}

// InsertOccupancy implements engine.Tx.
func (t *tx) InsertOccupancy(o *booking.Occupancy) error {
	_, id, err := t.exec(`INSERT INTO occupancy (clinic, resource, test, s, e, appointment_id, hold_id, expires_at, live, override)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.Clinic, o.Resource.String(), o.Test, o.Footprint.Start, o.Footprint.End,
		textOrNull(o.AppointmentID), textOrNull(o.HoldID), intOrNull(o.ExpiresAt), o.Live, o.Override)
	if err != nil {
		return err
	}
	o.Row = id
	return t.updateIndex(*o, true)
}

// UpdateOccupancy implements engine.Tx; o.Row says which row.
func (t *tx) UpdateOccupancy(o booking.Occupancy) error {
	old, err := one(&t.reads, "occupancy", scanOccupancy, selectOccupancy+" WHERE id = ? AND clinic = ?", o.Row, o.Clinic)
	if err != nil {
		return err
	}
	err = t.change("occupancy", `UPDATE occupancy SET resource = ?, test = ?, s = ?, e = ?, appointment_id = ?, hold_id = ?,
		expires_at = ?, live = ?, override = ? WHERE id = ? AND clinic = ?`,
		o.Resource.String(), o.Test, o.Footprint.Start, o.Footprint.End, textOrNull(o.AppointmentID), textOrNull(o.HoldID),
		intOrNull(o.ExpiresAt), o.Live, o.Override, o.Row, o.Clinic)
	if err != nil {
		return err
	}
	if err := t.updateIndex(old, false); err != nil {
		return err
	}
	return t.updateIndex(o, true)
}

// DeleteOccupancy implements engine.Tx; o.Row says which row.
func (t *tx) DeleteOccupancy(o booking.Occupancy) error {
	n, err := t.dropOccupancy("id = ? AND clinic = ?", o.Row, o.Clinic)
	if err == nil && n == 0 {
		err = absent("occupancy")
	}
	return err
}

// dropOccupancy deletes rows from the file and the index.
func (t *tx) dropOccupancy(where string, args ...any) (int, error) {
	if t.ended {
		return 0, errEnded
	}
	gone, err := list(&t.reads, scanOccupancy, `DELETE FROM occupancy WHERE `+where+`
		RETURNING id, clinic, resource, test, s, e, appointment_id, hold_id, expires_at, live, override`, args...)
	if err != nil {
		return 0, err
	}
	for _, o := range gone {
		if err := t.updateIndex(o, false); err != nil {
			return 0, err
		}
	}
	return len(gone), nil
}
