package booking

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"

	"pgregory.net/rapid"
)

// world is a lane in a zone near one of its odd days.
type world struct {
	lane   *Lane
	model  *naive
	window calendar.Span
	now    int64
}

var zoneNames = []string{"America/New_York", "Europe/Kyiv", "Australia/Lord_Howe", "Pacific/Apia",
	"America/Havana", "America/Sao_Paulo", "Asia/Kolkata", "America/St_Johns"}

func fives(t *rapid.T, what string, lo, hi int) int {
	return 5 * rapid.IntRange(lo/5, hi/5).Draw(t, what)
}

var fiveWindow = rapid.Custom(func(t *rapid.T) calendar.Window {
	if rapid.IntRange(0, 5).Draw(t, "whole day") == 0 {
		return calendar.Window{From: 0, To: 1440}
	}
	return calendar.Window{From: fives(t, "from", 0, 1435), To: fives(t, "to", 0, 1440)}
})

func fiveWeek(t *rapid.T, label string, most int) (w calendar.Week) {
	all := rapid.SliceOfN(fiveWindow, 0, most).Draw(t, label)
	for i := range w {
		w[i] = all
		if rapid.IntRange(0, 3).Draw(t, "own day") == 0 {
			w[i] = rapid.SliceOfN(fiveWindow, 0, most).Draw(t, label+calendar.DayKeys[i])
		}
	}
	return w
}

func schedule(t *rapid.T, label string, near calendar.Date) calendar.Schedule {
	s := calendar.Schedule{Weekly: fiveWeek(t, label, 2)}
	if rapid.Bool().Draw(t, "breaks") {
		s.Breaks = fiveWeek(t, label+" breaks", 1)
		for i := range s.Breaks {
			s.Breaks[i] = slices.Clone(s.Breaks[i])
			for j, w := range s.Breaks[i] {
				s.Breaks[i][j].To = (w.From + 45) % 1440
			}
		}
	}
	for _, d := range rapid.SliceOfNDistinct(rapid.IntRange(-3, 4), 0, 2, rapid.ID).Draw(t, label+" overrides") {
		s.Overrides = append(s.Overrides, calendar.Override{Date: near + calendar.Date(d),
			Windows: rapid.SliceOfN(fiveWindow, 0, 2).Draw(t, "windows"), Reason: ""})
	}
	return s
}

func spansNear(t *rapid.T, label string, near int64, most, longest int) (list []calendar.Span) {
	for range rapid.IntRange(0, most).Draw(t, label) {
		start := near + int64(fives(t, "start", -2*1440, 4*1440))*60
		list = append(list, calendar.Span{Start: start, End: start + int64(fives(t, "length", 5, longest))*60})
	}
	calendar.SortSpans(list)
	return list
}

func anyRules(t *rapid.T) Rules {
	r := Rules{
		Step: int64(rapid.SampledFrom([]int{5, 7, 10, 15, 20, 30, 40, 45, 50, 60, 90, 120}).Draw(t,
			"step")) * 60,
		Length:      int64(rapid.SampledFrom([]int{5, 15, 30, 60, 120, 480, 1380}).Draw(t, "length")) * 60,
		HorizonDays: rapid.IntRange(0, 4).Draw(t, "horizon"),
		Align: rapid.SampledFrom([]directory.Align{"", directory.AlignStart, directory.AlignClock,
			directory.AlignPack}).Draw(t, "align"),
		BuffersInsideHours: rapid.Bool().Draw(t, "inside"),
	}
	if rapid.Bool().Draw(t, "buffers") {
		r.Before, r.After = int64(fives(t, "before", 0, 30))*60, int64(fives(t, "after", 0, 30))*60
	}
	if rapid.Bool().Draw(t, "notice") {
		r.Notice = int64(fives(t, "minutes", 0, 600)) * 60
	}
	if rapid.IntRange(0, 3).Draw(t, "caps") == 0 {
		r.ProviderCap, r.ServiceCap = rapid.IntRange(0, 3).Draw(t, "cap"), rapid.IntRange(0, 3).Draw(t, "service cap")
	}
	return r
}

