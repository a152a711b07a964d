package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/enginetest"
)

func TestStartConsultation(t *testing.T) {
	v := enginetest.NewVisit(t)
	got, err := v.Engine.StartConsultation(t.Context(), v.Caller, engine.ConsultationDraft{AppointmentID: v.Appt.ID, Reason: " cough "})
	enginetest.Must(t, err)
	want := engine.Consultation{
		ID: got.ID, Clinic: v.Row.N, AppointmentID: v.Appt.ID, PatientID: v.Ida.ID, ProviderID: v.Ada.ID, LocationID: v.Practice.ID,
		Mode: engine.InPerson, Reason: "cough", Status: engine.ConsultationOpen, StartedAt: v.Clock.Now().Unix(), Meta: got.Meta,
	}
	if got != want || got.Version != 1 || got.CreatedBy != "key:live" {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	trace := v.Since(t)
	if !slices.Equal(trace.Events, []string{"consultation.started"}) || !slices.Equal(trace.Audit, []string{"consultation.start ok " + got.ID}) {
		t.Errorf("trace %+v", trace)
	}
	read, err := v.Engine.Consultation(t.Context(), v.Caller, got.ID)
	if err != nil || read != got {
		t.Errorf("read back %+v, %v", read, err)
	}
	v.Left(t, "consultation.read ok "+got.ID)
	list, err := v.Engine.Consultations(t.Context(), v.Caller, engine.ConsultationQuery{PatientID: v.Ida.ID, Status: engine.ConsultationOpen}, engine.Page{})
	if err != nil || len(list.Items) != 1 || list.Items[0] != got || *list.Total != 1 {
		t.Errorf("list %+v, %v", list, err)
	}
	v.Left(t, "consultation.list ok filter:patient_id,filter:status,id:"+got.ID)

	_, err = v.Engine.StartConsultation(t.Context(), v.Caller, engine.ConsultationDraft{AppointmentID: v.Appt.ID})
	if e := enginetest.Refused(t, err, engine.Conflict, "appointment_id"); !strings.Contains(e.Details[0].Message, got.ID) {
		t.Errorf("the refusal does not name the consultation: %v", e)
	}
	walkIn, err := v.Engine.StartConsultation(t.Context(), v.Caller, engine.ConsultationDraft{
		PatientID: v.Ida.ID, ProviderID: v.Ben.ID, Mode: engine.ByPhone, StartedAt: got.StartedAt - 600})
	if err != nil || walkIn.AppointmentID != "" || walkIn.Mode != engine.ByPhone || walkIn.StartedAt != got.StartedAt-600 {
		t.Errorf("without an appointment: %+v, %v", walkIn, err)
	}
}

func TestStartConsultationRefusals(t *testing.T) {
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
		gone.Status, gone.MergedInto = engine.PatientMerged, v.Ida.ID
		return tx.UpdatePatient(gone)
	})
	v.Since(t)
	now := v.Clock.Now().Unix()
	for _, test := range []struct {
		name   string
		draft  engine.ConsultationDraft
		kind   engine.Kind
		fields []string
	}{
		{"nobody", engine.ConsultationDraft{}, engine.Invalid, []string{"patient_id", "provider_id"}},
		{"every value wrong", engine.ConsultationDraft{AppointmentID: v.Appt.ID, Mode: "letter", StartedAt: now + 3600, Reason: strings.Repeat("x", 501)},
			engine.Invalid, []string{"mode", "started_at", "reason"}},
		{"unknown appointment", engine.ConsultationDraft{AppointmentID: engine.NewID(v.Clock.Now())}, engine.NotFound, nil},
		{"another patient", engine.ConsultationDraft{AppointmentID: v.Appt.ID, PatientID: gone.ID}, engine.Invalid, []string{"patient_id"}},
		{"a lead's", engine.ConsultationDraft{AppointmentID: lead.ID}, engine.Conflict, []string{"appointment_id"}},
		{"cancelled", engine.ConsultationDraft{AppointmentID: cancelled.ID}, engine.InvalidTransition, []string{"status", "appointment_id"}},
		{"too early", engine.ConsultationDraft{AppointmentID: later.ID}, engine.InvalidTransition, []string{"appointment_id"}},
		{"another clinic's patient", engine.ConsultationDraft{PatientID: foreign.ID, ProviderID: v.Ada.ID}, engine.NotFound, []string{"patient_id"}},
		{"before all time", engine.ConsultationDraft{AppointmentID: v.Appt.ID, StartedAt: -1}, engine.Invalid, []string{"started_at"}},
		{"another clinic's provider", engine.ConsultationDraft{PatientID: v.Ida.ID, ProviderID: theirs.ID}, engine.NotFound, []string{"provider_id"}},
		{"unknown place", engine.ConsultationDraft{AppointmentID: v.Appt.ID, LocationID: 999}, engine.NotFound, []string{"location_id"}},
		{"a merged record", engine.ConsultationDraft{PatientID: gone.ID, ProviderID: v.Ada.ID}, engine.Conflict, []string{"patient_id"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := v.Engine.StartConsultation(t.Context(), v.Caller, test.draft)
			enginetest.Refused(t, err, test.kind, test.fields...)
			if test.name == "a lead's" && !strings.Contains(err.Error(), "/leads/"+lead.LeadID+"/convert") {
				t.Errorf("no way out: %v", err)
			}
		})
	}
	list, err := v.Engine.Consultations(t.Context(), v.Caller, engine.ConsultationQuery{}, engine.Page{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("refusals left %+v, %v", list.Items, err)
	}
	if trace := v.Since(t); len(trace.Events) != 0 {
		t.Errorf("refusals told %v", trace.Events)
	}
}

