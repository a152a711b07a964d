package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
)

func TestCreateService(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	got, err := c.Engine.CreateService(ctx, c.Caller, directory.ServiceDraft{Name: new("Cleaning"),
		DurationMinutes: new(45)})
	enginetest.Must(t, err)
	if got.Name != "Cleaning" || got.DurationMinutes != 45 || got.Step != 0 || got.Align != directory.AlignStart ||
		got.MinNotice != -1 ||
		got.HorizonDays != -1 || !got.Active || got.AutoConfirm || len(got.ProviderIDs) != 0 || got.Version != 1 {
		t.Errorf("the defaults are %+v", got)
	}
	c.Left(t, fmt.Sprintf("service.create ok %d name,duration_minutes", got.ID))

	kind, align := directory.AtRoom, directory.AlignPack
	got, err = c.Engine.CreateService(ctx, c.Caller, directory.ServiceDraft{Name: new("Implant"), DurationMinutes: new(90),
		BufferBefore: new(15),
		BufferAfter:  new(20), Step: new(30), Align: &align, LocationKind: &kind, MinNotice: new(0), HorizonDays: new(60),
		DailyCap:    new(2),
		AutoConfirm: new(true), Active: new(false), ProviderIDs: &[]int64{c.Cleo.ID, c.Ada.ID}})
	enginetest.Must(t, err)
	if got.BufferBefore != 15 || got.BufferAfter != 20 || got.Step != 30 || got.Align != align ||
		got.LocationKind != kind || got.MinNotice != 0 ||
		got.HorizonDays != 60 || got.DailyCap != 2 || !got.AutoConfirm || got.Active ||
		!slices.Equal(got.ProviderIDs, []int64{c.Ada.ID, c.Cleo.ID}) {
		t.Errorf("the service is %+v", got)
	}
	kept, err := c.Engine.Service(ctx, c.Caller, got.ID)
	if err != nil || fmt.Sprintf("%+v", kept) != fmt.Sprintf("%+v", got) {
		t.Errorf("answered %+v\nkept     %+v %v", got, kept, err)
	}
	cleo, err := c.Engine.Provider(ctx, c.Caller, c.Cleo.ID)
	if err != nil || cleo.Version != c.Cleo.Version+1 || !slices.Equal(cleo.ServiceIDs, []int64{got.ID}) {
		t.Errorf("Cleo, whom it names, is %+v, %v", cleo, err)
	}
}

func TestServiceFaults(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	_, theirs := c.Rival(t)
	kind, align, noAlign := directory.LocationKind("tent"), directory.Align("left"), directory.Align("")
	good := func() directory.ServiceDraft {
		return directory.ServiceDraft{Name: new("X"), DurationMinutes: new(30)}
	}
	for _, test := range []struct {
		name   string
		change func(d *directory.ServiceDraft)
		fields []string
	}{
		{"all at once", func(d *directory.ServiceDraft) {
			*d = directory.ServiceDraft{Name: new(strings.Repeat("x", 101)), DurationMinutes: new(0), BufferBefore: new(-1),
				BufferAfter: new(721),
				Step:        new(-1), Align: &align, LocationKind: &kind, MinNotice: new(-2),
				HorizonDays: new(3651), DailyCap: new(-1),
				ProviderIDs: &[]int64{999}}
		}, []string{"name", "duration_minutes", "buffer_before", "buffer_after", "step", "align", "location_kind",
			"min_notice", "horizon_days",
			"daily_cap", "provider_ids[0]"}},
		{"a day and more", func(d *directory.ServiceDraft) { d.DurationMinutes = new(1440) }, []string{"duration_minutes"}},
		{"with its buffers", func(d *directory.ServiceDraft) {
			d.DurationMinutes, d.BufferBefore, d.BufferAfter = new(1400), new(20), new(21)
		},
			[]string{"duration_minutes"}},
		{"no alignment", func(d *directory.ServiceDraft) { d.Align = &noAlign }, []string{"align"}},
		{"another clinic's provider", func(d *directory.ServiceDraft) { d.ProviderIDs = &[]int64{c.Ada.ID, theirs.ID} },
			[]string{"provider_ids[1]"}},
		{"the same twice", func(d *directory.ServiceDraft) { d.ProviderIDs = &[]int64{c.Ada.ID, c.Ada.ID} },
			[]string{"provider_ids[1]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := good()
			test.change(&d)
			c.Unchanged(t, func() {
				_, err := c.Engine.CreateService(t.Context(), c.Caller, d)
				enginetest.Refused(t, err, fault.Invalid, test.fields...)
				_, err = c.Engine.UpdateService(t.Context(), c.Caller, c.Checkup.ID, nil, d)
				enginetest.Refused(t, err, fault.Invalid, test.fields...)
			})
			c.Left(t)
		})
	}
	_, err := c.Engine.CreateService(t.Context(), c.Caller, directory.ServiceDraft{})
	enginetest.Refused(t, err, fault.Invalid, "name", "duration_minutes")
	d := good()
	d.DurationMinutes, d.BufferBefore, d.BufferAfter = new(1400), new(20), new(20)
	if _, err := c.Engine.CreateService(t.Context(), c.Caller, d); err != nil {
		t.Errorf("24 hours with buffers: %v", err)
	}
}

