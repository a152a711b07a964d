package record_test

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/record"
)

func prescribed() record.PrescriptionDraft {
	return record.PrescriptionDraft{
		Medication: new("Amoxicillin 500 mg"), Dose: new("1 tablet"), Frequency: new("3 times a day"),
		DurationDays: new(7), Quantity: new(21.0), Unit: new("tablet"),
	}
}

func TestPrescribe(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	con := v.Begun(t)
	p, err := v.Engine.Prescribe(t.Context(), v.Caller, con.ID, prescribed())
	enginetest.Must(t, err)
	today := calendar.NewDate(2026, 4, 27)
	if p.Status != record.PrescriptionActive || p.AuthorID != v.Ada.ID || p.PatientID != v.Ida.ID ||
		p.StartDate != today ||
		*p.LastDay() != today.AddDays(6) || p.Quantity != "21" || !p.Substitution || p.Version != 1 {
		t.Errorf("%+v", p)
	}
	trace := v.Since(t)
	if !slices.Equal(trace.Events, []string{"prescription.created"}) ||
		!slices.Equal(trace.Audit,
			[]string{"prescription.create ok " + p.ID + " medication,dose,frequency,duration_days,quantity,unit"}) {
		t.Errorf("trace %+v", trace)
	}
	read, err := v.Engine.Prescription(t.Context(), v.Caller, p.ID)
	if err != nil || read != p {
		t.Errorf("read back %+v\nwant %+v, %v", read, p, err)
	}
	list, err := v.Engine.Prescriptions(t.Context(), v.Caller, record.PrescriptionQuery{PatientID: v.Ida.ID}, act.Page{})
	if err != nil || len(list.Items) != 1 || list.Items[0] != p {
		t.Errorf("list %+v, %v", list, err)
	}
	sheet, err := v.Engine.PrescriptionSheet(t.Context(), v.Caller, p.ID)
	if err != nil || sheet.Patient.FamilyName != "Lind" || sheet.Provider.DisplayName != "Ada" ||
		sheet.Location.ID != v.Practice.ID || sheet.Today != today {
		t.Errorf("sheet %+v, %v", sheet, err)
	}
	if trace = v.Since(t); !slices.Contains(trace.Audit, "prescription.print ok "+p.ID) {
		t.Errorf("audit %v", trace.Audit)
	}
}

func TestPrescriptionValues(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	con := v.Begun(t)
	with := func(change func(*record.PrescriptionDraft)) record.PrescriptionDraft {
		d := prescribed()
		change(&d)
		return d
	}
	yesterday := calendar.NewDate(2026, 4, 26)
	for _, test := range []struct {
		name   string
		draft  record.PrescriptionDraft
		fields []string
	}{
		{"nothing", record.PrescriptionDraft{}, []string{"medication", "dose", "frequency"}},
		{"blanks", with(func(d *record.PrescriptionDraft) {
			d.Medication, d.Dose, d.Frequency = new(" "), new(""), new("\t")
		}),
			[]string{"medication", "dose", "frequency"}},
		{"both ends", with(func(d *record.PrescriptionDraft) { d.EndDate = new(yesterday.AddDays(10)) }),
			[]string{"end_date"}},
		{"ends before it starts", with(func(d *record.PrescriptionDraft) { d.DurationDays, d.EndDate = nil, &yesterday }),
			[]string{"end_date"}},
		{"never ends", with(func(d *record.PrescriptionDraft) { d.DurationDays = new(4000) }), []string{"duration_days"}},
		{"negative days", with(func(d *record.PrescriptionDraft) { d.DurationDays = new(-1) }), []string{"duration_days"}},
		{"none of it", with(func(d *record.PrescriptionDraft) { d.Quantity = new(0.0) }), []string{"quantity"}},
		{"less than none", with(func(d *record.PrescriptionDraft) { d.Quantity = new(-1.5) }), []string{"quantity"}},
		{"no number", with(func(d *record.PrescriptionDraft) { d.Quantity = new(math.NaN()) }), []string{"quantity"}},
		{"too much", with(func(d *record.PrescriptionDraft) { d.Quantity = new(1e7) }), []string{"quantity"}},
		{"too little to print", with(func(d *record.PrescriptionDraft) { d.Quantity = new(1e-300) }), []string{"quantity"}},
		{"in another age", with(func(d *record.PrescriptionDraft) { d.StartDate = new(calendar.NewDate(9999, 12, 31)) }),
			[]string{"start_date"}},
		{"in the first year", with(func(d *record.PrescriptionDraft) { d.StartDate = new(calendar.NewDate(1, 1, 1)) }),
			[]string{"start_date"}},
		{"a reason for nothing", with(func(d *record.PrescriptionDraft) { d.StopReason = "x" }), []string{"stop_reason"}},
		{"refills", with(func(d *record.PrescriptionDraft) { d.Refills = new(100) }), []string{"refills"}},
		{"begins stopped", with(func(d *record.PrescriptionDraft) { d.Status = record.PrescriptionStopped }),
			[]string{"status"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := v.Engine.Prescribe(t.Context(), v.Caller, con.ID, test.draft)
			enginetest.Refused(t, err, fault.Invalid, test.fields...)
		})
	}
	v.Left(t)
}

