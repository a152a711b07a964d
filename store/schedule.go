package store

import (
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
)

const (
	selectSchedule = `SELECT clinic, owner, doc, version, change, created_at, updated_at, '', updated_by FROM schedules`
	selectClosure  = `SELECT id, clinic, owner, starts_at, ends_at, from_date, to_date, reason, change, created_at, created_by FROM closures`
)

func scanSchedule(r *row) directory.OwnedSchedule {
	return directory.OwnedSchedule{Clinic: r.int(), Owner: directory.OwnerRef(r.text()), Schedule: r.schedule(),
		Meta: r.meta()}
}

func scanClosure(r *row) directory.Closure {
	c := directory.Closure{
		ID: r.text(), Clinic: r.int(), Owner: directory.OwnerRef(r.text()),
		Span: calendar.Span{Start: r.int(), End: r.int()}, ByDate: !r.null(),
	}
	if c.ByDate {
		c.FromDate, c.ToDate = *r.date(), *r.date()
	} else {
		r.skip()
		r.skip()
	}
	c.Reason, c.Change, c.Created, c.By = r.text(), r.int(), r.int(), r.text()
	return c
}

// Schedules implements engine.Reader.
func (r *reads) Schedules(clinic int64) ([]directory.OwnedSchedule, error) {
	return list(r, scanSchedule, selectSchedule+" WHERE clinic = ? ORDER BY owner", clinic)
}

// Schedule implements engine.Reader.
func (r *reads) Schedule(clinic int64, owner directory.OwnerRef) (directory.OwnedSchedule, error) {
	return one(r, "schedule", scanSchedule, selectSchedule+" WHERE clinic = ? AND owner = ?", clinic, string(owner))
}

// Closures implements engine.Reader.
func (r *reads) Closures(clinic int64, owner directory.OwnerRef) ([]directory.Closure, error) {
	w := newWhere("clinic = ?", clinic)
	w.andText("owner", string(owner))
	return list(r, scanClosure, selectClosure+w.sql.String()+" ORDER BY created_at, id", w.args...)
}

// Closure implements engine.Reader.
func (r *reads) Closure(clinic int64, id string) (directory.Closure, error) {
	return one(r, "closure", scanClosure, selectClosure+" WHERE id = ? AND clinic = ?", id, clinic)
}

// PutSchedule implements engine.Tx.
func (t *tx) PutSchedule(s directory.OwnedSchedule) error {
	doc, err := asJSON(docOfSchedule(s.Schedule))
	if err != nil {
		return err
	}
	t.wrotePlan(s.Clinic)
	_, _, err = t.exec(`INSERT INTO schedules (clinic, owner, doc, version, change, created_at, updated_at, updated_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (clinic, owner) DO UPDATE SET doc = excluded.doc,
		version = excluded.version, change = excluded.change, updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
		s.Clinic, string(s.Owner), doc, s.Version, s.Change, s.CreatedAt, s.UpdatedAt, s.UpdatedBy)
	return err
}

// InsertClosure implements engine.Tx.
func (t *tx) InsertClosure(c directory.Closure) error {
	var starts, ends, from, to any
	if c.ByDate {
		from, to = c.FromDate.String(), c.ToDate.String()
	} else {
		starts, ends = c.Span.Start, c.Span.End
	}
	t.wrotePlan(c.Clinic)
	_, _, err := t.exec(`INSERT INTO closures (id, clinic, owner, starts_at, ends_at, from_date, to_date, reason, change,
		created_at, created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.ID, c.Clinic, string(c.Owner), starts, ends, from, to, c.Reason, c.Change, c.Created, c.By)
	return err
}

// DeleteClosure implements engine.Tx.
func (t *tx) DeleteClosure(clinic int64, id string) error {
	t.wrotePlan(clinic)
	return t.change("closure", "DELETE FROM closures WHERE id = ? AND clinic = ?", id, clinic)
}
