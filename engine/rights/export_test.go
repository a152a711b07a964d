package rights_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
	"qualifybase/engine/scope"
)

// cared is a patient with a lead, a visit, a signed note, a prescription and a
// record merged into theirs.
func cared(t *testing.T, c *enginetest.Clinic) (p, loser people.Patient, visit booking.Appointment) {
	t.Helper()
	must := func(err error) { t.Helper(); enginetest.Must(t, err) }
	l := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Ida Lind"), Email: new("ida@example.org")}).Lead
	visit, err := c.Engine.Book(t.Context(), c.Caller, booking.Booking{StartsAt: enginetest.Unix("2026-04-27 09:00"),
		ServiceID: c.Checkup.ID, LeadID: l.ID, Title: "First visit"})
	must(err)
	p = enginetest.Convert(t, c, l, 0, people.PatientDraft{BirthDate: new("1990-02-03")}).Patient
	c.Clock.Set(enginetest.At("2026-04-27 09:00"))
	v, err := c.Engine.StartConsultation(t.Context(), c.Caller,
		record.ConsultationDraft{AppointmentID: visit.ID, Reason: "SECRET"})
	must(err)
	c.Clock.Add(60e9)
	n, err := c.Engine.WriteNote(t.Context(), c.Caller, v.ID, record.NoteDraft{Plan: new("SECRET")})
	must(err)
	n, err = c.Engine.SignNote(t.Context(), c.Caller, n.ID, nil)
	must(err)
	_, err = c.Engine.AmendNote(t.Context(), c.Caller, n.ID, nil, record.NoteDraft{Plan: new("SECRET 2"), Reason: "more"})
	must(err)
	c.Clock.Add(60e9)
	_, err = c.Engine.Prescribe(t.Context(), c.Caller, v.ID, record.PrescriptionDraft{Medication: new("SECRET"),
		Dose: new("1"), Frequency: new("daily")})
	must(err)
	c.Clock.Add(60e9)
	loser = enginetest.CreatePatient(t, c, enginetest.Named("Ida", "Berg"))
	enginetest.Merge(t, c, loser.ID, p.ID)
	_, err = c.Engine.Patients(t.Context(), c.Caller, people.PatientQuery{Q: "ida"}, act.Page{})
	must(err)
	c.Since(t)
	return p, loser, visit
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	p, loser, visit := cared(t, c)
	walk := func(by act.Caller, limit int) string {
		var kinds []string
		page := act.Page{Limit: limit}
		for {
			list, err := c.Engine.PatientTimeline(t.Context(), by, p.ID, page)
			enginetest.Must(t, err)
			for _, x := range list.Items {
				kinds = append(kinds, x.Kind+" "+x.Status)
				if text := fmt.Sprint(x); strings.Contains(text, "SECRET") {
					t.Errorf("a clinical word: %s", text)
				}
				if x.Kind == "appointment" && (x.ID != visit.ID || x.Title != "First visit" || x.At != visit.StartsAt) {
					t.Errorf("the visit is %+v", x)
				}
				if x.Kind == "merge" && x.PatientID != loser.ID {
					t.Errorf("the merge is %+v", x)
				}
			}
			if !list.More {
				return strings.Join(kinds, ", ")
			}
			page.Cursor = list.Next
		}
	}
	const all = "merge survived, prescription active, note amended, consultation in_progress, appointment " +
		"scheduled, lead converted"
	for _, limit := range []int{0, 1, 2, 4} {
		if got := walk(c.Caller, limit); got != all {
			t.Errorf("by %d the timeline is %s", limit, got)
		}
	}
	c.Since(t)
	front := c.Caller
	front.Scopes = scope.Of(scope.PatientsRead, scope.AppointmentsRead)
	if got := walk(front, 0); got != "merge survived, appointment scheduled" {
		t.Errorf("the front desk sees %s", got)
	}
	if got := c.Since(t).Audit; len(got) != 1 ||
		!strings.HasPrefix(got[0], fmt.Sprintf("patient.timeline ok %d id:", p.ID)) {
		t.Errorf("the audit says %v", got)
	}
	list, err := c.Engine.PatientTimeline(t.Context(), c.Caller, loser.ID, act.Page{})
	if err != nil || len(list.Items) != 1 || list.Items[0].Status != "merged" || list.Items[0].PatientID != p.ID {
		t.Errorf("the stub's timeline is %+v, %v", list.Items, err)
	}
	rival, _ := c.Rival(t)
	_, err = c.Engine.PatientTimeline(t.Context(), rival, p.ID, act.Page{})
	enginetest.Refused(t, err, fault.NotFound)
	_, err = c.Engine.UnmergePatient(t.Context(), c.Caller, loser.ID, nil)
	enginetest.Must(t, err)
	if got := walk(c.Caller, 0); !strings.HasPrefix(got, "unmerge parted, merge survived, ") {
		t.Errorf("after unmerging the timeline is %s", got)
	}
}

func TestExportPatient(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	p, loser, visit := cared(t, c)
	other := enginetest.CreatePatient(t, c, enginetest.Named("Otto", "Berg"))
	_, err := c.Engine.Patient(t.Context(), c.Caller, other.ID)
	enginetest.Must(t, err)
	_, err = c.Engine.Cancel(t.Context(), c.Caller, visit.ID, "x")
	enginetest.Refused(t, err, fault.Conflict, "status")
	c.Since(t)
	x, err := c.Engine.ExportPatient(t.Context(), c.Caller, p.ID)
	enginetest.Must(t, err)
	if x.Patient.ID != p.ID || len(x.Merged) != 1 || x.Merged[0].GivenName != "Ida" || x.Merged[0].ID != loser.ID ||
		len(x.Merges) != 1 || len(x.Leads) != 1 ||
		len(x.Appointments) != 1 || len(x.Consultations) != 1 || x.Consultations[0].Reason != "SECRET" || len(x.Notes) != 2 ||
		len(x.Prescriptions) != 1 || x.Clinic.N != c.Row.N {
		t.Errorf("the export is %+v", x)
	}
	var acts []string
	for _, a := range x.Accesses {
		acts = append(acts, a.Action)
		if a.PatientID == other.ID {
			t.Errorf("another's access: %+v", a)
		}
	}
	for _, want := range []string{"lead.convert", "note.sign", "patient.merge", "patient.list", "prescription.create",
		"consultation.start"} {
		if !slices.Contains(acts, want) {
			t.Errorf("the accesses lack %s: %v", want, acts)
		}
	}
	c.Left(t, fmt.Sprintf("patient.export ok %d", p.ID))
	_, err = c.Engine.ExportPatient(t.Context(), c.Caller, loser.ID)
	enginetest.Refused(t, err, fault.Conflict, "patient_id")
	rival, _ := c.Rival(t)
	_, err = c.Engine.ExportPatient(t.Context(), rival, p.ID)
	enginetest.Refused(t, err, fault.NotFound)
	_, err = c.Engine.ExportPatient(t.Context(), c.Test, p.ID)
	enginetest.Refused(t, err, fault.NotFound)
}
