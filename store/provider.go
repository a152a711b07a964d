package store

import (
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/directory"
)

func providerColumns(c *columns, p *directory.Provider) {
	c.derived("id").int(&p.ID)
	c.fixed("clinic").int(&p.Clinic)
	c.column("display_name").text(&p.DisplayName)
	c.column("credentials").text(&p.Credentials)
	c.column("specialty").text(&p.Specialty)
	c.column("registration_no").text(&p.RegistrationNo)
	c.column("email").text(&p.Email)
	c.column("phone").text(&p.Phone)
	c.column("active").bool(&p.Active)
	c.column("bookable_online").bool(&p.BookableOnline)
	c.column("colour").text(&p.Colour)
	c.column("weight").small(&p.Weight)
	c.column("priority").small(&p.Priority)
	c.column("buffer_before").small(&p.BufferBefore)
	c.column("buffer_after").small(&p.BufferAfter)
	c.column("daily_cap").small(&p.DailyCap)
	c.fixed("assigned_at").int(&p.AssignedAt) // TouchAssigned writes it
	c.derived("(SELECT group_concat(location_id) FROM (SELECT location_id FROM provider_locations WHERE " +
		"provider_id = providers.id ORDER BY position))").ids(&p.LocationIDs)
	c.derived("(SELECT group_concat(service_id) FROM (SELECT service_id FROM service_providers WHERE " +
		"provider_id = providers.id ORDER BY service_id))").ids(&p.ServiceIDs)
	c.meta(&p.Meta)
}

var (
	providerTable  = newTable("providers", "provider", ofClinic, providerColumns)
	selectProvider = providerTable.selects
)

func scanProvider(r *row) (p directory.Provider) {
	providerColumns(scanning(r), &p)
	return p
}

// Providers implements engine.Reader.
func (r *reads) Providers(clinic int64, after act.Position, limit int) ([]directory.Provider, error) {
	return directoryPage(r, scanProvider, selectProvider, clinic, after, limit)
}

// directoryPage is a page of providers, locations or services, newest first.
func directoryPage[T any](r *reads, scan func(*row) T, query string, clinic int64, after act.Position, limit int) ([]T,
	error) {
	id, err := numberID(after)
	if err != nil {
		return nil, err
	}
	w := newWhere("clinic = ?", clinic)
	text := query + w.newestFirst(after, id, limit)
	return list(r, scan, text, w.args...)
}

// Provider implements engine.Reader.
func (r *reads) Provider(clinic, id int64) (directory.Provider, error) {
	return one(r, "provider", scanProvider, selectProvider+" WHERE id = ? AND clinic = ?", id, clinic)
}

// CountDirectory implements engine.Reader.
func (r *reads) CountDirectory(clinic int64, table string) (int64, error) {
	switch table {
	case "providers", "locations", "services":
		return r.number("SELECT count(*) FROM "+table+" WHERE clinic = ?", clinic)
	}
	return 0, absent("table")
}

// InsertProvider implements engine.Tx.
func (t *tx) InsertProvider(p *directory.Provider) error {
	c := t.inserting()
	providerColumns(c, p)
	id, err := t.insert(providerTable, c)
	if err != nil {
		return err
	}
	p.ID = id
	return t.linkProvider(*p, nil, nil)
}

// UpdateProvider implements engine.Tx. It leaves AssignedAt to TouchAssigned.
func (t *tx) UpdateProvider(p directory.Provider) error {
	old, err := t.Provider(p.Clinic, p.ID)
	if err != nil {
		return err
	}
	c := t.updating()
	providerColumns(c, &p)
	if err := t.update(providerTable, c, p.ID, p.Clinic); err != nil {
		return err
	}
	return t.linkProvider(p, old.LocationIDs, old.ServiceIDs)
}

// linkProvider writes where the provider works and what they offer.
func (t *tx) linkProvider(p directory.Provider, locations, services []int64) error {
	t.wrotePlan(p.Clinic)
	if !slices.Equal(p.LocationIDs, locations) {
		if _, _, err := t.exec("DELETE FROM provider_locations WHERE provider_id = ?", p.ID); err != nil {
			return err
		}
		for i, l := range p.LocationIDs {
			_, _, err := t.exec("INSERT INTO provider_locations (provider_id, location_id, position) VALUES (?, ?, ?)", p.ID, l,
				i)
			if err != nil {
				return err
			}
		}
	}
	if !slices.Equal(p.ServiceIDs, services) {
		if _, _, err := t.exec("DELETE FROM service_providers WHERE provider_id = ?", p.ID); err != nil {
			return err
		}
		for _, s := range p.ServiceIDs {
			if _, _, err := t.exec("INSERT INTO service_providers (service_id, provider_id) VALUES (?, ?)", s,
				p.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// TouchAssigned implements engine.Tx.
func (t *tx) TouchAssigned(provider int64, at int64) error {
	return t.change("provider", "UPDATE providers SET assigned_at = ? WHERE id = ?", at, provider)
}
