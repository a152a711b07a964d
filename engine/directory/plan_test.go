package directory

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"qualifybase/engine/calendar"
)

// planOf compiles a small world: Berlin, with a branch in Lisbon and rooms in both.
//
//	1 clinic (Berlin)   3 room in 1   4 room in 1, inactive
//	2 clinic (Lisbon)   5 room in 2   6 virtual   7 clinic, inactive   8 room in 7
func planOf(t *testing.T, schedules map[OwnerRef]string, closures ...Closure) *Plan {
	t.Helper()
	loc := func(id int64, kind LocationKind, parent int64, zone string, active bool) Location {
		return Location{ID: id, Kind: kind, ParentID: parent, TimeZone: zone, Active: active}
	}
	locations := []Location{ // newest first, as the store lists them
		loc(8, AtRoom, 7, "", true), loc(7, AtClinic, 0, "", false), loc(6, AtVirtual, 0, "", true),
		loc(5, AtRoom, 2, "", true), loc(4, AtRoom, 1, "", false), loc(3, AtRoom, 1, "", true),
		loc(2, AtClinic, 0, "Europe/Lisbon", true), loc(1, AtClinic, 0, "", true),
	}
	providers := []Provider{
		{ID: 3, Active: true, LocationIDs: []int64{7, 3}},
		{ID: 2, Active: true, LocationIDs: []int64{2, 6}},
		{ID: 1, Active: true, LocationIDs: []int64{1, 2}},
	}
	services := []Service{
		{ID: 1, Active: true}, {ID: 2, Active: true, ProviderIDs: []int64{2}}, {ID: 3, ProviderIDs: []int64{2}},
		{ID: 4, Active: true, LocationKind: AtRoom}, {ID: 5, Active: true, LocationKind: AtVirtual},
		{ID: 6, Active: true, LocationKind: AtClinic},
	}
	var rows []OwnedSchedule
	for owner, text := range schedules {
		row := OwnedSchedule{Owner: owner}
		if text != "" {
			week, err := calendar.ParseHours(text)
			if err != nil {
				t.Fatal(err)
			}
			row.Weekly = week
		}
		rows = append(rows, row)
	}
	plan, err := CompilePlan(Clinic{N: 1, TimeZone: "Europe/Berlin"}, providers, locations, services, rows, closures)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestCompilePlanNamesTheFaultyRow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ clinic, location, want string }{
		{"Berlin", "", "clinic 7"}, {"", "", "clinic 7"}, {"Local", "", "clinic 7"},
		{"Europe/Berlin", "Europe/Atlantis", "location 9"},
	} {
		_, err := CompilePlan(Clinic{N: 7, TimeZone: test.clinic}, nil, []Location{{ID: 9, TimeZone: test.location}}, nil,
			nil, nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q %q: %v, want it to name %s", test.clinic, test.location, err, test.want)
		}
	}
}

func TestPlanLooksUp(t *testing.T) {
	t.Parallel()
	p := planOf(t, nil)
	if p.Providers[0].ID != 1 || p.Locations[0].ID != 1 || p.Services[0].ID != 1 {
		t.Error("the oldest does not come first")
	}
	if p.Provider(2).ID != 2 || p.Location(5).ID != 5 || p.Service(3).ID != 3 {
		t.Error("a row is not found by its id")
	}
	if p.Provider(9) != nil || p.Location(9) != nil || p.Service(9) != nil {
		t.Error("an unknown id finds something")
	}
	for id, want := range map[int64]string{1: "Europe/Berlin", 2: "Europe/Lisbon", 3: "Europe/Berlin", 5: "Europe/Lisbon",
		9: "Europe/Berlin"} {
		if got := p.ZoneOf(p.Location(id)).String(); got != want {
			t.Errorf("location %d: zone %s, want %s", id, got, want)
		}
	}
}

func TestPlanOffers(t *testing.T) {
	t.Parallel()
	p := planOf(t, nil)
	for _, test := range []struct {
		provider, service int64
		want              bool
	}{
		{1, 0, true}, {1, 1, true}, {1, 2, false}, {2, 2, true},
		{2, 3, false}, // inactive
	} {
		if got := p.Offers(p.Provider(test.provider), p.Service(test.service)); got != test.want {
			t.Errorf("provider %d offers service %d: %v", test.provider, test.service, got)
		}
	}
}

