package record_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
	"qualifybase/engine/scope"
	"qualifybase/engine/uuid"
)

func TestStartConsultation(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	got, err := v.Engine.StartConsultation(t.Context(), v.Caller,
		record.ConsultationDraft{AppointmentID: v.Appt.ID, Reason: " cough "})
	enginetest.Must(t, err)
	want := record.Consultation{
		ID: got.ID, Clinic: v.Row.N, AppointmentID: v.Appt.ID, PatientID: v.Ida.ID, ProviderID: v.Ada.ID,
		LocationID: v.Practice.ID,
		Mode:       record.InPerson, Reason: "cough", Status: record.ConsultationOpen, StartedAt: v.Clock.Now().Unix(),
		Meta: got.Meta,
	}
	if got != want || got.Version != 1 || got.CreatedBy != "key:live" {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	trace := v.Since(t)
	if !slices.Equal(trace.Events, []string{"consultation.started"}) ||
		!slices.Equal(trace.Audit, []string{"consultation.start ok " + got.ID}) {
		t.Errorf("trace %+v", trace)
	}
	read, err := v.Engine.Consultation(t.Context(), v.Caller, got.ID)
	if err != nil || read != got {
		t.Errorf("read back %+v, %v", read, err)
	}
	v.Left(t, "consultation.read ok "+got.ID)
	list, err := v.Engine.Consultations(t.Context(), v.Caller, record.ConsultationQuery{PatientID: v.Ida.ID,
		Status: record.ConsultationOpen}, act.Page{})
	if err != nil || len(list.Items) != 1 || list.Items[0] != got || *list.Total != 1 {
		t.Errorf("list %+v, %v", list, err)
	}
	v.Left(t, "consultation.list ok filter:patient_id,filter:status,id:"+got.ID)

	_, err = v.Engine.StartConsultation(t.Context(), v.Caller, record.ConsultationDraft{AppointmentID: v.Appt.ID})
	if e := enginetest.Refused(t, err, fault.Conflict, "appointment_id"); !strings.Contains(e.Details[0].Message, got.ID) {
		t.Errorf("the refusal does not name the consultation: %v", e)
	}
	walkIn, err := v.Engine.StartConsultation(t.Context(), v.Caller, record.ConsultationDraft{
		PatientID: v.Ida.ID, ProviderID: v.Ben.ID, Mode: record.ByPhone, StartedAt: got.StartedAt - 600})
	if err != nil || walkIn.AppointmentID != "" || walkIn.Mode != record.ByPhone || walkIn.StartedAt != got.StartedAt-600 {
		t.Errorf("without an appointment: %+v, %v", walkIn, err)
	}
}

func TestStartConsultationRefusals(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	rival, theirs := v.Rival(t)
	foreign := v.Patient(t, rival, "Eve", "Other")
	lead, err := v.TryBook(t, v.Caller, "2026-04-27 09:30", v.Ada, v.Checkup)
	enginetest.Must(t, err)
	cancelled := v.Booked(t, "2026-04-27 10:00", v.Ida.ID)
	v.Cancel(t, cancelled)
	later := v.Booked(t, "2026-04-27 10:00", v.Ida.ID)
	gone := v.Patient(t, v.Caller, "Old", "Record")
	v.Write(t, func(tx engine.Tx) error {
		gone.Status, gone.MergedInto = people.PatientMerged, v.Ida.ID
		return tx.UpdatePatient(gone)
	})
	v.Since(t)
	now := v.Clock.Now().Unix()
	for _, test := range []struct {
		name   string
		draft  record.ConsultationDraft
		kind   fault.Kind
		fields []string
	}{
		{"nobody", record.ConsultationDraft{}, fault.Invalid, []string{"patient_id", "provider_id"}},
		{"every value wrong", record.ConsultationDraft{AppointmentID: v.Appt.ID, Mode: "letter", StartedAt: now + 3600,
			Reason: strings.Repeat("x", 501)},
			fault.Invalid, []string{"mode", "started_at", "reason"}},
		{"unknown appointment", record.ConsultationDraft{AppointmentID: uuid.New(v.Clock.Now())}, fault.NotFound, nil},
		{"another patient", record.ConsultationDraft{AppointmentID: v.Appt.ID, PatientID: gone.ID}, fault.Invalid,
			[]string{"patient_id"}},
		{"a lead's", record.ConsultationDraft{AppointmentID: lead.ID}, fault.Conflict, []string{"appointment_id"}},
		{"cancelled", record.ConsultationDraft{AppointmentID: cancelled.ID}, fault.InvalidTransition,
			[]string{"status", "appointment_id"}},
		{"too early", record.ConsultationDraft{AppointmentID: later.ID}, fault.InvalidTransition, []string{"appointment_id"}},
		{"another clinic's patient", record.ConsultationDraft{PatientID: foreign.ID, ProviderID: v.Ada.ID}, fault.NotFound,
			[]string{"patient_id"}},
		{"before all time", record.ConsultationDraft{AppointmentID: v.Appt.ID, StartedAt: -1}, fault.Invalid,
			[]string{"started_at"}},
		{"another clinic's provider", record.ConsultationDraft{PatientID: v.Ida.ID, ProviderID: theirs.ID}, fault.NotFound,
			[]string{"provider_id"}},
		{"unknown place", record.ConsultationDraft{AppointmentID: v.Appt.ID, LocationID: 999}, fault.NotFound,
			[]string{"location_id"}},
		{"a merged record", record.ConsultationDraft{PatientID: gone.ID, ProviderID: v.Ada.ID}, fault.Conflict,
			[]string{"patient_id"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := v.Engine.StartConsultation(t.Context(), v.Caller, test.draft)
			enginetest.Refused(t, err, test.kind, test.fields...)
			if test.name == "a lead's" && !strings.Contains(err.Error(), "/leads/"+lead.LeadID+"/convert") {
				t.Errorf("no way out: %v", err)
			}
		})
	}
	list, err := v.Engine.Consultations(t.Context(), v.Caller, record.ConsultationQuery{}, act.Page{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("refusals left %+v, %v", list.Items, err)
	}
	if trace := v.Since(t); len(trace.Events) != 0 {
		t.Errorf("refusals told %v", trace.Events)
	}
}

func TestConsultationsAreTheirOwners(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	got := v.Begun(t)
	rival, _ := v.Rival(t)
	narrow := v.Caller
	narrow.Scopes = scope.Of(scope.ConsultationsRead)
	for _, c := range []act.Caller{rival, v.Test} {
		_, err := v.Engine.Consultation(t.Context(), c, got.ID)
		enginetest.Refused(t, err, fault.NotFound)
		_, err = v.Engine.EndConsultation(t.Context(), c, got.ID)
		enginetest.Refused(t, err, fault.NotFound)
		_, err = v.Engine.WriteNote(t.Context(), c, got.ID, record.NoteDraft{Plan: new("rest")})
		enginetest.Refused(t, err, fault.NotFound)
	}
	_, err := v.Engine.EndConsultation(t.Context(), narrow, got.ID)
	if e := enginetest.Refused(t, err, fault.Forbidden); e.Missing != scope.ConsultationsWrite {
		t.Errorf("missing %v", e.Missing)
	}
	narrow.Scopes = scope.Of(scope.ConsultationsWrite)
	_, err = v.Engine.Consultation(t.Context(), narrow, got.ID)
	enginetest.Refused(t, err, fault.Forbidden)
}

func TestEndConsultationCompletesItsAppointment(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	got := v.Begun(t)
	v.Clock.Add(25 * time.Minute)
	ended, err := v.Engine.EndConsultation(t.Context(), v.Caller, got.ID)
	enginetest.Must(t, err)
	if ended.Status != record.ConsultationEnded || ended.EndedAt != v.Clock.Now().Unix() || ended.Version != 2 {
		t.Errorf("ended %+v", ended)
	}
	a, err := v.Engine.Appointment(t.Context(), v.Caller, v.Appt.ID)
	if err != nil || a.Status != booking.Completed || a.Version != 2 {
		t.Errorf("appointment %+v, %v", a, err)
	}
	trace := v.Since(t)
	if want := []string{"appointment.updated", "appointment.completed",
		"consultation.ended"}; !slices.Equal(trace.Events, want) {
		t.Errorf("events %v, want %v", trace.Events, want)
	}
	if want := []string{"appointment.complete ok " + a.ID + " status",
		"consultation.end ok " + got.ID + " status,ended_at"}; !slices.Equal(trace.Audit[:2], want) {
		t.Errorf("audit %v, want %v", trace.Audit, want)
	}
	history, err := v.Engine.History(t.Context(), v.Caller, a.ID)
	if err != nil || len(history) != 2 || history[1].Action != "appointment.complete" || history[1].PatientID != v.Ida.ID {
		t.Errorf("history %+v, %v", history, err)
	}
	v.Since(t)
	again, err := v.Engine.EndConsultation(t.Context(), v.Caller, got.ID)
	if err != nil || again != ended {
		t.Errorf("again %+v, %v", again, err)
	}
	v.Left(t)
}

func TestEndWhereTheDeskWasFirst(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	got := v.Begun(t)
	_, err := v.Engine.Complete(t.Context(), v.Caller, v.Appt.ID)
	enginetest.Must(t, err)
	v.Since(t)
	_, err = v.Engine.EndConsultation(t.Context(), v.Caller, got.ID)
	enginetest.Must(t, err)
	if trace := v.Since(t); !slices.Equal(trace.Events, []string{"consultation.ended"}) {
		t.Errorf("events %v", trace.Events)
	}
}

func TestABegunVisitHoldsItsAppointment(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	got := v.Begun(t)
	v.Clock.Add(20 * time.Minute)
	_, err := v.Engine.Cancel(t.Context(), v.Caller, v.Appt.ID, "")
	if e := enginetest.Refused(t, err, fault.Conflict, "status"); !strings.Contains(e.Details[0].Message, got.ID) {
		t.Errorf("the refusal does not name the consultation: %v", e)
	}
	_, err = v.Engine.MarkNoShow(t.Context(), v.Caller, v.Appt.ID)
	enginetest.Refused(t, err, fault.Conflict, "status")
	_, err = v.Engine.Reschedule(t.Context(), v.Caller, v.Appt.ID,
		booking.Move{StartsAt: enginetest.Unix("2026-04-28 09:00")})
	enginetest.Refused(t, err, fault.Conflict, "status")
	a, err := v.Engine.PatchAppointment(t.Context(), v.Caller, v.Appt.ID, booking.AppointmentPatch{
		EndsAt: new(v.Appt.EndsAt + 900), AllowHours: true, Reason: new("it runs late")})
	if err != nil || a.EndsAt != v.Appt.EndsAt+900 {
		t.Errorf("a visit that runs late: %+v, %v", a, err)
	}
}

func TestPatchConsultation(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	got := v.Begun(t)
	video := record.ByVideo
	p, err := v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID, record.ConsultationPatch{
		Version: new(int64(1)), Mode: &video, Reason: new("cough, fever"), LocationID: new(int64(0))})
	if err != nil || p.Mode != video || p.Reason != "cough, fever" || p.LocationID != 0 || p.Version != 2 {
		t.Fatalf("patched %+v, %v", p, err)
	}
	v.Left(t, "consultation.update ok "+got.ID+" location_id,mode,reason")
	same, err := v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID, record.ConsultationPatch{Mode: &video})
	if err != nil || same != p {
		t.Errorf("nothing changed: %+v, %v", same, err)
	}
	v.Left(t)
	_, err = v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID,
		record.ConsultationPatch{Version: new(int64(1)), Mode: &video})
	enginetest.Refused(t, err, fault.PreconditionFailed)
	_, err = v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID,
		record.ConsultationPatch{Status: new(record.ConsultationInError)})
	enginetest.Refused(t, err, fault.Invalid, "status_reason")
	done, err := v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID,
		record.ConsultationPatch{Status: new(record.ConsultationEnded)})
	if err != nil || done.Status != record.ConsultationEnded {
		t.Fatalf("ended by a patch: %+v, %v", done, err)
	}
	if trace := v.Since(t); !slices.Contains(trace.Events, "appointment.completed") {
		t.Errorf("events %v", trace.Events)
	}
	_, err = v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID, record.ConsultationPatch{Reason: new("other")})
	enginetest.Refused(t, err, fault.Conflict, "consultation_id")
	_, err = v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID,
		record.ConsultationPatch{Status: new(record.ConsultationOpen)})
	if e := enginetest.Refused(t, err, fault.InvalidTransition); !slices.Equal(e.Allowed, []string{"entered_in_error"}) {
		t.Errorf("allowed %v", e.Allowed)
	}
}

