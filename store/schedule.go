package store

import (
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
)

func scheduleColumns(c *columns, s *directory.OwnedSchedule) {
	c.fixed("clinic").int(&s.Clinic)
	c.fixed("owner").text((*string)(&s.Owner))
	c.column("doc").schedule(&s.Schedule)
	c.column("version").int(&s.Version)
	c.column("change").int(&s.Change)
	c.fixed("created_at").int(&s.CreatedAt)
	c.column("updated_at").int(&s.UpdatedAt)
	c.column("updated_by").text(&s.UpdatedBy)
}

// closureColumns: a closure is either of two instants or of two dates.
func closureColumns(c *columns, v *directory.Closure) {
	c.fixed("id").text(&v.ID)
	c.fixed("clinic").int(&v.Clinic)
	c.fixed("owner").text((*string)(&v.Owner))
	c.fixed("starts_at").intUnless(v.ByDate, &v.Span.Start)
	c.fixed("ends_at").intUnless(v.ByDate, &v.Span.End)
	c.fixed("from_date").dayIf(&v.ByDate, &v.FromDate)
	c.fixed("to_date").dayIf(&v.ByDate, &v.ToDate)
	c.fixed("reason").text(&v.Reason)
	c.fixed("change").int(&v.Change)
	c.fixed("created_at").int(&v.Created)
	c.fixed("created_by").text(&v.By)
}

var (
	scheduleTable  = newTable("schedules", "schedule", "", scheduleColumns)
	selectSchedule = scheduleTable.selects
	putSchedule    = scheduleTable.inserts + " ON CONFLICT (clinic, owner) DO UPDATE SET " + scheduleTable.excluded()

	closureTable  = newTable("closures", "closure", "", closureColumns)
	selectClosure = closureTable.selects
)

// schedule holds opening hours.
func (c *columns) schedule(p *calendar.Schedule) {
	if c.scans() {
		*p = c.row.schedule()
	} else if !c.off {
		doc := docOfSchedule(*p)
		c.bindJSON(&doc)
	}
}

func scanSchedule(r *row) (s directory.OwnedSchedule) {
	scheduleColumns(scanning(r), &s)
	return s
}

func scanClosure(r *row) (v directory.Closure) {
	closureColumns(scanning(r), &v)
	return v
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
	t.wrotePlan(s.Clinic)
	c := t.inserting()
	scheduleColumns(c, &s)
	if c.err != nil {
		return c.err
	}
	_, _, err := t.exec(putSchedule, c.args...)
	return err
}

// InsertClosure implements engine.Tx.
func (t *tx) InsertClosure(v directory.Closure) error {
	t.wrotePlan(v.Clinic)
	c := t.inserting()
	closureColumns(c, &v)
	_, err := t.insert(closureTable, c)
	return err
}

// DeleteClosure implements engine.Tx.
func (t *tx) DeleteClosure(clinic int64, id string) error {
	t.wrotePlan(clinic)
	return t.change("closure", "DELETE FROM closures WHERE id = ? AND clinic = ?", id, clinic)
}
