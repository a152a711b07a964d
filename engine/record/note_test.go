package record_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/record"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
	"qualifybase/engine/uuid"
)

func TestWriteNote(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	con := v.Begun(t)
	n, err := v.Engine.WriteNote(t.Context(), v.Caller, con.ID, record.NoteDraft{
		Subjective: new(" line one\r\nline two "), Vitals: &[]record.Vital{{Code: "8867-4", Value: 88, Unit: "/min"}}})
	enginetest.Must(t, err)
	if n.Status != record.NoteDrafted || n.N != 1 || n.AuthorID != v.Ada.ID || n.PatientID != v.Ida.ID ||
		n.Subjective != "line one\nline two" || n.Signed() || n.ContentSHA256 != "" || n.Version != 1 {
		t.Errorf("%+v", n)
	}
	trace := v.Since(t)
	if !slices.Equal(trace.Events, []string{"soap_note.created"}) ||
		!slices.Equal(trace.Audit, []string{"note.create ok " + n.ID + " subjective,vitals"}) {
		t.Errorf("trace %+v", trace)
	}
	list, err := v.Engine.Notes(t.Context(), v.Caller, record.NoteQuery{ConsultationID: con.ID}, act.Page{})
	if err != nil || len(list.Items) != 1 || list.Items[0].ID != n.ID {
		t.Errorf("list %+v, %v", list, err)
	}
	v.Left(t, "note.list ok filter:consultation_id,filter:patient_id,id:"+n.ID)
}

func TestNoteValues(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	con := v.Begun(t)
	big := strings.Repeat("ä", text.MaxSOAP/2)
	tooBig := big + "x"
	for _, test := range []struct {
		name   string
		draft  record.NoteDraft
		fields []string
	}{
		{"nothing", record.NoteDraft{}, []string{"subjective"}},
		{"blank", record.NoteDraft{Plan: new("  \n ")}, []string{"subjective"}},
		{"a byte too many in two parts", record.NoteDraft{Objective: &tooBig, Plan: &tooBig}, []string{"objective", "plan"}},
		{"zero bytes, broken UTF-8", record.NoteDraft{Subjective: new("a\x00b"), Plan: new("\xff")},
			[]string{"subjective", "plan"}},
		{"codes", record.NoteDraft{Codes: &[]record.Code{{}, {Code: "A"}, {Code: "A"}}},
			[]string{"codes[0].code", "codes[2].code"}},
		{"too many codes", record.NoteDraft{Codes: new(make([]record.Code, 51))}, []string{"codes"}},
		{"vitals",
			record.NoteDraft{Vitals: &[]record.Vital{{Code: "body_temperature", Value: 384, Unit: "Cel"},
				{Code: "2708-6", Value: 101, Unit: "%"},
				{Value: 1, Unit: "kg"}, {Code: "x", Value: math.NaN(), Unit: "y"}, {Code: "x", Value: 1}}},
			[]string{"vitals[0].value", "vitals[1].value", "vitals[2].code", "vitals[3].value", "vitals[4].unit"}},
		{"signed at once", record.NoteDraft{Plan: new("x"), Status: record.NoteSigned}, []string{"status"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := v.Engine.WriteNote(t.Context(), v.Caller, con.ID, test.draft)
			enginetest.Refused(t, err, fault.Invalid, test.fields...)
		})
	}
	v.Left(t)
	n, err := v.Engine.WriteNote(t.Context(), v.Caller, con.ID,
		record.NoteDraft{Subjective: &big, Objective: &big, Assessment: &big, Plan: &big})
	if err != nil || n.Subjective != big {
		t.Errorf("64 KiB each: %v", err)
	}
}