func TestConsultationsAreTheirOwners(t *testing.T) {
	v := enginetest.NewVisit(t)
	got := v.Begun(t)
	rival, _ := v.Rival(t)
	narrow := v.Caller
	narrow.Scopes = engine.Scopes(engine.ConsultationsRead)
	for _, c := range []engine.Caller{rival, v.Test} {
		_, err := v.Engine.Consultation(t.Context(), c, got.ID)
		enginetest.Refused(t, err, engine.NotFound)
		_, err = v.Engine.EndConsultation(t.Context(), c, got.ID)
		enginetest.Refused(t, err, engine.NotFound)
		_, err = v.Engine.WriteNote(t.Context(), c, got.ID, engine.NoteDraft{Plan: new("rest")})
		enginetest.Refused(t, err, engine.NotFound)
	}
	_, err := v.Engine.EndConsultation(t.Context(), narrow, got.ID)
	if e := enginetest.Refused(t, err, engine.Forbidden); e.Missing != engine.ConsultationsWrite {
		t.Errorf("missing %v", e.Missing)
	}
	narrow.Scopes = engine.Scopes(engine.ConsultationsWrite)
	_, err = v.Engine.Consultation(t.Context(), narrow, got.ID)
	enginetest.Refused(t, err, engine.Forbidden)
}

func TestEndConsultationCompletesItsAppointment(t *testing.T) {
	v := enginetest.NewVisit(t)
	got := v.Begun(t)
	v.Clock.Add(25 * time.Minute)
	ended, err := v.Engine.EndConsultation(t.Context(), v.Caller, got.ID)
	enginetest.Must(t, err)
	if ended.Status != engine.ConsultationEnded || ended.EndedAt != v.Clock.Now().Unix() || ended.Version != 2 {
		t.Errorf("ended %+v", ended)
	}
	a, err := v.Engine.Appointment(t.Context(), v.Caller, v.Appt.ID)
	if err != nil || a.Status != engine.Completed || a.Version != 2 {
		t.Errorf("appointment %+v, %v", a, err)
	}
	trace := v.Since(t)
	if want := []string{"appointment.updated", "appointment.completed", "consultation.ended"}; !slices.Equal(trace.Events, want) {
		t.Errorf("events %v, want %v", trace.Events, want)
	}
	if want := []string{"appointment.complete ok " + a.ID + " status", "consultation.end ok " + got.ID + " status,ended_at"}; !slices.Equal(trace.Audit[:2], want) {
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
	v := enginetest.NewVisit(t)
	got := v.Begun(t)
	v.Clock.Add(20 * time.Minute)
	_, err := v.Engine.Cancel(t.Context(), v.Caller, v.Appt.ID, "")
	if e := enginetest.Refused(t, err, engine.Conflict, "status"); !strings.Contains(e.Details[0].Message, got.ID) {
		t.Errorf("the refusal does not name the consultation: %v", e)
	}
	_, err = v.Engine.MarkNoShow(t.Context(), v.Caller, v.Appt.ID)
	enginetest.Refused(t, err, engine.Conflict, "status")
	_, err = v.Engine.Reschedule(t.Context(), v.Caller, v.Appt.ID, engine.Move{StartsAt: enginetest.Unix("2026-04-28 09:00")})
	enginetest.Refused(t, err, engine.Conflict, "status")
	a, err := v.Engine.PatchAppointment(t.Context(), v.Caller, v.Appt.ID, engine.AppointmentPatch{
		EndsAt: new(v.Appt.EndsAt + 900), AllowHours: true, Reason: new("it runs late")})
	if err != nil || a.EndsAt != v.Appt.EndsAt+900 {
		t.Errorf("a visit that runs late: %+v, %v", a, err)
	}
}

func TestPatchConsultation(t *testing.T) {
	v := enginetest.NewVisit(t)
	got := v.Begun(t)
	video := engine.ByVideo
	p, err := v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID, engine.ConsultationPatch{
		Version: new(int64(1)), Mode: &video, Reason: new("cough, fever"), LocationID: new(int64(0))})
	if err != nil || p.Mode != video || p.Reason != "cough, fever" || p.LocationID != 0 || p.Version != 2 {
		t.Fatalf("patched %+v, %v", p, err)
	}
	v.Left(t, "consultation.update ok "+got.ID+" location_id,mode,reason")
	same, err := v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID, engine.ConsultationPatch{Mode: &video})
	if err != nil || same != p {
		t.Errorf("nothing changed: %+v, %v", same, err)
	}
	v.Left(t)
	_, err = v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID, engine.ConsultationPatch{Version: new(int64(1)), Mode: &video})
	enginetest.Refused(t, err, engine.PreconditionFailed)
	_, err = v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID, engine.ConsultationPatch{Status: new(engine.ConsultationInError)})
	enginetest.Refused(t, err, engine.Invalid, "status_reason")
	done, err := v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID, engine.ConsultationPatch{Status: new(engine.ConsultationEnded)})
	if err != nil || done.Status != engine.ConsultationEnded {
		t.Fatalf("ended by a patch: %+v, %v", done, err)
	}
	if trace := v.Since(t); !slices.Contains(trace.Events, "appointment.completed") {
		t.Errorf("events %v", trace.Events)
	}
	_, err = v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID, engine.ConsultationPatch{Reason: new("other")})
	enginetest.Refused(t, err, engine.Conflict, "consultation_id")
	_, err = v.Engine.PatchConsultation(t.Context(), v.Caller, got.ID, engine.ConsultationPatch{Status: new(engine.ConsultationOpen)})
	if e := enginetest.Refused(t, err, engine.InvalidTransition); !slices.Equal(e.Allowed, []string{"entered_in_error"}) {
		t.Errorf("allowed %v", e.Allowed)
	}
}

