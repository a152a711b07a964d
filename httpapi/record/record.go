// Package record has the rows and wire structs of the patient's record:
// consultations, notes, prescriptions with their page to print, and what is made of
// all of it: the timeline, the export and the erasure of a person.
package record

import (
	"slices"

	"qualifybase/engine"
	"qualifybase/httpapi"
)

// Rows are the record's routes.
func Rows(e *engine.Engine) httpapi.Group {
	return httpapi.Group{
		Name:  "record",
		After: "patients",
		Rows:  slices.Concat(timelineRows(e), rightsRows(e), consultationRows(e), noteRows(e), prescriptionRows(e)),
		Samples: map[string]any{
			"assessment": "Tension headache", "codes": []any{}, "content_sha256": nil, "dose": "1 tablet",
			"duration_days": 5,
			"frequency":     "three times a day", "instructions": "With water", "medication": "Ibuprofen 400 mg",
			"objective": "Blood pressure 120/80", "plan": "Rest; again in two weeks", "quantity": 15, "route": "oral",
			"start_date": "2027-04-26", "subjective": "Headache since Monday", "substitution_allowed": true,
			"unit":      "tablets",
			"Code.code": "G44.2", "Code.display": "Tension-type headache",
			"Vital.code": "8480-6", "Vital.unit": "mm[Hg]", "Vital.value": 120,
			"TimelineEntry.id": httpapi.SampleID, "TimelineEntry.status": "scheduled",
		},
	}
}
