package booking_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"qualifybase/engine/booking"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
)

// appointmentFile is a file as a calendar of another house writes it: Windows-1252
// in places, semicolons, German headings.
func appointmentFile(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

func TestImportAppointments(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	ida := c.Patient(t, c.Caller, "Ida", "Lind")
	file := appointmentFile(
		"\uFEFFDatum;Uhrzeit;Dauer;Patient_ID;Name;E-Mail;Arzt;Leistung;Betreff;Farbe",
		fmt.Sprintf("27.04.2026;09:00;;%d;;;Ada;check-up;Kontrolle;rot", ida.ID),
		"2026-04-27;09:30;45;;Jürgen Groß;j@example.org;ada;;'=1+1;",
		";;;;;;;;;",
		"28.4.2026;9:00;30;;Jürgen Groß;j@example.org;;;zweiter;",
	)
	report, err := c.Engine.ImportAppointments(ctx, c.Caller, strings.NewReader(file),
		booking.AppointmentImport{DryRun: true})
	if err != nil || report.Rows != 3 || report.Created != 3 || report.Written || len(report.Bad) != 0 ||
		len(report.Preview) != 3 {
		t.Fatalf("dry run %+v, %v", report, err)
	}
	if last := report.Columns[9]; last.Header != "Farbe" || last.Field != "" || report.Columns[6].Field != "provider" {
		t.Errorf("columns %+v", report.Columns)
	}
	c.Left(t)
	c.Hook(t, c.Caller)
	c.Since(t)
	nudged := c.Nudges.Load()
	report, err = c.Engine.ImportAppointments(ctx, c.Caller, strings.NewReader(file), booking.AppointmentImport{})
	if err != nil || report.Created != 3 || !report.Written || c.Nudges.Load() != nudged+1 {
		t.Fatalf("import %+v, %v", report, err)
	}
	trace := c.Since(t)
	want := []string{"appointment.created", "appointment.scheduled", "lead.created", "appointment.created",
		"appointment.scheduled",
		"appointment.created", "appointment.scheduled"}
	if !slices.Equal(trace.Events, want) {
		t.Errorf("events %v\nwant %v", trace.Events, want)
	}
	if n := len(trace.Audit); n != 5 ||
		trace.Audit[n-1] != "appointment.import ok booked:3,known:0" ||
		!strings.HasPrefix(trace.Audit[1], "lead.create ok ") {
		t.Errorf("audit %v", trace.Audit)
	}
	first, second := report.Preview[0].Row, report.Preview[1].Row
	if first.PatientID != ida.ID || first.StartsAt != enginetest.Unix("2026-04-27 09:00") ||
		first.ServiceID != c.Checkup.ID || first.EndsAt-first.StartsAt != 1800 {
		t.Errorf("first %+v", first)
	}
	if second.LeadID == "" || second.EndsAt-second.StartsAt != 2700 || second.Title != "=1+1" ||
		second.ProviderID != c.Ada.ID ||
		report.Preview[2].Row.LeadID != second.LeadID {
		t.Errorf("second %+v", second)
	}
	_, err = c.Engine.ImportAppointments(ctx, c.Caller, strings.NewReader(file), booking.AppointmentImport{})
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("twice: %v", err)
	}
}

