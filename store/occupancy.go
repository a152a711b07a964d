package store

import (
	"fmt"
	"strings"

	"qualifybase/engine/booking"
)

func occupancyColumns(c *columns, o *booking.Occupancy) {
	c.derived("id").int(&o.Row)
	c.fixed("clinic").int(&o.Clinic)
	c.column("resource").resource(&o.Resource)
	c.column("test").bool(&o.Test)
	c.column("s").int(&o.Footprint.Start)
	c.column("e").int(&o.Footprint.End)
	c.column("appointment_id").textOrNull(&o.AppointmentID)
	c.column("hold_id").textOrNull(&o.HoldID)
	c.column("expires_at").intOrNull(&o.ExpiresAt)
	c.column("live").bool(&o.Live)
	c.column("override").bool(&o.Override)
}

var (
	occupancyTable     = newTable("occupancy", "occupancy", ofClinic, occupancyColumns)
	selectOccupancy    = occupancyTable.selects
	returningOccupancy = " RETURNING " + strings.Join(occupancyTable.read, ", ")
)

func scanOccupancy(r *row) (o booking.Occupancy) {
	occupancyColumns(scanning(r), &o)
	return o
}

// resource holds "p1" or "l1".
func (c *columns) resource(p *booking.Resource) {
	if c.scans() {
		*p = resource(c.row)
	} else if !c.off {
		c.args = append(c.args, p.String())
	}
}

// resource reads "p1" or "l1".
func resource(r *row) booking.Resource {
	res, ok := booking.ParseResource(r.text())
	if !ok {
		r.fail("is no resource")
	}
	return res
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
	c := t.inserting()
	occupancyColumns(c, o)
	id, err := t.insert(occupancyTable, c)
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
	c := t.updating()
	occupancyColumns(c, &o)
	if err := t.update(occupancyTable, c, o.Row, o.Clinic); err != nil {
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
	gone, err := list(&t.reads, scanOccupancy, "DELETE FROM occupancy WHERE "+where+returningOccupancy, args...)
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
