package engine

import (
	"encoding/json"
	"slices"
	"strings"
)

// testEvent is what POST /webhooks/:id/test sends, to that endpoint alone.
const testEvent = "webhook.test"

// EventType is a type of event as the reference shows it; every one comes from
// the table in event.go.
type EventType struct {
	Type    string
	Summary string
	Example []byte // a whole thin body in the standard form, as JSON
}

// EventTypes lists what subscribers may hear, sorted by name.
func EventTypes() []EventType {
	var out []EventType
	for _, types := range eventTypes {
		for _, typ := range types {
			if !slices.ContainsFunc(out, func(t EventType) bool { return t.Type == typ }) {
				out = append(out, EventType{typ, eventSummary(typ), eventExample(typ)})
			}
		}
	}
	slices.SortFunc(out, func(a, b EventType) int { return strings.Compare(a.Type, b.Type) })
	return out
}

// subscribable tells whether an endpoint may ask for the type.
func subscribable(typ string) bool { return typ != testEvent && knownEvent(typ) }

// subscribableTypes lists them, sorted.
func subscribableTypes() []string {
	var out []string
	for _, t := range EventTypes() {
		if subscribable(t.Type) {
			out = append(out, t.Type)
		}
	}
	return out
}

// eventSummary reads a type aloud: "soap_note.signed" is "Soap note: signed".
func eventSummary(typ string) string {
	noun, verb, _ := strings.Cut(strings.ReplaceAll(typ, "_", " "), ".")
	return strings.ToUpper(noun[:1]) + noun[1:] + ": " + verb
}

// samples are facts of each noun, or of a type that has more, made by the functions that make the real ones.
var samples = map[string]func() any{
	"appointment": func() any {
		a := Appointment{ID: sampleID, LeadID: "0196716a-1c3d-7b52-9c0e-5d9f0a6b7c8d", ProviderID: 2, LocationID: 1, ServiceID: 3, Status: Scheduled,
			StartsAt: 1777273200, EndsAt: 1777275000, TimeZone: "Europe/Berlin", Meta: Meta{Version: 1}}
		return factOf(a, nil)
	},
	"lead":    func() any { return leadFact(Lead{ID: sampleID, Status: LeadNew, Meta: sampleMeta}) },
	"patient": func() any { return patientFact(Patient{ID: 7, Status: PatientActive, Meta: sampleMeta}) },
	"patient.merged": func() any {
		return mergeFact(Patient{ID: 7, Status: PatientActive, Meta: sampleMeta}, Patient{ID: 9, Status: PatientMerged, MergedInto: 7, Meta: sampleMeta})
	},
	"consultation": func() any { return consultationFactOf(sampleVisit) },
	"soap_note": func() any {
		return noteFactOf(Note{ID: sampleID, AuthorID: 2, Status: NoteDrafted, N: 1, Meta: sampleMeta}, sampleVisit)
	},
	"prescription": func() any {
		return prescriptionFactOf(Prescription{ID: sampleID, Status: PrescriptionActive, Meta: sampleMeta}, sampleVisit)
	},
	"webhook": func() any { return webhookFact(Webhook{ID: sampleID}) },
}

const sampleID = "01967168-7a10-7c44-8f21-0b6de0c1a2b3"

var sampleVisit = Consultation{ID: "0196717c-2e4f-7a61-8d3b-9c5e7f1a2b4d", PatientID: 7, ProviderID: 2, LocationID: 1,
	Status: ConsultationOpen, StartedAt: 1777273200, Meta: sampleMeta}

var sampleMeta = Meta{Version: 1, CreatedAt: 1777190400, UpdatedAt: 1777190400}

// eventExample is a whole body of the type. A noun without a sample shows its id.
func eventExample(typ string) []byte {
	noun, _, _ := strings.Cut(typ, ".")
	var fact any = map[string]any{noun: map[string]string{"id": sampleID}}
	if sample := samples[typ]; sample != nil {
		fact = sample()
	} else if sample = samples[noun]; sample != nil {
		fact = sample()
	}
	data, err := json.Marshal(fact)
	if err != nil {
		panic(err) // our own structs
	}
	ev := Event{ID: "evt_019671a0-3f5e-7d11-a2b4-6c8d9e0f1a2b", Type: typ, CreatedAt: 1777190400, Seq: 41}
	return ev.appendBody(nil, "01966f00-0000-7000-8000-000000000001", data)
}