func TestPrescriptionStates(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	con := v.Begun(t)
	ctx := t.Context()
	d := prescribed()
	d.Status = record.PrescriptionDrafted
	p, err := v.Engine.Prescribe(ctx, v.Caller, con.ID, d)
	enginetest.Must(t, err)
	_, err = v.Engine.StopPrescription(ctx, v.Caller, p.ID, "x")
	if e := enginetest.Refused(t, err,
		fault.InvalidTransition); !slices.Equal(e.Allowed, []string{"active", "entered_in_error"}) {
		t.Errorf("allowed %v", e.Allowed)
	}
	last := calendar.NewDate(2026, 5, 9)
	p, err = v.Engine.PatchPrescription(ctx, v.Caller, p.ID, &p.Version, record.PrescriptionDraft{
		EndDate: &last, Quantity: new(1.5), Status: record.PrescriptionActive})
	if err != nil || p.Status != record.PrescriptionActive || p.DurationDays != 0 || *p.EndDate != last ||
		p.Quantity != "1.5" || p.Version != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	_, err = v.Engine.PatchPrescription(ctx, v.Caller, p.ID, new(int64(1)), record.PrescriptionDraft{Dose: new("2")})
	enginetest.Refused(t, err, fault.PreconditionFailed)
	_, err = v.Engine.PatchPrescription(ctx, v.Caller, p.ID, nil, record.PrescriptionDraft{Dose: new("2")})
	enginetest.Refused(t, err, fault.Conflict, "status")
	_, err = v.Engine.StopPrescription(ctx, v.Caller, p.ID, "  ")
	enginetest.Refused(t, err, fault.Invalid, "reason")
	_, err = v.Engine.PatchPrescription(ctx, v.Caller, p.ID, nil,
		record.PrescriptionDraft{Status: record.PrescriptionStopped})
	enginetest.Refused(t, err, fault.Invalid, "stop_reason")
	v.Since(t)
	p, err = v.Engine.StopPrescription(ctx, v.Caller, p.ID, "rash")
	if err != nil || p.Status != record.PrescriptionStopped || p.StopReason != "rash" {
		t.Fatalf("%+v, %v", p, err)
	}
	v.Left(t, "prescription.stop ok "+p.ID+" status,stop_reason")
	again, err := v.Engine.StopPrescription(ctx, v.Caller, p.ID, "other")
	if err != nil || !reflect.DeepEqual(again, p) {
		t.Errorf("again %+v, %v", again, err)
	}
	v.Left(t)
	_, err = v.Engine.PatchPrescription(ctx, v.Caller, p.ID, nil,
		record.PrescriptionDraft{Status: record.PrescriptionActive})
	if e := enginetest.Refused(t, err, fault.InvalidTransition); !slices.Equal(e.Allowed, []string{"entered_in_error"}) {
		t.Errorf("allowed %v", e.Allowed)
	}
}