func TestEditADraft(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	n := v.Written(t, v.Begun(t).ID)
	ctx := t.Context()
	_, err := v.Engine.PatchNote(ctx, v.Caller, n.ID, nil, record.NoteDraft{Plan: new("tea")})
	enginetest.Refused(t, err, fault.PreconditionRequired)
	_, err = v.Engine.PatchNote(ctx, v.Caller, n.ID, new(int64(7)), record.NoteDraft{Plan: new("tea")})
	enginetest.Refused(t, err, fault.PreconditionFailed)
	v.Left(t)
	got, err := v.Engine.PatchNote(ctx, v.Caller, n.ID, &n.Version,
		record.NoteDraft{Plan: new("tea"), Codes: &[]record.Code{}})
	if err != nil || got.Plan != "tea" || got.Subjective != n.Subjective || len(got.Codes) != 0 || got.Version != 2 ||
		got.Row != n.Row {
		t.Errorf("%+v, %v", got, err)
	}
	v.Left(t, "note.update ok "+n.ID+" plan,codes")
	same, err := v.Engine.PatchNote(ctx, v.Caller, n.ID, &got.Version, record.NoteDraft{Plan: new("tea")})
	if err != nil || same.Version != 2 {
		t.Errorf("the same again: %+v, %v", same, err)
	}
	v.Left(t)
	_, err = v.Engine.PatchNote(ctx, v.Caller, n.ID, &got.Version, record.NoteDraft{
		Subjective: new(""), Assessment: new(""), Plan: new(""), Vitals: &[]record.Vital{}})
	enginetest.Refused(t, err, fault.Invalid, "subjective")
	gone, err := v.Engine.PatchNote(ctx, v.Caller, n.ID, &got.Version,
		record.NoteDraft{Status: record.NoteInError, Reason: "wrong chart"})
	if err != nil || gone.Status != record.NoteInError {
		t.Errorf("%+v, %v", gone, err)
	}
	_, err = v.Engine.SignNote(ctx, v.Caller, n.ID, nil)
	if e := enginetest.Refused(t, err, fault.InvalidTransition); len(e.Allowed) != 0 {
		t.Errorf("allowed %v", e.Allowed)
	}
}

func TestSignNote(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	n := v.Written(t, v.Begun(t).ID)
	ctx := t.Context()
	writer := v.Caller
	writer.Scopes = scope.Of(scope.ConsultationsRead, scope.ConsultationsWrite)
	_, err := v.Engine.SignNote(ctx, writer, n.ID, nil)
	if e := enginetest.Refused(t, err, fault.Forbidden); e.Missing != scope.NotesSign {
		t.Errorf("missing %v", e.Missing)
	}
	_, err = v.Engine.SignNote(ctx, v.Caller, n.ID, new(int64(9)))
	enginetest.Refused(t, err, fault.PreconditionFailed)
	v.Since(t)
	signed, err := v.Engine.SignNote(ctx, v.Caller, n.ID, &n.Version)
	if err != nil || signed.Status != record.NoteSigned || signed.SignedBy != v.Ada.ID ||
		signed.SignedAt != v.Clock.Now().Unix() ||
		signed.ContentSHA256 != signed.Digest("") || len(signed.ContentSHA256) != 64 || signed.Row != n.Row {
		t.Fatalf("%+v, %v", signed, err)
	}
	trace := v.Since(t)
	if !slices.Equal(trace.Events, []string{"soap_note.signed"}) ||
		!slices.Equal(trace.Audit, []string{"note.sign ok " + n.ID + " status,signed_by,signed_at"}) {
		t.Errorf("trace %+v", trace)
	}
	_, err = v.Engine.SignNote(ctx, v.Caller, n.ID, nil)
	if e := enginetest.Refused(t, err,
		fault.InvalidTransition); !slices.Equal(e.Allowed, []string{"amended", "entered_in_error"}) {
		t.Errorf("allowed %v", e.Allowed)
	}
	for _, version := range []*int64{nil, &signed.Version, new(int64(99))} { // the state goes before If-Match
		_, err = v.Engine.PatchNote(ctx, v.Caller, n.ID, version, record.NoteDraft{Plan: new("tea")})
		enginetest.Refused(t, err, fault.InvalidTransition)
	}
	read, err := v.Engine.Note(ctx, v.Caller, n.ID)
	if err != nil || read.ContentSHA256 != read.Digest("") || read.Plan != "rest" {
		t.Errorf("read back %+v, %v", read, err)
	}
}

