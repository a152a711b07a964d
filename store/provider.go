package store

import (
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/directory"
)

const selectProvider = `SELECT id, clinic, display_name, credentials, specialty, registration_no, email, phone, active,
	bookable_online, colour, weight, priority, buffer_before, buffer_after, daily_cap, assigned_at,
	(SELECT group_concat(location_id) FROM (SELECT location_id FROM provider_locations WHERE provider_id = providers.id ORDER BY position)),
	(SELECT group_concat(service_id) FROM (SELECT service_id FROM service_providers WHERE provider_id = providers.id ORDER BY service_id)),
	version, change, created_at, updated_at, created_by, updated_by FROM providers`

func scanProvider(r *row) directory.Provider {
	return directory.Provider{
		ID: r.int(), Clinic: r.int(), DisplayName: r.text(), Credentials: r.text(), Specialty: r.text(),
		RegistrationNo: r.text(), Email: r.text(), Phone: r.text(), Active: r.bool(), BookableOnline: r.bool(),
		Colour: r.text(), Weight: r.small(), Priority: r.small(), BufferBefore: r.small(), BufferAfter: r.small(),
		DailyCap: r.small(), AssignedAt: r.int(), LocationIDs: r.ids(), ServiceIDs: r.ids(), Meta: r.meta(),
	}
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
	_, id, err := t.exec(`INSERT INTO providers (clinic, display_name, credentials, specialty, registration_no, email, phone,
		active, bookable_online, colour, weight, priority, buffer_before, buffer_after, daily_cap, assigned_at,
		version, change, created_at, updated_at, created_by, updated_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.Clinic, p.DisplayName, p.Credentials, p.Specialty, p.RegistrationNo, p.Email, p.Phone,
		p.Active, p.BookableOnline, p.Colour, p.Weight, p.Priority, p.BufferBefore, p.BufferAfter, p.DailyCap, p.AssignedAt,
		p.Version, p.Change, p.CreatedAt, p.UpdatedAt, p.CreatedBy, p.UpdatedBy)
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
	err = t.change("provider", `UPDATE providers SET display_name = ?, credentials = ?, specialty = ?, registration_no = ?,
		email = ?, phone = ?, active = ?, bookable_online = ?, colour = ?, weight = ?, priority = ?, buffer_before = ?,
		buffer_after = ?, daily_cap = ?, version = ?, change = ?, updated_at = ?, updated_by = ? WHERE id = ? AND clinic = ?`,
		p.DisplayName, p.Credentials, p.Specialty, p.RegistrationNo, p.Email, p.Phone, p.Active, p.BookableOnline,
		p.Colour, p.Weight, p.Priority, p.BufferBefore, p.BufferAfter, p.DailyCap,
		p.Version, p.Change, p.UpdatedAt, p.UpdatedBy, p.ID, p.Clinic)
	if err != nil {
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
