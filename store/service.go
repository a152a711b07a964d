package store

import (
	"slices"

	"qualifybase/engine/act"
	"qualifybase/engine/directory"
)

func serviceColumns(c *columns, s *directory.Service) {
	c.derived("id").int(&s.ID)
	c.fixed("clinic").int(&s.Clinic)
	c.column("name").text(&s.Name)
	c.column("duration_minutes").small(&s.DurationMinutes)
	c.column("buffer_before").small(&s.BufferBefore)
	c.column("buffer_after").small(&s.BufferAfter)
	c.column("step").small(&s.Step)
	c.column("align").text((*string)(&s.Align))
	c.column("location_kind").text((*string)(&s.LocationKind))
	c.column("min_notice").small(&s.MinNotice)
	c.column("horizon_days").small(&s.HorizonDays)
	c.column("daily_cap").small(&s.DailyCap)
	c.column("auto_confirm").bool(&s.AutoConfirm)
	c.column("intake_campaign_id").textOrNull(&s.IntakeCampaignID)
	c.column("active").bool(&s.Active)
	c.derived("(SELECT group_concat(provider_id) FROM (SELECT provider_id FROM service_providers WHERE " +
		"service_id = services.id ORDER BY provider_id))").ids(&s.ProviderIDs)
	c.meta(&s.Meta)
}

var (
	serviceTable  = newTable("services", "service", ofClinic, serviceColumns)
	selectService = serviceTable.selects
)

func scanService(r *row) (s directory.Service) {
	serviceColumns(scanning(r), &s)
	return s
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
	c := t.inserting()
	serviceColumns(c, s)
	id, err := t.insert(serviceTable, c)
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
	c := t.updating()
	serviceColumns(c, &s)
	if err := t.update(serviceTable, c, s.ID, s.Clinic); err != nil {
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