// amendable is a signed note under a consultation that ended two days ago.
func amendable(t *testing.T) (*enginetest.Visit, record.Note) {
	t.Helper()
	v := enginetest.NewVisit(t)
	con := v.Begun(t)
	n := v.Signed(t, con.ID)
	_, err := v.Engine.EndConsultation(t.Context(), v.Caller, con.ID)
	enginetest.Must(t, err)
	v.Clock.Add(48 * time.Hour)
	v.Since(t)
	return v, n
}

func TestAmendNoteRefusals(t *testing.T) {
	t.Parallel()
	v, first := amendable(t)
	ctx := t.Context()
	for _, test := range []struct {
		name   string
		draft  record.NoteDraft
		kind   fault.Kind
		fields []string
	}{
		{"no reason", record.NoteDraft{Plan: new("tea")}, fault.Invalid, []string{"reason"}},
		{"nothing changed", record.NoteDraft{Plan: new("rest"), Reason: "typo"}, fault.Invalid, []string{"subjective"}},
		{"nothing left", record.NoteDraft{Subjective: new(""), Assessment: new(""), Plan: new(""), Codes: &[]record.Code{},
			Vitals: &[]record.Vital{}, Reason: "x"},
			fault.Invalid, []string{"subjective"}},
		{"a draft again", record.NoteDraft{Status: record.NoteDrafted, Reason: "x"}, fault.Invalid, []string{"status"}},
		{"an unknown author", record.NoteDraft{Plan: new("tea"), Reason: "x", AuthorID: 99}, fault.NotFound,
			[]string{"author_id"}},
	} {
		_, err := v.Engine.AmendNote(ctx, v.Caller, first.ID, nil, test.draft)
		enginetest.Refused(t, err, test.kind, test.fields...)
	}
	writer := v.Caller
	writer.Scopes = scope.Of(scope.ConsultationsWrite)
	_, err := v.Engine.AmendNote(ctx, writer, first.ID, nil, record.NoteDraft{Plan: new("tea"), Reason: "x"})
	if e := enginetest.Refused(t, err, fault.Forbidden); e.Missing != scope.NotesSign {
		t.Errorf("missing %v", e.Missing)
	}
	if versions, err := v.Engine.NoteVersions(ctx, v.Caller, first.ID); err != nil || len(versions) != 1 {
		t.Errorf("refusals left %+v, %v", versions, err)
	}
}

func TestAmendNote(t *testing.T) {
	t.Parallel()
	v, first := amendable(t)
	ctx := t.Context()
	second, err := v.Engine.AmendNote(ctx, v.Caller, first.ID, &first.Version,
		record.NoteDraft{Plan: new("antibiotics"), Reason: "culture came back"})
	if err != nil || second.ID != first.ID || second.N != 2 || second.Supersedes != first.Row ||
		second.Status != record.NoteAmended ||
		second.Subjective != first.Subjective || second.Plan != "antibiotics" || second.AmendReason != "culture came back" ||
		second.SignedAt != v.Clock.Now().Unix() || second.Version != first.Version+1 || second.CreatedAt != first.CreatedAt {
		t.Fatalf("%+v, %v", second, err)
	}
	trace := v.Since(t)
	if !slices.Equal(trace.Events, []string{"soap_note.amended"}) ||
		!slices.Equal(trace.Audit, []string{"note.amend ok " + first.ID + " plan"}) {
		t.Errorf("trace %+v", trace)
	}
	third, err := v.Engine.AmendNote(ctx, v.Caller, first.ID, nil,
		record.NoteDraft{Objective: new("chest clear"), Reason: "seen again", AuthorID: v.Ben.ID})
	if err != nil || third.AuthorID != v.Ben.ID || third.SignedBy != v.Ben.ID || third.N != 3 {
		t.Fatalf("another author: %+v, %v", third, err)
	}
	versions, err := v.Engine.NoteVersions(ctx, v.Caller, first.ID)
	if err != nil || len(versions) != 3 || versions[0].Plan != "rest" || versions[0].AuthorID != v.Ada.ID ||
		versions[2].Objective != "chest clear" {
		t.Fatalf("%+v, %v", versions, err)
	}
	before := ""
	for _, n := range versions {
		if n.Digest(before) != n.ContentSHA256 {
			t.Errorf("version %d does not match its hash", n.N)
		}
		before = n.ContentSHA256
	}
	list, err := v.Engine.Notes(ctx, v.Caller, record.NoteQuery{PatientID: v.Ida.ID}, act.Page{})
	if err != nil || len(list.Items) != 1 || list.Items[0].N != 3 || *list.Total != 1 {
		t.Errorf("the list shows %+v, %v", list, err)
	}
}