var anyWorld = rapid.Custom(func(t *rapid.T) *world {
	name := rapid.SampledFrom(zoneNames).Draw(t, "zone")
	z, _ := calendar.LoadZone(name)
	near, _ := calendar.ParseDate(rapid.SampledFrom(sixZones[name]).Draw(t, "near"))
	mid := calendar.Instant(z, near, 0)
	mid -= mid % 300
	w := &world{model: &naive{zone: z}, lane: &Lane{Rules: anyRules(t)}}
	for i := range rapid.IntRange(0, 3).Draw(t, "timetables") {
		tz := z
		if rapid.IntRange(0, 7).Draw(t, "elsewhere") == 0 {
			tz, _ = calendar.LoadZone("America/New_York")
		}
		w.model.tables = append(w.model.tables, calendar.Timetable{Schedule: schedule(t, string(rune('a'+i)), near),
			Zone: tz})
	}
	w.model.closed = spansNear(t, "closures", mid, 1, 2000)
	w.lane.Opening = calendar.NewOpening(z, w.model.closed, w.model.tables...)
	provider, room := spansNear(t, "provider", mid, 8, 200), spansNear(t, "room", mid, 2, 1440)
	w.model.busy = slices.Concat(provider, room)
	w.lane.Busy = mergeByStart(nil, provider, room)
	salt := rapid.IntRange(0, 10).Draw(t, "salt")
	w.lane.Booked = func(d calendar.Date) (int, int) { return (int(d)*7 + salt) % 4, (int(d)*3 + salt) % 5 }
	start := mid + int64(fives(t, "window", -1440, 1440))*60
	w.window = calendar.Span{Start: start, End: start + int64(fives(t, "window length", 5, 2*1440))*60}
	w.now = start + int64(fives(t, "now", -4*1440, 1440))*60
	w.model.lane = w.lane
	w.model.fill(w.window)
	return w
})

// list(now) ∋ t ⇔ book(t) succeeds, and both as the naive model says (booking.md §11).
func TestWalkAgainstEveryMinute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld.Draw(t, "world")
		got, want := starts(w.lane, w.now, w.window), w.model.starts(w.now, w.window)
		if !slices.Equal(got, want) {
			t.Fatalf("%s offers %s\nwant %s", w.model.zone, clocks(w.model.zone, got), clocks(w.model.zone, want))
		}
		length := w.lane.Rules.Length
		if rapid.Bool().Draw(t, "another length") {
			length = int64(fives(t, "off length", -5, 1440)) * 60
		}
		for u := w.window.Start; u < w.window.End; u += 300 {
			if v, want := w.lane.Judge(w.now, u, u+length), w.model.judge(w.now, u, u+length); v != want {
				t.Fatalf("%s: judged %s, want %s", time.Unix(u, 0).In(w.model.zone), v, want)
			}
		}
	})
}

// The explanation offers what the list offers, gives the arbiter's verdicts, and leaves no time out.
func TestExplainAgreesWithBoth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld.Draw(t, "world")
		var offered []int64
		last := w.window.Start - 1
		w.lane.Explain(w.now, w.window, func(start int64, v Verdict) bool {
			if start <= last || !w.window.Has(start) {
				t.Fatalf("%d after %d in %v", start, last, w.window)
			}
			last = start
			if judged := w.lane.Judge(w.now, start, start+w.lane.Rules.Length); judged != v {
				t.Fatalf("%d: explained %s, judged %s", start, v, judged)
			}
			if v == Offered {
				offered = append(offered, start)
			}
			return true
		})
		if list := starts(w.lane, w.now, w.window); !slices.Equal(list, offered) {
			t.Fatalf("list %s\nexplained %s", clocks(w.model.zone, list), clocks(w.model.zone, offered))
		}
	})
}