func TestImportAppointmentsFaults(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	_, theirs := c.Rival(t)
	ida := c.Patient(t, c.Caller, "Ida", "Lind").ID
	lines := []string{
		"scheduled_at,ends_at,patient_id,provider_id,provider,status,lead_id,name",
		// 2: the one good row
		fmt.Sprintf("2026-04-27 09:00,2026-04-27 09:30,%d,,Ada,,,", ida),
		fmt.Sprintf("tomorrow,,%d,,,,,", ida),                                                            // 3
		fmt.Sprintf("2026-04-27 10:00,,%d,,,,,", ida),                                                    // 4: no end
		fmt.Sprintf("2026-04-27 10:00,2026-04-27 09:00,%d,,,,,", ida),                                    // 5
		"2026-04-27 10:00,2026-04-27 10:30,99,,,,,",                                                      // 6
		"2026-04-27 10:00,2026-04-27 10:30,x,,Nobody,,,",                                                 // 7
		fmt.Sprintf("2026-04-27 21:00,2026-04-27 21:30,%d,,,,,", ida),                                    // 8: closed
		fmt.Sprintf("2026-04-27 09:15,2026-04-27 09:45,%d,,Ada,,,", c.Patient(t, c.Caller, "A", "B").ID), // 9: taken by 2
		fmt.Sprintf("2026-04-27 10:00,2026-04-27 10:30,%d,%d,,,,", ida, theirs.ID),                       // 10
		fmt.Sprintf("2026-04-27 10:00,2026-04-27 10:30,%d,,Ada,cancelled,,", ida),                        // 11
		"2026-04-27 10:00,2026-04-27 10:30,,,Ada,,,",                                                     // 12: nobody
		"only,three,cells", // 13
		fmt.Sprintf("2026-04-20 10:00,2026-04-20 10:30,%d,,Ada,completed,,", ida), // 14: past
	}
	c.Since(t)
	file := strings.Join(lines, "\n")
	report, err := c.Engine.ImportAppointments(ctx, c.Caller, strings.NewReader(file), booking.AppointmentImport{})
	if fault.KindOf(err) != fault.Invalid || report.Written {
		t.Fatalf("%+v, %v", report, err)
	}
	if trace := c.Since(t); len(trace.Events) != 0 || len(trace.Audit) != 0 {
		t.Errorf("left %+v", trace)
	}
	got := map[int]string{}
	for _, bad := range report.Bad {
		got[bad.Line] = bad.Details[len(bad.Details)-1].Field
	}
	want := map[int]string{3: "scheduled_at", 4: "ends_at", 5: "ends_at", 6: "line", 7: "provider", 8: "scheduled_at",
		9:  "scheduled_at",
		10: "provider_id", 11: "status", 12: "lead_id", 13: "line", 14: "scheduled_at"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("faults %v\nwant   %v\n%+v", got, want, report.Bad)
	}
	report, err = c.Engine.ImportAppointments(ctx, c.Caller, strings.NewReader(file),
		booking.AppointmentImport{SkipBad: true, Past: true})
	if err != nil || report.Created != 2 || len(report.Bad) != 11 || !report.Written {
		t.Fatalf("%+v, %v", report, err)
	}
	trace := c.Since(t)
	if !slices.Contains(trace.Events, "appointment.completed") || len(trace.Audit) != 3 {
		t.Errorf("trace %+v", trace)
	}
	narrow := c.Caller
	narrow.Scopes = scope.Of(scope.AppointmentsWrite)
	_, err = c.Engine.ImportAppointments(ctx, narrow, strings.NewReader(file), booking.AppointmentImport{Past: true})
	if e := enginetest.Refused(t, err, fault.Forbidden); e.Missing != scope.AppointmentsOverride {
		t.Errorf("missing %v", e.Missing)
	}
	named := "scheduled_at,ends_at,name\n2026-04-27 11:00,2026-04-27 11:30,Somebody\n"
	report, _ = c.Engine.ImportAppointments(ctx, narrow, strings.NewReader(named), booking.AppointmentImport{DryRun: true})
	if len(report.Bad) != 1 {
		t.Errorf("a lead was made without leads:write: %+v", report)
	}
}