func TestAmendWhatIsUnsigned(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	n := v.Written(t, v.Begun(t).ID)
	for _, status := range []record.NoteStatus{"", record.NoteInError} {
		_, err := v.Engine.AmendNote(t.Context(), v.Caller, n.ID, nil,
			record.NoteDraft{Plan: new("tea"), Reason: "x", Status: status})
		if k := fault.KindOf(err); k != fault.InvalidTransition && k != fault.Conflict {
			t.Errorf("amending a draft: %v", err)
		}
	}
	_, err := v.Engine.AmendNote(t.Context(), v.Caller, uuid.New(v.Clock.Now()), nil,
		record.NoteDraft{Plan: new("tea"), Reason: "x"})
	enginetest.Refused(t, err, fault.NotFound)
}

func TestAnEndedConsultationRefusesAllButAmendments(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	con := v.Begun(t)
	ctx := t.Context()
	signed, draft := v.Signed(t, con.ID), v.Written(t, con.ID)
	pill, err := v.Engine.Prescribe(ctx, v.Caller, con.ID, prescribed())
	enginetest.Must(t, err)
	planned := prescribed()
	planned.Status = record.PrescriptionDrafted
	later, err := v.Engine.Prescribe(ctx, v.Caller, con.ID, planned)
	enginetest.Must(t, err)
	_, err = v.Engine.EndConsultation(ctx, v.Caller, con.ID)
	enginetest.Must(t, err)
	v.Since(t)

	_, err = v.Engine.WriteNote(ctx, v.Caller, con.ID, record.NoteDraft{Plan: new("tea")})
	enginetest.Refused(t, err, fault.Conflict, "consultation_id")
	_, err = v.Engine.PatchNote(ctx, v.Caller, draft.ID, &draft.Version,
		record.NoteDraft{Vitals: &[]record.Vital{{Code: "body_weight", Value: 60, Unit: "kg"}}})
	enginetest.Refused(t, err, fault.Conflict, "consultation_id")
	_, err = v.Engine.Prescribe(ctx, v.Caller, con.ID, prescribed())
	enginetest.Refused(t, err, fault.Conflict, "consultation_id")
	_, err = v.Engine.PatchPrescription(ctx, v.Caller, later.ID, nil, record.PrescriptionDraft{Dose: new("2 tablets")})
	enginetest.Refused(t, err, fault.Conflict, "consultation_id")
	_, err = v.Engine.PatchPrescription(ctx, v.Caller, later.ID, nil,
		record.PrescriptionDraft{Status: record.PrescriptionActive})
	enginetest.Refused(t, err, fault.Conflict, "consultation_id")
	_, err = v.Engine.WriteNote(ctx, v.Caller, con.ID, record.NoteDraft{Plan: new("tea"), AddendumTo: draft.ID})
	enginetest.Refused(t, err, fault.Conflict, "addendum_to")
	if trace := v.Since(t); len(trace.Events) != 0 {
		t.Errorf("refusals told %v", trace.Events)
	}

	if _, err = v.Engine.SignNote(ctx, v.Caller, draft.ID, nil); err != nil {
		t.Errorf("a draft can be signed as it is: %v", err)
	}
	if _, err = v.Engine.StopPrescription(ctx, v.Caller, pill.ID, "rash"); err != nil {
		t.Errorf("a prescription can be stopped: %v", err)
	}
	v.Since(t)
	writer := v.Caller
	writer.Scopes = scope.Of(scope.ConsultationsWrite)
	add := record.NoteDraft{Subjective: new("called back: better"), AddendumTo: signed.ID, AuthorID: v.Ben.ID}
	_, err = v.Engine.WriteNote(ctx, writer, con.ID, add)
	enginetest.Refused(t, err, fault.Forbidden)
	v.Since(t)
	note, err := v.Engine.WriteNote(ctx, v.Caller, con.ID, add)
	if err != nil || note.Status != record.NoteSigned || note.AddendumTo != signed.ID || note.SignedBy != v.Ben.ID ||
		note.ContentSHA256 != note.Digest("") {
		t.Fatalf("addendum %+v, %v", note, err)
	}
	if trace := v.Since(t); !slices.Equal(trace.Events, []string{"soap_note.created", "soap_note.signed"}) {
		t.Errorf("events %v", trace.Events)
	}
}

