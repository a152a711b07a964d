package store

import (
	"qualifybase/engine/booking"
)

const selectHold = `SELECT id, clinic, test, caller, token_hash, provider_id, location_id, service_id,
	starts_at, ends_at, expires_at, used, created_at FROM holds`

func scanHold(r *row) booking.Hold {
	return booking.Hold{
		ID: r.text(), Clinic: r.int(), Test: r.bool(), Caller: r.text(), TokenHash: r.text(),
		ProviderID: r.int(), LocationID: r.int(), ServiceID: r.int(),
		StartsAt: r.int(), EndsAt: r.int(), ExpiresAt: r.int(), Used: r.bool(), CreatedAt: r.int(),
	}
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
	_, _, err := t.exec(`INSERT INTO holds (id, clinic, test, caller, token_hash, provider_id, location_id, service_id,
		starts_at, ends_at, expires_at, used, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		h.ID, h.Clinic, h.Test, h.Caller, h.TokenHash, h.ProviderID, intOrNull(h.LocationID), intOrNull(h.ServiceID),
		h.StartsAt, h.EndsAt, h.ExpiresAt, h.Used, h.CreatedAt)
	return err
}

// UpdateHold implements engine.Tx: its expiry, and that it was used.
func (t *tx) UpdateHold(h booking.Hold) error {
	return t.change("hold", "UPDATE holds SET expires_at = ?, used = ? WHERE id = ? AND clinic = ?", h.ExpiresAt, h.Used,
		h.ID, h.Clinic)
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
	_, err = t.dropOccupancy(`hold_id IN (SELECT hold_id FROM occupancy WHERE resource = ? AND test = ? AND expires_at <= ?)`,
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
