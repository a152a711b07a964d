package store

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/directory"
	"qualifybase/engine/outbox"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
	"qualifybase/engine/text"
)

// A column that takes some words only takes the engine's, all of them and no others.
func TestEnumerationsAreTheEngines(t *testing.T) {
	t.Parallel()
	orNone := func(words []string) []string { return append([]string{""}, words...) }
	want := map[string][]string{
		"locations.kind":              text.Words(directory.LocationKinds),
		"services.align":              text.Words(directory.Aligns),
		"services.location_kind":      orNone(text.Words(directory.LocationKinds)),
		"leads.status":                text.Words(people.LeadStatuses),
		"patients.sex":                text.Words(people.Sexes),
		"patients.contact_preference": orNone(people.ContactPreferences),
		"patients.status":             text.Words(people.PatientStatuses),
		"appointments.status":         text.Words(booking.Statuses),
		"consultations.mode":          text.Words(record.Modes),
		"consultations.status":        text.Words(record.ConsultationStatuses),
		"notes.status":                text.Words(record.NoteStatuses),
		"prescriptions.status":        text.Words(record.PrescriptionStatuses),
		"users.role":                  text.Words(act.Roles),
		"audit.actor_kind":            text.Words(act.ActorKinds),
		"audit.outcome":               text.Words(act.Outcomes),
		"webhooks.payload":            text.Words(outbox.Payloads),
		"webhooks.disabled_reason":    orNone(outbox.DisabledReasons),
		"deliveries.state":            text.Words(outbox.DeliveryStates),
		"deliveries.cause":            outbox.Causes,
	}
	got := enumerations(schemaText(t))
	for column, words := range want {
		if !slices.Equal(got[column], words) {
			t.Errorf("%s takes %q, the engine has %q", column, got[column], words)
		}
	}
	for column := range maps.Keys(got) {
		if want[column] == nil {
			t.Errorf("%s takes %q, of which this test knows nothing", column, got[column])
		}
	}
}

var (
	tableBegins = regexp.MustCompile(`(?m)^CREATE TABLE (\w+) \(`)
	columnCheck = regexp.MustCompile(`(?m)^  (\w+) +TEXT[^-\n]*CHECK \((\w+ (?:=|IN)[^)]*'\)?)\)`)
	quoted      = regexp.MustCompile(`'(\w*)'`)
)

// enumerations are the words that a schema's text columns may hold, by table and column.
func enumerations(schema string) map[string][]string {
	out := map[string][]string{}
	tables := tableBegins.FindAllStringSubmatchIndex(schema, -1)
	for _, at := range tables {
		table, body := schema[at[2]:at[3]], schema[at[1]:]
		body, _, _ = strings.Cut(body, "\n) STRICT")
		for _, check := range columnCheck.FindAllStringSubmatch(body, -1) {
			column := table + "." + check[1]
			for _, word := range quoted.FindAllStringSubmatch(check[2], -1) {
				out[column] = append(out[column], word[1])
			}
		}
	}
	return out
}
