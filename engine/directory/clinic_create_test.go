package directory_test

import (
	"strings"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/store/storetest"
)

func TestCreateClinicMakesTheTrio(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	row, err := c.Engine.CreateClinic(ctx, act.Shell(0, "init"), directory.ClinicDraft{
		Name: " Zahnärzte Dr. Öz & Söhne ", TimeZone: "Europe/Lisbon", Country: "pt",
		Hours: enginetest.Hours("Mon 09:00-12:00"),
	})
	enginetest.Must(t, err)
	if row.N == 0 || row.N == c.Row.N || len(row.ID) != 36 || row.Slug != "zahnarzte-dr-oz-sohne" ||
		row.Name != "Zahnärzte Dr. Öz & Söhne" ||
		row.Country != "PT" || row.Settings != directory.DefaultSettings || row.Version != 1 ||
		row.CreatedAt != c.Clock.Now().Unix() {
		t.Errorf("the clinic is %+v", row)
	}
	shell := act.Shell(row.N, "test")
	providers, err := c.Engine.Providers(ctx, shell, act.Page{})
	enginetest.Must(t, err)
	locations, err := c.Engine.Locations(ctx, shell, act.Page{})
	enginetest.Must(t, err)
	services, err := c.Engine.Services(ctx, shell, act.Page{})
	enginetest.Must(t, err)
	if len(providers.Items) != 1 || len(locations.Items) != 1 || len(services.Items) != 0 {
		t.Fatalf("%d providers, %d locations, %d services", len(providers.Items), len(locations.Items), len(services.Items))
	}
	p, l := providers.Items[0], locations.Items[0]
	if p.DisplayName != "Provider 1" || !p.Active || !p.BookableOnline || p.Weight != 100 || len(p.LocationIDs) != 1 ||
		p.LocationIDs[0] != l.ID {
		t.Errorf("the provider is %+v", p)
	}
	if l.Name != row.Name || l.Kind != directory.AtClinic || !l.Active {
		t.Errorf("the location is %+v", l)
	}
	hours, err := c.Engine.Schedule(ctx, shell, directory.ClinicOwner)
	enginetest.Must(t, err)
	if hours.Weekly.String() != "Mon 09:00-12:00" {
		t.Errorf("the hours are %s", hours.Weekly)
	}
	c.Read(t, func(r engine.Reader) error {
		chain, err := r.AuditChain(row.N, 0, 10)
		if len(chain) != 1 || chain[0].Action != "clinic.create" || chain[0].EntityID != row.ID ||
			chain[0].ActorKind != act.ActorCLI {
			t.Errorf("the new clinic's audit is %+v", chain)
		}
		return err
	})
	c.Left(t) // and nothing in the audit of another
}

func TestCreateClinicRefuses(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	good := directory.ClinicDraft{Slug: "other", Name: "Other", TimeZone: "UTC", Country: "DE",
		Hours: enginetest.Hours("Mon 09:00-12:00")}
	shell := act.Shell(0, "init")
	for _, test := range []struct {
		name   string
		caller act.Caller
		change func(d *directory.ClinicDraft)
		kind   fault.Kind
		fields []string
	}{
		{"a key", c.Caller, func(*directory.ClinicDraft) {}, fault.Forbidden, nil},
		{"nobody", act.Caller{}, func(*directory.ClinicDraft) {}, fault.Forbidden, nil},
		{"a user", act.Caller{Kind: act.ActorUser, Role: act.Owner, Scopes: scope.All}, func(*directory.ClinicDraft) {},
			fault.Forbidden, nil},
		{"all faults at once", shell,
			func(d *directory.ClinicDraft) { *d = directory.ClinicDraft{LocationName: "a\nb", ProviderName: "\x00"} },
			fault.Invalid,
			[]string{"name", "time_zone", "country", "hours", "location_name", "provider_name"}},
		{"bad values", shell, func(d *directory.ClinicDraft) {
			d.Slug, d.Name, d.TimeZone, d.Country = "-x", strings.Repeat("x", 101), "CEST", "XX"
			d.Hours[1] = []calendar.Window{{From: -1, To: 5000}}
		}, fault.Invalid, []string{"slug", "name", "time_zone", "country", "hours.mon[0]"}},
		{"capitals in the slug", shell, func(d *directory.ClinicDraft) { d.Slug = "Other" }, fault.Invalid, []string{"slug"}},
		{"a double hyphen", shell, func(d *directory.ClinicDraft) { d.Slug = "o--ther" }, fault.Invalid, []string{"slug"}},
		{"a slug of 64", shell, func(d *directory.ClinicDraft) { d.Slug = strings.Repeat("x", 64) }, fault.Invalid,
			[]string{"slug"}},
		{"the machine's zone", shell, func(d *directory.ClinicDraft) { d.TimeZone = "Local" }, fault.Invalid,
			[]string{"time_zone"}},
		{"a taken slug", shell, func(d *directory.ClinicDraft) { d.Slug = c.Row.Slug }, fault.Conflict, []string{"slug"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := good
			test.change(&d)
			_, err := c.Engine.CreateClinic(t.Context(), test.caller, d)
			enginetest.Refused(t, err, test.kind, test.fields...)
			list, err := c.Engine.Clinics(t.Context(), shell)
			if err != nil || len(list) != 1 {
				t.Errorf("there are %d clinics, %v", len(list), err)
			}
		})
	}
}

