package httpapi

import "slices"

// table is the route table: the whole API, a file of rows per resource.
func (s *Server) table() []Row {
	return slices.Concat(
		s.healthRows(),
		s.sessionRows(),
		s.leadRows(),
		s.availabilityRows(),
		s.holdRows(),
		s.appointmentRows(),
		s.providerRows(),
		s.locationRows(),
		s.serviceRows(),
		s.scheduleRows(),
		s.clinicRows(),
		s.patientRows(),
		s.consultationRows(),
		s.noteRows(),
		s.prescriptionRows(),
		s.keyRows(),
		s.webhookRows(),
		s.deliveryRows(),
		s.historyRows(),
	)
}
