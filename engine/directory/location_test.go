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

func TestCreateLocation(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	room, virtual := directory.AtRoom, directory.AtVirtual
	for _, test := range []struct {
		name  string
		draft directory.LocationDraft
		want  directory.Location
		audit string
	}{
		{"a clinic by default", directory.LocationDraft{Name: new(" East ")},
			directory.Location{Name: "East", Kind: directory.AtClinic, Active: true}, "name"},
		{"a room where a parent is named", directory.LocationDraft{Name: new("R"), ParentID: &c.Branch.ID},
			directory.Location{Name: "R", Kind: directory.AtRoom, ParentID: c.Branch.ID, Active: true}, "name,parent_id"},
		{"a room of no clinic", directory.LocationDraft{Name: new("R"), Kind: &room},
			directory.Location{Name: "R", Kind: directory.AtRoom, Active: true}, "name,kind"},
		{"everything", directory.LocationDraft{Name: new("V"), Kind: &virtual, Phone: new("+49 30 123456"),
			TimeZone: new("Europe/Lisbon"),
			Capacity: new(3), Active: new(false), Address: &directory.Address{Line1: " Markt 1 ", City: "Berlin",
				Country: "de"}},
			directory.Location{Name: "V", Kind: directory.AtVirtual, Phone: "+49 30 123456", TimeZone: "Europe/Lisbon",
				Capacity: 3,
				Address: directory.Address{Line1: "Markt 1", City: "Berlin",
					Country: "DE"}}, "name,kind,address,phone,time_zone,capacity,active"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := c.Engine.CreateLocation(t.Context(), c.Caller, test.draft)
			enginetest.Must(t, err)
			test.want.ID, test.want.Clinic, test.want.Meta = got.ID, c.Row.N, got.Meta
			if got != test.want || got.ID == 0 || got.Version != 1 {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
			if kept, err := c.Engine.Location(t.Context(), c.Caller, got.ID); err != nil || kept != got {
				t.Errorf("kept %+v, %v", kept, err)
			}
			c.Left(t, fmt.Sprintf("location.create ok %d %s", got.ID, test.audit))
		})
	}
}

func TestLocationFaults(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	_, theirs := c.Rival(t)
	clinic, room, none := directory.AtClinic, directory.AtRoom, directory.LocationKind("tent")
	for _, test := range []struct {
		name   string
		draft  directory.LocationDraft
		fields []string
	}{
		{"all at once", directory.LocationDraft{Name: new(""), Kind: &none, Phone: new("x"), TimeZone: new("Moon"),
			Capacity: new(-1),
			Address: &directory.Address{Line1: strings.Repeat("x", 501), Line2: "a\nb", City: strings.Repeat("x", 101),
				Region: "\x01", PostalCode: "\x01", Country: "ZZ"}},
			[]string{"name", "kind", "phone", "time_zone", "capacity", "address.line1", "address.line2", "address.city",
				"address.region",
				"address.postal_code", "address.country"}},
		{"a parent of a clinic", directory.LocationDraft{Name: new("X"), Kind: &clinic, ParentID: &c.Practice.ID},
			[]string{"parent_id"}},
		{"a parent that is a room", directory.LocationDraft{Name: new("X"), Kind: &room, ParentID: &c.Room1.ID},
			[]string{"parent_id"}},
		{"a parent of another clinic", directory.LocationDraft{Name: new("X"), Kind: &room, ParentID: &theirs.LocationIDs[0]},
			[]string{"parent_id"}},
		{"a parent that is not", directory.LocationDraft{Name: new("X"), Kind: &room, ParentID: new(int64(-1))},
			[]string{"parent_id"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.Unchanged(t, func() {
				_, err := c.Engine.CreateLocation(t.Context(), c.Caller, test.draft)
				enginetest.Refused(t, err, fault.Invalid, test.fields...)
				_, err = c.Engine.UpdateLocation(t.Context(), c.Caller, c.Branch.ID, nil, test.draft)
				enginetest.Refused(t, err, fault.Invalid, test.fields...)
			})
			c.Left(t)
		})
	}
	_, err := c.Engine.CreateLocation(t.Context(), c.Caller, directory.LocationDraft{})
	enginetest.Refused(t, err, fault.Invalid, "name")
	_, err = c.Engine.UpdateLocation(t.Context(), c.Caller, c.Room1.ID, nil,
		directory.LocationDraft{ParentID: &c.Room1.ID})
	enginetest.Refused(t, err, fault.Invalid, "parent_id") // no circle
}

