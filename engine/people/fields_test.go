package people_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/people"
)

// Every field of a lead that can be sent is stored, changed alone, told in the audit
// and carried by a CSV file: a field that is forgotten on one of these ways fails here.
func TestEveryFieldOfALead(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	var first, second people.LeadDraft
	enginetest.Fill(t, &first, "some", map[string]any{"Name": "Ida Lind", "FirstName": "Ida", "LastName": "Lind",
		"Email": "ida@example.org", "Phone": "030 1234567", "Status": people.LeadContacted})
	enginetest.Fill(t, &second, "other", map[string]any{"Email": "lind@example.org",
		"Phone": "030 7654321", "Status": people.LeadLost, "Notes": "two\nlines"})
	put := enginetest.PutLead(t, c, c.Caller, first)
	enginetest.Has(t, put.Lead, first, nil)
	kept(t, c, c.Caller, put.Lead)

	var out bytes.Buffer
	_, err := c.Engine.ExportLeads(t.Context(), c.Caller, people.LeadQuery{}, &out)
	enginetest.Must(t, err)
	rival, _ := c.Rival(t)
	report, err := c.Engine.ImportLeads(t.Context(), rival,
		strings.NewReader(strings.Replace(out.String(), ",id,", ",,", 1)), people.LeadImport{})
	enginetest.Must(t, err)
	enginetest.Has(t, report.Preview[0].Row, first, nil)

	for _, field := range enginetest.FieldNames(second) {
		c.Since(t)
		one := enginetest.Alone(second, field)
		_, err := c.Engine.UpdateLead(t.Context(), c.Caller, put.Lead.ID, nil, one)
		enginetest.Must(t, err)
		got, err := c.Engine.Lead(t.Context(), c.Caller, put.Lead.ID)
		enginetest.Must(t, err)
		enginetest.Has(t, got, one, nil)
		told(t, c, "lead.update", field)
	}
}

// wholePatient is a draft with something in every field, and its birth date.
func wholePatient(t *testing.T, c *enginetest.Clinic) (d people.PatientDraft, born map[string]any) {
	t.Helper()
	enginetest.Fill(t, &d, "some", map[string]any{"BirthDate": "1990-02-03", "Sex": people.SexFemale,
		"Phones": []people.Phone{{Number: "030 1234567", E164: "+49301234567", Label: "home"}}, "Email": "ida@example.org",
		"Address":          directory.Address{Line1: "1", Line2: "2", City: "3", Region: "4", PostalCode: "5", Country: "DE"},
		"Consents":         consents(c, "form"),
		"EmergencyContact": people.EmergencyContact{Name: "Noa", Relationship: "son", Phone: "030 1234568"},
		"Identifiers":      []people.Identifier{{System: "insurer", Value: "A 1"}},
		"Language":         "de", "ContactPreference": "sms", "Status": people.PatientInactive,
		"Restricted": false, "AllowDuplicate": false})
	return d, map[string]any{"BirthDate": calendar.NewDate(1990, 2, 3)}
}

func consents(c *enginetest.Clinic, source string) people.Consents {
	at := c.Clock.Now().Unix() - 60
	return people.Consents{EmailReminders: &people.Consent{Granted: true, At: at, Source: source},
		SMSReminders: &people.Consent{At: at, Source: source}, Marketing: &people.Consent{Granted: true, At: at}}
}

// The same of a patient, but that files have no consents and no restriction.
func TestEveryFieldOfAPatient(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	first, born := wholePatient(t, c)
	p := enginetest.CreatePatient(t, c, first)
	enginetest.Has(t, p, first, born)
	enginetest.Has(t, patientRow(t, c, p.ID), first, born)

	var out bytes.Buffer
	_, err := c.Engine.ExportPatients(t.Context(), c.Caller, people.PatientQuery{}, &out)
	enginetest.Must(t, err)
	rival, _ := c.Rival(t)
	report, err := c.Engine.ImportPatients(t.Context(), rival, &out, people.PatientImport{})
	enginetest.Must(t, err)
	filed := first
	filed.Consents = nil
	enginetest.Has(t, report.Preview[0].Row, filed, born)

	var second people.PatientDraft
	enginetest.Fill(t, &second, "other", map[string]any{"BirthDate": "1991-03-04", "Sex": people.SexOther,
		"Phones": []people.Phone{{Number: "030 7654321", E164: "+49307654321"}}, "Email": "berg@example.org",
		"Address": directory.Address{Line1: "other"}, "Consents": consents(c, "call"),
		"EmergencyContact": people.EmergencyContact{Name: "Kim"},
		"Identifiers":      []people.Identifier{{System: "s", Value: "2"}}, "Language": "pt-BR",
		"ContactPreference": "post", "Status": people.PatientDeceased,
		"AllowDuplicate": false})
	born["BirthDate"] = calendar.NewDate(1991, 3, 4)
	for _, field := range enginetest.FieldNames(second) {
		one := enginetest.Alone(second, field)
		if field == "AllowDuplicate" { // says how to create, not what
			continue
		}
		c.Since(t)
		_, err := c.Engine.UpdatePatient(t.Context(), c.Caller, p.ID, nil, one)
		enginetest.Must(t, err)
		enginetest.Has(t, patientRow(t, c, p.ID), one, born)
		told(t, c, "patient.update", field)
	}
}

// A merge fills what the survivor lacks, but for what is each record's own.
func TestMergeFillsEveryField(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	first, born := wholePatient(t, c)
	loser := enginetest.CreatePatient(t, c, first)
	survivor := enginetest.CreatePatient(t, c, enginetest.Named("Ada", "Berg"))
	enginetest.Merge(t, c, loser.ID, survivor.ID)
	first.MRN, first.GivenName, first.FamilyName, first.Status, first.Restricted = nil, nil, nil, nil, nil
	enginetest.Has(t, patientRow(t, c, survivor.ID), first, born)
}

// told checks that the audit names a field of a draft as changed by the action.
func told(t *testing.T, c *enginetest.Clinic, action, field string) {
	t.Helper()
	plain := strings.ToLower(field)
	for _, line := range c.Since(t).Audit {
		words := strings.Fields(line)
		if words[0] == action && slices.ContainsFunc(strings.Split(words[len(words)-1], ","), func(name string) bool {
			return strings.ReplaceAll(name, "_", "") == plain
		}) {
			return
		}
	}
	t.Errorf("the audit does not say that %s was changed by %s", field, action)
}