func TestFindClinics(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx, shell := t.Context(), act.Shell(0, "list")
	rival, _ := c.Rival(t)
	list, err := c.Engine.Clinics(ctx, shell)
	if err != nil || len(list) != 2 || list[0].N != c.Row.N || list[1].N != rival.Clinic {
		t.Errorf("clinics %+v, %v", list, err)
	}
	if got, err := c.Engine.OldestClinic(ctx, shell); err != nil || got.N != c.Row.N {
		t.Errorf("the oldest is %+v, %v", got, err)
	}
	if got, err := c.Engine.ClinicBySlug(ctx, shell, "rival"); err != nil || got.N != rival.Clinic {
		t.Errorf("by slug %+v, %v", got, err)
	}
	_, err = c.Engine.ClinicBySlug(ctx, shell, "none")
	enginetest.Refused(t, err, fault.NotFound)
	_, err = c.Engine.Clinics(ctx, c.Caller)
	enginetest.Refused(t, err, fault.Forbidden)
	_, err = c.Engine.OldestClinic(ctx, c.Caller)
	enginetest.Refused(t, err, fault.Forbidden)
	_, err = c.Engine.ClinicBySlug(ctx, c.Caller, "praxis")
	enginetest.Refused(t, err, fault.Forbidden)
}

func TestNoClinicYet(t *testing.T) {
	t.Parallel()
	e := engine.New(storetest.Open(t), engine.Options{})
	_, err := e.OldestClinic(t.Context(), act.Shell(0, "list"))
	if refused := enginetest.Refused(t, err, fault.NotFound); !strings.Contains(refused.Message, "qb init") {
		t.Errorf("the way out is missing: %s", refused.Message)
	}
	if list, err := e.Clinics(t.Context(), act.Shell(0, "list")); err != nil || len(list) != 0 {
		t.Errorf("clinics %v, %v", list, err)
	}
}

func TestSlugOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Praxis am Markt": "praxis-am-markt", "  Dr. Müller! ": "dr-muller", "診療所": "clinic", "": "clinic",
		"A1 — B2":                 "a1-b2",
		strings.Repeat("ab ", 40): strings.TrimRight(strings.Repeat("ab-", 21), "-"),
	} {
		if got := directory.SlugOf(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestUpdateClinic(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	got, err := c.Engine.UpdateClinic(ctx, c.Caller, new(int64(1)), directory.ClinicPatch{
		Name: new("Praxis"), StepMinutes: new(20), HorizonDays: new(0), Continuity: new(false), Country: new("at"),
	})
	enginetest.Must(t, err)
	read, err := c.Engine.Clinic(ctx, c.Caller)
	enginetest.Must(t, err)
	if got != read {
		t.Errorf("answered %+v, kept %+v", got, read)
	}
	want := directory.DefaultSettings
	want.StepMinutes, want.HorizonDays, want.Continuity = 20, 0, false
	if got.Name != "Praxis" || got.Country != "AT" || got.Settings != want || got.Version != 2 || got.Slug != c.Row.Slug {
		t.Errorf("the clinic is %+v", got)
	}
	c.Left(t, "clinic.update ok "+c.Row.ID+" name,country,step_minutes,horizon_days,continuity")

	again, err := c.Engine.UpdateClinic(ctx, c.Caller, nil, directory.ClinicPatch{Name: new("Praxis"),
		StepMinutes: new(20)})
	if err != nil || again != got {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	c.Left(t)

	bad := -1
	c.Unchanged(t, func() {
		_, err = c.Engine.UpdateClinic(ctx, c.Caller, nil, directory.ClinicPatch{Name: new(""), TimeZone: new("X"),
			Country:     new(""),
			StepMinutes: new(0), DefaultMinutes: new(1440), NoticeMinutes: &bad, HorizonDays: &bad, LateCancelHours: &bad})
		enginetest.Refused(t, err, fault.Invalid, "name", "time_zone", "country", "step_minutes", "default_minutes",
			"notice_minutes", "horizon_days", "late_cancel_hours")
		_, err = c.Engine.UpdateClinic(ctx, c.Caller, new(int64(1)), directory.ClinicPatch{Name: new("Late")})
		e := enginetest.Refused(t, err, fault.PreconditionFailed)
		if !strings.Contains(e.Message, "version is 2") {
			t.Errorf("the message does not name the version: %s", e.Message)
		}
		_, err = c.Engine.UpdateClinic(ctx, c.Test, nil, directory.ClinicPatch{Name: new("Test")})
		enginetest.Refused(t, err, fault.Forbidden)
	})
	reader := c.Caller
	reader.Scopes = scope.Of(scope.ProvidersRead)
	_, err = c.Engine.UpdateClinic(ctx, reader, nil, directory.ClinicPatch{Name: new("No")})
	enginetest.Refused(t, err, fault.Forbidden)
	_, err = c.Engine.Clinic(ctx, reader)
	enginetest.Refused(t, err, fault.Forbidden)
	c.Left(t, "clinic.update denied scope:providers:write", "clinic.update denied scope:providers:write",
		"clinic.read denied scope:admin:read")
}