func TestImportAppointmentsFiles(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	for _, test := range []struct{ name, file, field string }{
		{"empty", "", "file"},
		{"nobody", "scheduled_at\n2026-04-27 09:00\n", "file"},
		{"never", "patient_id\n1\n", "file"},
		{"a spreadsheet", "PK\x03\x04rest", "file"},
		{"10,000 columns", strings.Repeat("a,", 9_999) + "a\n", "file"},
		{"too many rows", "scheduled_at,patient_id\n" + strings.Repeat("2026-04-27 09:00,1\n",
			booking.MaxImportAppointments+1), "file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := c.Engine.ImportAppointments(t.Context(), c.Caller, strings.NewReader(test.file),
				booking.AppointmentImport{})
			enginetest.Refused(t, err, fault.Invalid, test.field)
		})
	}
	// A file of Windows-1252.
	report, err := c.Engine.ImportAppointments(t.Context(), c.Caller,
		strings.NewReader("date;time;minutes;name\n27.04.2026;09:00;30;J\xfcrgen\n"),
		booking.AppointmentImport{})
	enginetest.Must(t, err)
	lead, err := c.Engine.Lead(t.Context(), c.Caller, report.Preview[0].Row.LeadID)
	if err != nil || lead.Name != "Jürgen" {
		t.Errorf("%+v, %v", lead, err)
	}
}

func TestExportAppointments(t *testing.T) {
	t.Parallel()
	v := enginetest.NewVisit(t)
	ctx := t.Context()
	a, err := v.Engine.PatchAppointment(ctx, v.Caller, v.Appt.ID,
		booking.AppointmentPatch{Title: new("=SUM(A1)"), Notes: new("two\nlines, \"quoted\"")})
	enginetest.Must(t, err)
	v.BookAs(t, v.Test, "2026-04-27 11:00", v.Ada, v.Checkup)
	v.Since(t)
	var out bytes.Buffer
	n, err := v.Engine.ExportAppointments(ctx, v.Caller, booking.AppointmentQuery{}, &out)
	if err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	text := out.String()
	want := fmt.Sprintf("%s,scheduled,2026-04-27T09:00:00+02:00,2026-04-27T09:30:00+02:00,Europe/Berlin,"+
		"%d,Ada,%d,Practice,%d,Check-up,%d,,'=SUM(A1),",
		a.ID, v.Ada.ID, v.Practice.ID, v.Checkup.ID, v.Ida.ID)
	if !strings.Contains(text, want) || !strings.HasPrefix(text, "id,status,scheduled_at,") {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	v.Left(t, fmt.Sprintf("appointment.export ok id:%s,patient:%d", a.ID, v.Ida.ID))
	report, err := v.Engine.ImportAppointments(ctx, v.Caller, strings.NewReader(text), booking.AppointmentImport{})
	if err != nil || report.Unchanged != 1 || report.Created != 0 {
		t.Errorf("read back: %+v, %v", report, err)
	}
	v.Since(t)
	narrow := v.Caller
	narrow.Scopes = scope.Of(scope.AppointmentsWrite)
	_, err = v.Engine.ExportAppointments(ctx, narrow, booking.AppointmentQuery{}, &out)
	enginetest.Refused(t, err, fault.Forbidden)
	_, err = v.Engine.ExportAppointments(ctx, v.Caller, booking.AppointmentQuery{Status: "lost"}, &out)
	enginetest.Refused(t, err, fault.Invalid, "status")
}

func FuzzAppointmentImport(f *testing.F) {
	c := enginetest.New(f)
	f.Add("scheduled_at,ends_at,name\n2026-04-27 09:00,2026-04-27 09:30,A\n")
	f.Add("date;time;minutes;email;provider\n27.04.2026;09:00;30;a@b.example;Ada\n")
	f.Fuzz(func(t *testing.T, file string) {
		report, err := c.Engine.ImportAppointments(t.Context(), c.Caller, strings.NewReader(file),
			booking.AppointmentImport{DryRun: true})
		if fault.KindOf(err) == fault.Internal {
			t.Errorf("%v", err)
		}
		if err == nil && report.Rows != report.Created+report.Unchanged+len(report.Bad) {
			t.Errorf("rows are lost: %+v", report)
		}
	})
}