func TestUndoUnderASignedNote(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	con := v.Begun(t)
	ctx := t.Context()
	n := v.Written(t, con.ID)
	_, err := v.Engine.EndConsultation(ctx, v.Caller, con.ID)
	enginetest.Must(t, err)
	undone, err := v.Engine.UndoAppointment(ctx, v.Caller, v.Appt.ID, "pressed too early")
	if err != nil || undone.Status != booking.Scheduled {
		t.Fatalf("under a draft: %+v, %v", undone, err)
	}
	_, err = v.Engine.Complete(ctx, v.Caller, v.Appt.ID)
	enginetest.Must(t, err)
	_, err = v.Engine.SignNote(ctx, v.Caller, n.ID, nil)
	enginetest.Must(t, err)
	_, err = v.Engine.UndoAppointment(ctx, v.Caller, v.Appt.ID, "again")
	enginetest.Refused(t, err, fault.InvalidTransition, "status")
}

func TestPatientTextIsNowhereBesideTheNote(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	con := v.Begun(t)
	ctx := t.Context()
	const secret = "Zyzzyva"
	n, err := v.Engine.WriteNote(ctx, v.Caller, con.ID, record.NoteDraft{Plan: new(secret)})
	enginetest.Must(t, err)
	_, err = v.Engine.SignNote(ctx, v.Caller, n.ID, nil)
	enginetest.Must(t, err)
	_, err = v.Engine.AmendNote(ctx, v.Caller, n.ID, nil, record.NoteDraft{Plan: new(secret + "2"), Reason: secret})
	enginetest.Must(t, err)
	d := prescribed()
	d.Medication, d.Instructions = new(secret), new(secret)
	_, err = v.Engine.Prescribe(ctx, v.Caller, con.ID, d)
	enginetest.Must(t, err)
	v.Read(t, func(r engine.Reader) error {
		events, err := r.Events(v.Row.N, false, 0, "", 1000)
		enginetest.Must(t, err)
		for _, ev := range events {
			if strings.Contains(string(ev.Data), secret) || strings.Contains(string(ev.Data), "Lind") ||
				strings.Contains(string(ev.Data), "cough") {
				t.Errorf("%s tells %s", ev.Type, ev.Data)
			}
		}
		rows, err := r.AuditChain(v.Row.N, 0, 10_000)
		for _, a := range rows {
			if strings.Contains(strings.Join(a.Fields, " ")+a.ReasonRef, secret) {
				t.Errorf("the audit tells %+v", a)
			}
			if (a.Entity == "note" || a.Entity == "consultation" || a.Entity == "prescription") && a.PatientID != v.Ida.ID {
				t.Errorf("%s is about patient %d", a.Action, a.PatientID)
			}
		}
		return err
	})
}