func TestConsultationEnteredInError(t *testing.T) {
	v := enginetest.NewVisit(t)
	got := v.Begun(t)
	ctx := t.Context()
	draft, err := v.Engine.WriteNote(ctx, v.Caller, got.ID, engine.NoteDraft{Plan: new("rest")})
	enginetest.Must(t, err)
	signed, err := v.Engine.WriteNote(ctx, v.Caller, got.ID, engine.NoteDraft{Plan: new("more rest")})
	enginetest.Must(t, err)
	_, err = v.Engine.SignNote(ctx, v.Caller, signed.ID, nil)
	enginetest.Must(t, err)
	pill, err := v.Engine.Prescribe(ctx, v.Caller, got.ID, prescribed())
	enginetest.Must(t, err)
	wrong := engine.ConsultationPatch{Status: new(engine.ConsultationInError), StatusReason: new("the other Ida")}
	_, err = v.Engine.PatchConsultation(ctx, v.Caller, got.ID, wrong)
	if e := enginetest.Refused(t, err, engine.Conflict, "status"); !strings.Contains(e.Details[0].Message, signed.ID) {
		t.Errorf("the refusal does not name the note: %v", e)
	}
	_, err = v.Engine.AmendNote(ctx, v.Caller, signed.ID, nil, engine.NoteDraft{Status: engine.NoteInError, Reason: "the other Ida"})
	enginetest.Must(t, err)
	p, err := v.Engine.PatchConsultation(ctx, v.Caller, got.ID, wrong)
	if err != nil || p.Status != engine.ConsultationInError {
		t.Fatalf("%+v, %v", p, err)
	}
	n, err := v.Engine.Note(ctx, v.Caller, draft.ID)
	if err != nil || n.Status != engine.NoteInError || n.Plan != "rest" {
		t.Errorf("its draft is %+v, %v", n, err)
	}
	if rx, err := v.Engine.Prescription(ctx, v.Caller, pill.ID); err != nil || rx.Status != engine.PrescriptionInError {
		t.Errorf("its prescription is %+v, %v", rx, err)
	}
	_, err = v.Engine.WriteNote(ctx, v.Caller, got.ID, engine.NoteDraft{Plan: new("x")})
	enginetest.Refused(t, err, engine.Conflict, "consultation_id")
	_, err = v.Engine.EndConsultation(ctx, v.Caller, got.ID)
	enginetest.Refused(t, err, engine.InvalidTransition)
	right, err := v.Engine.StartConsultation(ctx, v.Caller, engine.ConsultationDraft{AppointmentID: v.Appt.ID})
	if err != nil || right.ID == got.ID {
		t.Errorf("the right one cannot begin: %v", err)
	}
}
