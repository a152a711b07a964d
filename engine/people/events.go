package people

import "qualifybase/engine/act"

// events are what subscribers may hear of leads and patients.
func events() []act.EventKind {
	active := Patient{ID: 7, Status: PatientActive, Meta: act.SampleMeta}
	return []act.EventKind{
		{Changes: []act.Change{leadCreated, leadUpdated, LeadDeleted, leadConverted},
			Sample: LeadFact(Lead{ID: act.SampleID, Status: LeadNew, Meta: act.SampleMeta})},
		{Changes: []act.Change{patientCreated, PatientUpdated}, Sample: PatientFact(active)},
		{Changes: []act.Change{patientMerged}, Sample: mergeFact(active,
			Patient{ID: 9, Status: PatientMerged, MergedInto: 7, Meta: act.SampleMeta})},
	}
}