func TestConsultationEnteredInError(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	got := v.Begun(t)
	ctx := t.Context()
	draft, err := v.Engine.WriteNote(ctx, v.Caller, got.ID, record.NoteDraft{Plan: new("rest")})
	enginetest.Must(t, err)
	signed, err := v.Engine.WriteNote(ctx, v.Caller, got.ID, record.NoteDraft{Plan: new("more rest")})
	enginetest.Must(t, err)
	_, err = v.Engine.SignNote(ctx, v.Caller, signed.ID, nil)
	enginetest.Must(t, err)
	pill, err := v.Engine.Prescribe(ctx, v.Caller, got.ID, prescribed())
	enginetest.Must(t, err)
	wrong := record.ConsultationPatch{Status: new(record.ConsultationInError), StatusReason: new("the other Ida")}
	_, err = v.Engine.PatchConsultation(ctx, v.Caller, got.ID, wrong)
	if e := enginetest.Refused(t, err, fault.Conflict, "status"); !strings.Contains(e.Details[0].Message, signed.ID) {
		t.Errorf("the refusal does not name the note: %v", e)
	}
	_, err = v.Engine.AmendNote(ctx, v.Caller, signed.ID, nil, record.NoteDraft{Status: record.NoteInError,
		Reason: "the other Ida"})
	enginetest.Must(t, err)
	p, err := v.Engine.PatchConsultation(ctx, v.Caller, got.ID, wrong)
	if err != nil || p.Status != record.ConsultationInError {
		t.Fatalf("%+v, %v", p, err)
	}
	n, err := v.Engine.Note(ctx, v.Caller, draft.ID)
	if err != nil || n.Status != record.NoteInError || n.Plan != "rest" {
		t.Errorf("its draft is %+v, %v", n, err)
	}
	if rx, err := v.Engine.Prescription(ctx, v.Caller, pill.ID); err != nil || rx.Status != record.PrescriptionInError {
		t.Errorf("its prescription is %+v, %v", rx, err)
	}
	_, err = v.Engine.WriteNote(ctx, v.Caller, got.ID, record.NoteDraft{Plan: new("x")})
	enginetest.Refused(t, err, fault.Conflict, "consultation_id")
	_, err = v.Engine.EndConsultation(ctx, v.Caller, got.ID)
	enginetest.Refused(t, err, fault.InvalidTransition)
	right, err := v.Engine.StartConsultation(ctx, v.Caller, record.ConsultationDraft{AppointmentID: v.Appt.ID})
	if err != nil || right.ID == got.ID {
		t.Errorf("the right one cannot begin: %v", err)
	}
}
