package people_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
)

func TestCreatePatient(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	c.Hook(t, c.Caller)
	born, nudges := calendar.NewDate(1990, time.February, 3), c.Nudges.Load()
	p, err := c.Engine.CreatePatient(t.Context(), c.Caller, people.PatientDraft{GivenName: new(" Anna "),
		FamilyName: new("Weiß"), BirthDate: new("1990-02-03"),
		Email: new("Anna@Example.org"), Phones: &[]people.Phone{{Number: "030 1234567", Label: "home"},
			{Number: "0171 1234567"}}})
	enginetest.Must(t, err)
	now := c.Clock.Now().Unix()
	if p.ID == 0 || p.GivenName != "Anna" || p.MRN != "P-00001" || p.Sex != people.SexUnknown || *p.BirthDate != born ||
		p.EmailKey != "anna@example.org" || p.Phones[0].E164 != "+49301234567" ||
		p.Phones[1].E164 != "+491711234567" || p.Status != people.PatientActive || p.Version != 1 || p.CreatedAt != now ||
		p.CreatedBy != "key:live" || p.Test {
		t.Errorf("the patient is %+v", p)
	}
	c.Read(t, func(r engine.Reader) error {
		row, err := r.Patient(c.Row.N, false, p.ID)
		a, b := p, row
		if err == nil && *a.BirthDate != *b.BirthDate {
			t.Errorf("born %s, kept %s", a.BirthDate, b.BirthDate)
		}
		a.BirthDate, b.BirthDate = nil, nil
		if x, y := fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b); x != y {
			t.Errorf("answered %s\nkept     %s", x, y)
		}
		rows, err2 := r.Audit(act.AuditQuery{Clinic: c.Row.N, PatientID: p.ID}, act.Position{}, 10)
		if err2 != nil || len(rows) != 1 || rows[0].Action != "patient.create" {
			t.Errorf("under the patient the audit has %+v, %v", rows, err2)
		}
		events, err2 := r.Events(c.Row.N, false, 0, "patient.created", 10)
		if err2 != nil || len(events) != 1 || strings.Contains(strings.ToLower(string(events[0].Data)), "anna") {
			t.Errorf("the events are %+v, %v", events, err2)
		}
		return err
	})
	enginetest.Traces(t, c, "patient.created", "patient.create ok "+strconv.FormatInt(p.ID,
		10)+" given_name,family_name,birth_date,email,phones")
	if c.Nudges.Load() != nudges+1 {
		t.Error("the webhook sender was not woken")
	}
}

func TestCreatePatientRefuses(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	c.Hook(t, c.Caller)
	c.Clock.Set(enginetest.At("2026-04-28 00:30")) // still the day before in UTC
	draft := people.PatientDraft{GivenName: new("A"), FamilyName: new("B"), BirthDate: new("2026-04-29")}
	_, err := c.Engine.CreatePatient(t.Context(), c.Caller, draft)
	enginetest.Refused(t, err, fault.Invalid, "birth_date")
	_, err = c.Engine.CreatePatient(t.Context(), c.Caller, people.PatientDraft{Email: new("x"),
		Phones: &[]people.Phone{{Number: "x"}}})
	enginetest.Refused(t, err, fault.Invalid, "given_name", "family_name", "email", "phones[0].number")
	enginetest.Traces(t, c, "")
	reader := c.Caller
	reader.Scopes = scope.Of(scope.PatientsRead)
	_, err = c.Engine.CreatePatient(t.Context(), reader, draft)
	enginetest.Refused(t, err, fault.Forbidden)
	enginetest.Traces(t, c, "", "patient.create denied scope:patients:write")
	draft.BirthDate = new("2026-04-28") // of the clinic's own clock
	if _, err = c.Engine.CreatePatient(t.Context(), c.Caller, draft); err != nil {
		t.Errorf("born today: %v", err)
	}
	list, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{}, act.Page{})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("%d patients, %v", len(list.Items), err)
	}
}

func TestPatientsAreApart(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	rival, _ := c.Rival(t)
	p := enginetest.Register(t, c, c.Caller, "Anna", "Weiß", "")
	for name, other := range map[string]act.Caller{"rival": rival, "test": c.Test} {
		_, err := c.Engine.Patient(t.Context(), other, p.ID)
		enginetest.Refused(t, err, fault.NotFound)
		list, err := c.Engine.Patients(t.Context(), other, people.PatientQuery{Clinic: c.Row.N, Q: "anna"}, act.Page{})
		if err != nil || len(list.Items) != 0 || *list.Total != 0 {
			t.Errorf("the %s sees %d patients, %v", name, len(list.Items), err)
		}
		if got := enginetest.Register(t, c, other, "Anna", "Weiß", ""); got.Test != other.Test ||
			got.Clinic != other.Clinic {
			t.Errorf("the %s's patient is %+v", name, got)
		}
	}
	c.Since(t)
	_, err := c.Engine.Patient(t.Context(), c.Caller, p.ID)
	enginetest.Must(t, err)
	id := strconv.FormatInt(p.ID, 10)
	enginetest.Traces(t, c, "", "patient.read ok "+id)
	_, err = c.Engine.Patient(t.Context(), c.Caller, 0)
	enginetest.Refused(t, err, fault.NotFound)
}

func TestPatientsSearch(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	a := enginetest.Register(t, c, c.Caller, "Zoë", "Müller", "1990-02-03")
	b, err := c.Engine.CreatePatient(t.Context(), c.Caller, people.PatientDraft{GivenName: new("Ben"),
		FamilyName: new("Muller-Weiß"),
		Email:      new("ben@example.org"), Phones: &[]people.Phone{{Number: "030 1234567"}}})
	enginetest.Must(t, err)
	c.Since(t)
	for q, want := range map[string]int{
		"müller": 2, "MULLER ZOE": 1, "Müller, Z": 1, "muller,": 1, "muller-": 1, "1990-02-03": 1, "1990-02-04": 0,
		"030 12": 1, "+4930123": 1, "ben@": 1, "": 2, "ben": 1, "BEN mull": 1, "zoe": 1, "p-0000": 2, "P-00002": 1,
		"weiss": 0, "nobody": 0,
	} {
		list, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{Q: q}, act.Page{})
		enginetest.Must(t, err)
		if len(list.Items) != want || *list.Total != int64(want) {
			t.Errorf("%q finds %d, counts %d, want %d", q, len(list.Items), *list.Total, want)
		}
	}
	c.Since(t)
	list, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{Status: people.PatientActive},
		act.Page{Limit: 1})
	enginetest.Must(t, err)
	enginetest.Traces(t, c, "", fmt.Sprintf("patient.list ok filter:status,id:%d", b.ID))
	next, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{Status: people.PatientActive},
		act.Page{Limit: 1, Cursor: list.Next})
	if err != nil || len(next.Items) != 1 || next.Items[0].ID != a.ID || next.More {
		t.Errorf("the next page is %+v, %v", next, err)
	}
	since := c.Clock.Now().Unix()
	walk, err := c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{UpdatedSince: &since}, act.Page{})
	if err != nil || len(walk.Items) != 2 || walk.Items[0].ID != a.ID {
		t.Errorf("the walk is %+v, %v", walk, err)
	}
	_, err = c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{Status: "gone"}, act.Page{})
	enginetest.Refused(t, err, fault.Invalid, "status")
}
