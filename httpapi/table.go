package httpapi

// table is the route table of the core: the whole API but for what further
// packages add, a group of rows per resource.
func (s *Server) table() []Group {
	return []Group{
		{Name: "health", Rows: s.healthRows()},
		{Name: "session", Rows: s.sessionRows()},
		{Name: "leads", Rows: s.leadRows()},
		{Name: "availability", Rows: s.availabilityRows()},
		{Name: "holds", Rows: s.holdRows()},
		{Name: "appointments", Rows: s.appointmentRows()},
		{Name: "providers", Rows: s.providerRows()},
		{Name: "locations", Rows: s.locationRows()},
		{Name: "services", Rows: s.serviceRows()},
		{Name: "schedules", Rows: s.scheduleRows()},
		{Name: "clinic", Rows: s.clinicRows()},
		{Name: "patients", Rows: s.patientRows()},
		{Name: "keys", Rows: s.keyRows()},
		{Name: "webhooks", Rows: s.webhookRows()},
		{Name: "deliveries", Rows: s.deliveryRows()},
		{Name: "history", Rows: s.historyRows()},
	}
}
