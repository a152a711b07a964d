package engine

// peopleEvents are what subscribers may hear of leads and patients.
func peopleEvents() []EventKind {
	active := Patient{ID: 7, Status: PatientActive, Meta: sampleMeta}
	return []EventKind{
		{[]Change{leadCreated, leadUpdated, leadDeleted, leadConverted}, leadFact(Lead{ID: sampleID, Status: LeadNew, Meta: sampleMeta})},
		{[]Change{patientCreated, patientUpdated}, patientFact(active)},
		{[]Change{patientMerged}, mergeFact(active, Patient{ID: 9, Status: PatientMerged, MergedInto: 7, Meta: sampleMeta})},
	}
}