// list over [a,c) = list over [a,b) ∪ list over [b,c): the grid knows no range.
func TestListIsTheUnionOfItsParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld.Draw(t, "world")
		cut := w.window.Start + rapid.Int64Range(0, w.window.Len()).Draw(t, "cut")
		whole := starts(w.lane, w.now, w.window)
		parts := append(starts(w.lane, w.now, calendar.Span{Start: w.window.Start, End: cut}),
			starts(w.lane, w.now, calendar.Span{Start: cut, End: w.window.End})...)
		if !slices.Equal(whole, parts) {
			t.Fatalf("whole %v\nparts %v", whole, parts)
		}
		// Only the footprints within Reach of the window matter.
		reach := calendar.Span{Start: w.window.Start - Reach, End: w.window.End + Reach}
		far := func(s calendar.Span) bool { return !s.Overlaps(reach) }
		w.lane.Busy = slices.DeleteFunc(w.lane.Busy, far)
		if again := starts(w.lane, w.now, w.window); !slices.Equal(whole, again) {
			t.Fatalf("whole %v\nwithout the far ones %v", whole, again)
		}
	})
}

// A booking takes what it overlaps and nothing else; cancelled, the list is as before.
func TestBookAndCancel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld.Draw(t, "world")
		before := starts(w.lane, w.now, w.window)
		if len(before) == 0 || w.lane.Rules.Align == directory.AlignPack { // a packed grid moves by design
			return
		}
		start := rapid.SampledFrom(before).Draw(t, "start")
		foot := w.lane.Rules.Footprint(start, start+w.lane.Rules.Length)
		free := w.lane.Busy
		w.lane.Busy = append(slices.Clone(free), foot)
		calendar.SortSpans(w.lane.Busy)
		var want []int64
		for _, s := range before {
			if !w.lane.Rules.Footprint(s, s+w.lane.Rules.Length).Overlaps(foot) {
				want = append(want, s)
			}
		}
		if got := starts(w.lane, w.now, w.window); !slices.Equal(got, want) {
			t.Fatalf("booked %d: %v, want %v", start, got, want)
		}
		if v := w.lane.Judge(w.now, start, start+w.lane.Rules.Length); v != RefusedTaken {
			t.Fatalf("booked twice: %s", v)
		}
		w.lane.Busy = free
		if got := starts(w.lane, w.now, w.window); !slices.Equal(got, before) {
			t.Fatalf("after cancel %v, before %v", got, before)
		}
	})
}

// Any provider: the merged list is each lane's own list, and an unrelated lane changes none.
func TestLanesKeepToThemselves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		worlds := rapid.SliceOfN(anyWorld, 1, 3).Draw(t, "worlds")
		now, window := worlds[0].now, worlds[0].window
		var lanes []*Lane
		want := map[int64][]*Lane{}
		for _, w := range worlds {
			lanes = append(lanes, w.lane)
			for _, s := range starts(w.lane, now, window) {
				want[s] = append(want[s], w.lane)
			}
		}
		last, n := window.Start-1, 0
		MergeLanes(lanes, now, window, 0, func(start int64, eligible []*Lane) bool {
			if start <= last || !slices.Equal(eligible, want[start]) {
				t.Fatalf("%d: %d lanes, want %d", start, len(eligible), len(want[start]))
			}
			last = start
			n++
			return true
		})
		if n != len(want) {
			t.Fatalf("%d starts, want %d", n, len(want))
		}
		near := Nearest(lanes, now, window, window.Start+window.Len()/2, 3)
		for i, o := range near {
			if !slices.Contains(want[o.Start], o.Lane) || !o.clear(near[:i]) {
				t.Fatalf("%v", near)
			}
		}
		if len(near) == 0 && n > 0 {
			t.Fatal("starts, but none is near")
		}
		if !slices.IsSortedFunc(near, func(a, b Offer) int {
			mid := window.Start + window.Len()/2
			return cmp.Compare(max(a.Start-mid, mid-a.Start), max(b.Start-mid, mid-b.Start))
		}) {
			t.Fatalf("not nearest first: %v", near)
		}
	})
}