func TestUpdateLocation(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	got, err := c.Engine.UpdateLocation(ctx, c.Caller, c.Room1.ID, &c.Room1.Version,
		directory.LocationDraft{ParentID: &c.Branch.ID, Capacity: new(2)})
	enginetest.Must(t, err)
	if got.ParentID != c.Branch.ID || got.Capacity != 2 || got.Version != 2 || got.Name != "Room 1" {
		t.Errorf("moved room: %+v", got)
	}
	c.Left(t, fmt.Sprintf("location.update ok %d parent_id,capacity", c.Room1.ID))
	c.Unchanged(t, func() {
		_, err = c.Engine.UpdateLocation(ctx, c.Caller, c.Room1.ID, &c.Room1.Version,
			directory.LocationDraft{Capacity: new(9)})
		enginetest.Refused(t, err, fault.PreconditionFailed)
		_, err = c.Engine.UpdateLocation(ctx, c.Caller, c.Room1.ID, nil, directory.LocationDraft{Capacity: new(2)})
		enginetest.Must(t, err)
	})
	c.Left(t)
	c.Unchanged(t, func() {
		_, err = c.Engine.UpdateLocation(ctx, c.Caller, 999, nil, directory.LocationDraft{Capacity: new(2)})
		enginetest.Refused(t, err, fault.NotFound)
	})
	c.Left(t, "location.update failed 999 error:NOT_FOUND")
	if got, err = c.Engine.UpdateLocation(ctx, c.Caller, c.Room1.ID, nil,
		directory.LocationDraft{ParentID: new(int64(0))}); err != nil || got.ParentID != 0 {
		t.Errorf("a room without a clinic: %+v, %v", got, err)
	}
}

// Rooms rely on their clinic's kind, and booked rooms on their own.
func TestLocationKindStaysWhereOthersRelyOnIt(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	room, virtual, clinic := directory.AtRoom, directory.AtVirtual, directory.AtClinic
	c.Unchanged(t, func() {
		_, err := c.Engine.UpdateLocation(ctx, c.Caller, c.Practice.ID, nil, directory.LocationDraft{Kind: &room})
		enginetest.Refused(t, err, fault.Conflict, "kind")
	})
	c.Left(t, fmt.Sprintf("location.update failed %d error:CONFLICT", c.Practice.ID))
	appt := c.Book(t, "2026-04-27 09:10", c.Ada, c.Surgery)
	if appt.LocationID != c.Room1.ID {
		t.Fatalf("surgery is at %d, want room %d", appt.LocationID, c.Room1.ID)
	}
	c.Unchanged(t, func() {
		_, err := c.Engine.UpdateLocation(ctx, c.Caller, c.Room1.ID, nil,
			directory.LocationDraft{Kind: &virtual, ParentID: new(int64(0))})
		enginetest.Refused(t, err, fault.Conflict, "kind")
	})
	if _, err := c.Engine.UpdateLocation(ctx, c.Caller, c.Room2.ID, nil,
		directory.LocationDraft{Kind: &clinic, ParentID: new(int64(0))}); err != nil {
		t.Errorf("an empty room cannot become a clinic: %v", err)
	}
}

func TestDeleteLocationDeactivates(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	enginetest.Must(t, c.Engine.DeleteLocation(ctx, c.Caller, c.Branch.ID))
	got, err := c.Engine.Location(ctx, c.Caller, c.Branch.ID)
	if err != nil || got.Active || got.Version != 2 {
		t.Errorf("deleted: %+v, %v", got, err)
	}
	c.Left(t, fmt.Sprintf("location.delete ok %d active", c.Branch.ID))
	enginetest.Must(t, c.Engine.DeleteLocation(ctx, c.Caller, c.Branch.ID))
	c.Left(t)
	rival, _ := c.Rival(t)
	c.Unchanged(t, func() {
		enginetest.Refused(t, c.Engine.DeleteLocation(ctx, rival, c.Practice.ID), fault.NotFound)
		enginetest.Refused(t, c.Engine.DeleteLocation(ctx, c.Test, c.Practice.ID), fault.Forbidden)
	})
	list, err := c.Engine.Locations(ctx, c.Caller, act.Page{})
	enginetest.Must(t, err)
	var ids []int64
	for _, l := range list.Items {
		ids = append(ids, l.ID)
	}
	if !slices.Equal(ids, []int64{c.Room2.ID, c.Room1.ID, c.Branch.ID, c.Practice.ID}) || *list.Total != 4 || list.More {
		t.Errorf("listed %v", ids)
	}
}
