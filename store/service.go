package store

import (
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/directory"
)

const selectService = `SELECT id, clinic, name, duration_minutes, buffer_before, buffer_after, step, align, location_kind,
	min_notice, horizon_days, daily_cap, auto_confirm, intake_campaign_id, active,
	(SELECT group_concat(provider_id) FROM (SELECT provider_id FROM service_providers WHERE service_id = services.id ORDER BY provider_id)),
	version, change, created_at, updated_at, created_by, updated_by FROM services`

func scanService(r *row) directory.Service {
	return directory.Service{
		ID: r.int(), Clinic: r.int(), Name: r.text(), DurationMinutes: r.small(), BufferBefore: r.small(),
		BufferAfter: r.small(), Step: r.small(), Align: directory.Align(r.text()),
		LocationKind: directory.LocationKind(r.text()),
		MinNotice:    r.small(), HorizonDays: r.small(), DailyCap: r.small(), AutoConfirm: r.bool(),
		IntakeCampaignID: r.text(), Active: r.bool(), ProviderIDs: r.ids(), Meta: r.meta(),
	}
}

// Services implements engine.Reader.
func (r *reads) Services(clinic int64, after act.Position, limit int) ([]directory.Service, error) {
	return directoryPage(r, scanService, selectService, clinic, after, limit)
}

// Service implements engine.Reader.
func (r *reads) Service(clinic, id int64) (directory.Service, error) {
	return one(r, "service", scanService, selectService+" WHERE id = ? AND clinic = ?", id, clinic)
}

// InsertService implements engine.Tx.
func (t *tx) InsertService(s *directory.Service) error {
	_, id, err := t.exec(`INSERT INTO services (clinic, name, duration_minutes, buffer_before, buffer_after, step, align,
		location_kind, min_notice, horizon_days, daily_cap, auto_confirm, intake_campaign_id, active,
		version, change, created_at, updated_at, created_by, updated_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.Clinic, s.Name, s.DurationMinutes, s.BufferBefore, s.BufferAfter, s.Step, string(s.Align), string(s.LocationKind),
		s.MinNotice, s.HorizonDays, s.DailyCap, s.AutoConfirm, textOrNull(s.IntakeCampaignID), s.Active,
		s.Version, s.Change, s.CreatedAt, s.UpdatedAt, s.CreatedBy, s.UpdatedBy)
	if err != nil {
		return err
	}
	s.ID = id
	return t.linkService(*s, nil)
}

// UpdateService implements engine.Tx.
func (t *tx) UpdateService(s directory.Service) error {
	old, err := t.Service(s.Clinic, s.ID)
	if err != nil {
		return err
	}
	err = t.change("service", `UPDATE services SET name = ?, duration_minutes = ?, buffer_before = ?, buffer_after = ?, step = ?,
		align = ?, location_kind = ?, min_notice = ?, horizon_days = ?, daily_cap = ?, auto_confirm = ?, intake_campaign_id = ?,
		active = ?, version = ?, change = ?, updated_at = ?, updated_by = ? WHERE id = ? AND clinic = ?`,
		s.Name, s.DurationMinutes, s.BufferBefore, s.BufferAfter, s.Step, string(s.Align), string(s.LocationKind),
		s.MinNotice, s.HorizonDays, s.DailyCap, s.AutoConfirm, textOrNull(s.IntakeCampaignID), s.Active,
		s.Version, s.Change, s.UpdatedAt, s.UpdatedBy, s.ID, s.Clinic)
	if err != nil {
		return err
	}
	return t.linkService(s, old.ProviderIDs)
}

// linkService writes who offers the service.
func (t *tx) linkService(s directory.Service, providers []int64) error {
	t.wrotePlan(s.Clinic)
	if slices.Equal(s.ProviderIDs, providers) {
		return nil
	}
	if _, _, err := t.exec("DELETE FROM service_providers WHERE service_id = ?", s.ID); err != nil {
		return err
	}
	for _, p := range s.ProviderIDs {
		if _, _, err := t.exec("INSERT INTO service_providers (service_id, provider_id) VALUES (?, ?)", s.ID, p); err != nil {
			return err
		}
	}
	return nil
}
