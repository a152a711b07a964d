package store

import (
	"qualifybase/engine/booking"
)

func holdColumns(c *columns, h *booking.Hold) {
	c.fixed("id").text(&h.ID)
	c.fixed("clinic").int(&h.Clinic)
	c.fixed("test").bool(&h.Test)
	c.fixed("caller").text(&h.Caller)
	c.fixed("token_hash").text(&h.TokenHash)
	c.fixed("provider_id").int(&h.ProviderID)
	c.fixed("location_id").intOrNull(&h.LocationID)
	c.fixed("service_id").intOrNull(&h.ServiceID)
	c.fixed("starts_at").int(&h.StartsAt)
	c.fixed("ends_at").int(&h.EndsAt)
	c.column("expires_at").int(&h.ExpiresAt)
	c.column("used").bool(&h.Used)
	c.fixed("created_at").int(&h.CreatedAt)
}

var (
	holdTable  = newTable("holds", "hold", ofClinic, holdColumns)
	selectHold = holdTable.selects
)

func scanHold(r *row) (h booking.Hold) {
	holdColumns(scanning(r), &h)
	return h
}

// Hold implements engine.Reader.
func (r *reads) Hold(clinic int64, test bool, id string) (booking.Hold, error) {
	return one(r, "hold", scanHold, selectHold+" WHERE id = ? AND clinic = ? AND test = ?", id, clinic, test)
}

// OpenHolds implements engine.Reader.
func (r *reads) OpenHolds(clinic int64, caller string, now int64) (int, error) {
	n, err := r.number("SELECT count(*) FROM holds WHERE clinic = ? AND caller = ? AND expires_at > ?", clinic, caller,
		now)
	return int(n), err
}

// InsertHold implements engine.Tx.
func (t *tx) InsertHold(h booking.Hold) error {
	c := t.inserting()
	holdColumns(c, &h)
	_, err := t.insert(holdTable, c)
	return err
}

// UpdateHold implements engine.Tx: its expiry, and that it was used.
func (t *tx) UpdateHold(h booking.Hold) error {
	c := t.updating()
	holdColumns(c, &h)
	return t.update(holdTable, c, h.ID, h.Clinic)
}

// DeleteHold implements engine.Tx. Occupancy that a booking has taken over stays.
func (t *tx) DeleteHold(h booking.Hold) error {
	if _, err := t.dropOccupancy("hold_id = ? AND clinic = ?", h.ID, h.Clinic); err != nil {
		return err
	}
	return t.change("hold", "DELETE FROM holds WHERE id = ? AND clinic = ?", h.ID, h.Clinic)
}

// DeleteExpired implements engine.Tx. The occupancy of a hold goes as a whole:
// its room is free again together with its provider.
func (t *tx) DeleteExpired(res booking.Resource, test bool, now int64) error {
	days, err := t.s.resourceDays(resourceKey{res, test})
	if err != nil || days.holds == 0 { // the usual case, known from memory
		return err
	}
	_, err = t.dropOccupancy(`hold_id IN (SELECT hold_id FROM occupancy
		WHERE resource = ? AND test = ? AND expires_at <= ?)`,
		res.String(), test, now)
	return err
}

// DropHolds implements engine.Tx.
func (t *tx) DropHolds(before int64, limit int) (int, error) {
	const some = "SELECT id FROM holds WHERE expires_at < ? ORDER BY expires_at, id LIMIT ?+0"
	if _, err := t.dropOccupancy("hold_id IN ("+some+")", before, limit); err != nil {
		return 0, err
	}
	n, _, err := t.exec("DELETE FROM holds WHERE id IN ("+some+")", before, limit)
	return int(n), err
}