func TestPlanLocationsFor(t *testing.T) {
	t.Parallel()
	p := planOf(t, nil)
	for _, test := range []struct {
		name                     string
		provider, service, asked int64
		want                     []int64
	}{
		{"all of the first kind, where nothing is asked", 1, 1, 0, []int64{1, 2}},
		{"without a service, too", 2, 0, 0, []int64{2}},
		{"the first that is active", 3, 1, 0, []int64{3}},
		{"the asked one", 1, 1, 2, []int64{2}},
		{"a room inside one of theirs", 1, 1, 5, []int64{5}},
		{"not a place of others", 2, 1, 1, nil},
		{"nor a room of others", 2, 1, 3, nil},
		{"nor an inactive one", 1, 1, 4, nil},
		{"nor one that does not exist", 1, 1, 99, nil},
		{"rooms inside theirs, oldest first", 1, 4, 0, []int64{3, 5}},
		{"their own room", 3, 4, 0, []int64{3}}, // 8 lies in an inactive clinic
		{"rooms of the asked clinic", 1, 4, 2, []int64{5}},
		{"the asked room", 1, 4, 3, []int64{3}},
		{"no video, none given", 1, 5, 0, nil},
		{"their video", 2, 5, 0, []int64{6}},
		{"all clinics in order", 1, 6, 0, []int64{1, 2}},
		{"a room is no clinic", 1, 6, 3, nil},
	} {
		var got []int64
		for _, l := range p.LocationsFor(p.Provider(test.provider), p.Service(test.service), test.asked) {
			got = append(got, l.ID)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// Monday 2026-04-27, by the wall clock of each place.
func TestPlanOpening(t *testing.T) {
	t.Parallel()
	monday := calendar.NewDate(2026, 4, 27)
	for _, test := range []struct {
		name                        string
		schedules                   map[OwnerRef]string
		provider, location, service int64
		want                        string
	}{
		{"nothing set: nothing limits", nil, 1, 1, 0, "00:00-24:00"},
		{"the clinic's is the default", map[OwnerRef]string{"c": "Mon 09:00-17:00"}, 1, 1, 0, "09:00-17:00"},
		{"by the wall clock of the place", map[OwnerRef]string{"c": "Mon 09:00-17:00"}, 1, 2, 0, "10:00-18:00"},
		{"a place's own replaces it", map[OwnerRef]string{"c": "Mon 09:00-17:00", "l1": "Mon 07:00-20:00"}, 1, 1, 0,
			"07:00-20:00"},
		{"a room goes by its clinic", map[OwnerRef]string{"c": "Mon 09:00-17:00", "l1": "Mon 07:00-20:00"}, 1, 3, 0,
			"07:00-20:00"},
		{"or by its own", map[OwnerRef]string{"l1": "Mon 07:00-20:00", "l3": "Mon 08:00-12:00"}, 1, 3, 0, "08:00-12:00"},
		{"an empty one is none", map[OwnerRef]string{"c": "Mon 09:00-17:00", "l1": "", "p1": ""}, 1, 1, 0, "09:00-17:00"},
		{"intersection of all three", map[OwnerRef]string{"c": "Mon 09:00-17:00", "p1": "Mon 08:00-15:00",
			"s1": "Mon 10:00-12:00,14:00-16:00"},
			1, 1, 1, "10:00-12:00 14:00-15:00"},
		{"others' hours do not matter", map[OwnerRef]string{"c": "Mon 09:00-17:00", "p2": "Mon 08:00-09:30",
			"s2": "Tue 08:00-09:00", "l2": "Sun 08:00-09:00"},
			1, 1, 1, "09:00-17:00"},
		{"no place: the clinic's", map[OwnerRef]string{"c": "Mon 09:00-17:00"}, 1, 0, 0, "09:00-17:00"},
	} {
		p := planOf(t, test.schedules)
		o := p.Opening(p.Provider(test.provider), p.Location(test.location), p.Service(test.service))
		if got := clockSpans(p, o.Open(calendar.DaySpan(p.Zone, monday, monday))); got != test.want {
			t.Errorf("%s: open %s, want %s (Berlin time)", test.name, got, test.want)
		}
	}
}

// clockSpans spells spans by the clinic's wall clock.
func clockSpans(p *Plan, spans []calendar.Span) string {
	var words []string
	for _, s := range spans {
		end := calendar.LocalMinute(p.Zone, s.End)
		if end == 0 {
			end = 1440
		}
		words = append(words, calendar.Window{From: calendar.LocalMinute(p.Zone, s.Start), To: end}.String())
	}
	return strings.Join(words, " ")
}

func TestPlanClosures(t *testing.T) {
	t.Parallel()
	monday := calendar.NewDate(2026, 4, 27)
	closed := func(owner OwnerRef) Closure {
		return Closure{Owner: owner, ByDate: true, FromDate: monday, ToDate: monday}
	}
	noon := calendar.Instant(planOf(t, nil).Zone, monday, 12*60)
	for _, test := range []struct {
		name               string
		closure            Closure
		provider, location int64
		want               string
	}{
		{"the clinic's shuts all", closed("c"), 1, 1, ""},
		{"by the clinic's dates elsewhere, too", closed("c"), 1, 2, ""},
		{"a place's shuts the place", closed("l1"), 1, 1, ""},
		{"and the rooms in it", closed("l1"), 1, 3, ""},
		{"and no other", closed("l1"), 1, 2, "00:00-24:00"},
		{"by the place's own dates", closed("l2"), 1, 2, "00:00-01:00"},
		{"so for its rooms", closed("l2"), 1, 5, "00:00-01:00"},
		{"a room's shuts the room alone", closed("l3"), 1, 1, "00:00-24:00"},
		{"time off", closed("p1"), 1, 1, ""},
		{"by the dates of the place", closed("p1"), 1, 2, "00:00-01:00"},
		{"of somebody else", closed("p2"), 1, 1, "00:00-24:00"},
		{"instants", Closure{Owner: "c", Span: calendar.Span{Start: noon, End: noon + 3600}}, 1, 1,
			"00:00-12:00 13:00-24:00"},
	} {
		p := planOf(t, nil, test.closure)
		o := p.Opening(p.Provider(test.provider), p.Location(test.location), nil)
		if got := clockSpans(p, o.Open(calendar.DaySpan(p.Zone, monday, monday))); got != test.want {
			t.Errorf("%s: open %q, want %q (Berlin time)", test.name, got, test.want)
		}
	}
}

func TestPlanCompilesEachOpeningOnce(t *testing.T) {
	t.Parallel()
	p := planOf(t, map[OwnerRef]string{"c": "Mon 09:00-17:00"})
	seen := make([]*calendar.Opening, 16)
	var wg sync.WaitGroup
	for i := range seen {
		wg.Go(func() { seen[i] = p.Opening(p.Provider(1), p.Location(1), nil) })
	}
	wg.Wait()
	for _, o := range seen {
		if o == nil || o != seen[0] {
			t.Fatal("readers of one plan got different openings")
		}
	}
	if p.Opening(p.Provider(2), p.Location(1), nil) == seen[0] {
		t.Error("another provider got the same opening")
	}
}
