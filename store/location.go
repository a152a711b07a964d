package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
)

func locationColumns(c *columns, l *directory.Location) {
	c.derived("id").int(&l.ID)
	c.fixed("clinic").int(&l.Clinic)
	c.column("name").text(&l.Name)
	c.column("kind").text((*string)(&l.Kind))
	c.column("parent_id").intOrNull(&l.ParentID)
	c.column("address").json((*addressDoc)(&l.Address))
	c.column("phone").text(&l.Phone)
	c.column("time_zone").text(&l.TimeZone)
	c.column("capacity").small(&l.Capacity)
	c.column("active").bool(&l.Active)
	c.meta(&l.Meta)
}

var (
	locationTable  = newTable("locations", "location", ofClinic, locationColumns)
	selectLocation = locationTable.selects
)

func scanLocation(r *row) (l directory.Location) {
	locationColumns(scanning(r), &l)
	return l
}

// Locations implements engine.Reader.
func (r *reads) Locations(clinic int64, after act.Position, limit int) ([]directory.Location, error) {
	return directoryPage(r, scanLocation, selectLocation, clinic, after, limit)
}

// Location implements engine.Reader.
func (r *reads) Location(clinic, id int64) (directory.Location, error) {
	return one(r, "location", scanLocation, selectLocation+" WHERE id = ? AND clinic = ?", id, clinic)
}

// InsertLocation implements engine.Tx.
func (t *tx) InsertLocation(l *directory.Location) (err error) {
	t.wrotePlan(l.Clinic)
	c := t.inserting()
	locationColumns(c, l)
	l.ID, err = t.insert(locationTable, c)
	return err
}

// UpdateLocation implements engine.Tx.
func (t *tx) UpdateLocation(l directory.Location) error {
	t.wrotePlan(l.Clinic)
	c := t.updating()
	locationColumns(c, &l)
	return t.update(locationTable, c, l.ID, l.Clinic)
}