func TestUpdateService(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	got, err := c.Engine.UpdateService(ctx, c.Caller, c.Surgery.ID, &c.Surgery.Version,
		directory.ServiceDraft{DurationMinutes: new(75), ProviderIDs: &[]int64{c.Cleo.ID, c.Ben.ID}})
	enginetest.Must(t, err)
	if got.DurationMinutes != 75 || !slices.Equal(got.ProviderIDs, []int64{c.Ben.ID, c.Cleo.ID}) ||
		got.Version != c.Surgery.Version+1 || got.BufferAfter != 10 {
		t.Errorf("changed: %+v", got)
	}
	for _, who := range []struct {
		was   directory.Provider
		moved int64
		lists []int64
	}{{c.Ada, 1, nil}, {c.Ben, 0, []int64{c.Surgery.ID}}, {c.Cleo, 1, []int64{c.Surgery.ID}}} {
		p, err := c.Engine.Provider(ctx, c.Caller, who.was.ID)
		if err != nil || p.Version != who.was.Version+who.moved || !slices.Equal(p.ServiceIDs, who.lists) {
			t.Errorf("%s is %+v, %v", p.DisplayName, p, err)
		}
	}
	c.Left(t, fmt.Sprintf("service.update ok %d duration_minutes,provider_ids", got.ID))
	c.Unchanged(t, func() {
		_, err = c.Engine.UpdateService(ctx, c.Caller, got.ID, nil,
			directory.ServiceDraft{ProviderIDs: &[]int64{c.Cleo.ID, c.Ben.ID}})
		enginetest.Must(t, err) // the same set in another order
		_, err = c.Engine.UpdateService(ctx, c.Caller, got.ID, &c.Surgery.Version, directory.ServiceDraft{DailyCap: new(1)})
		enginetest.Refused(t, err, fault.PreconditionFailed)
	})
	c.Left(t)
	enginetest.Must(t, c.Engine.DeleteService(ctx, c.Caller, got.ID))
	enginetest.Must(t, c.Engine.DeleteService(ctx, c.Caller, got.ID))
	c.Left(t, fmt.Sprintf("service.delete ok %d active", got.ID))
	rival, _ := c.Rival(t)
	c.Unchanged(t, func() {
		enginetest.Refused(t, c.Engine.DeleteService(ctx, rival, c.Checkup.ID), fault.NotFound)
		_, err = c.Engine.Service(ctx, rival, c.Checkup.ID)
		enginetest.Refused(t, err, fault.NotFound)
		_, err = c.Engine.UpdateService(ctx, c.Test, c.Checkup.ID, nil, directory.ServiceDraft{DailyCap: new(1)})
		enginetest.Refused(t, err, fault.Forbidden)
	})
	list, err := c.Engine.Services(ctx, c.Caller, act.Page{Limit: 1})
	if err != nil || len(list.Items) != 1 || list.Items[0].ID != c.Surgery.ID || list.Items[0].Active || !list.More ||
		*list.Total != 2 {
		t.Errorf("listed %+v, %v", list, err)
	}
}
