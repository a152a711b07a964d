package booking

import (
	"testing"
	"time"

	"qualifybase/engine/calendar"
)

// practice is n providers with office hours, breaks and a location, each with the
// footprints of half-hour visits spread evenly over two years and a half.
func practice(tb testing.TB, n, footprints int) (lanes []*Lane, now int64) {
	z := zone(tb, "Europe/Berlin")
	house := calendar.Schedule{Weekly: week("Mon-Fri 08:00-18:00; Sat 09:00-12:00")}
	own := calendar.Schedule{Weekly: week("Mon-Fri 09:00-12:00,13:00-17:00"), Breaks: week("Mon-Fri 10:30-10:45")}
	now = at(tb, z, "2026-04-27 08:00")
	for i := range n {
		l := &Lane{
			ProviderID: int64(i + 1),
			Opening: calendar.NewOpening(z, nil, calendar.Timetable{Schedule: house, Zone: z},
				calendar.Timetable{Schedule: own, Zone: z}),
			Rules: Rules{HorizonDays: 365, Notice: 3600},
		}
		if footprints > 0 {
			gap := int64(912*calendar.Day) * int64(n) / int64(footprints)
			for t := now - 456*calendar.Day; t < now+456*calendar.Day; t += gap {
				start := t - t%300
				l.Busy = append(l.Busy, calendar.Span{Start: start, End: start + 1800})
			}
		}
		lanes = append(lanes, l)
	}
	return lanes, now
}

func BenchmarkWeekOfOne(b *testing.B) {
	lanes, now := practice(b, 1, 300)
	window := calendar.Span{Start: now, End: now + 7*calendar.Day}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n = 0
		lanes[0].Starts(now, window, func(int64) bool { n++; return true })
	}
	b.ReportMetric(float64(n), "starts")
}

func BenchmarkFirstFiveOfOne(b *testing.B) {
	lanes, now := practice(b, 1, 300)
	window := calendar.Span{Start: now, End: now + 7*calendar.Day}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		lanes[0].Starts(now, window, func(int64) bool { n++; return n < 5 })
	}
}

func BenchmarkWeekOfTen(b *testing.B) {
	lanes, now := practice(b, 10, 3000)
	window := calendar.Span{Start: now, End: now + 7*calendar.Day}
	b.ReportAllocs()
	for b.Loop() {
		MergeLanes(lanes, now, window, 0, func(int64, []*Lane) bool { return true })
	}
}

func BenchmarkFirstFiveOfTen(b *testing.B) {
	lanes, now := practice(b, 10, 3000)
	window := calendar.Span{Start: now, End: now + 7*calendar.Day}
	b.ReportAllocs()
	for b.Loop() {
		MergeLanes(lanes, now, window, 5, func(int64, []*Lane) bool { return true })
	}
}

// A month of ten providers over 137,000 footprints, every date known.
func BenchmarkMonthOfTen(b *testing.B) {
	lanes, now := practice(b, 10, 137_000)
	window := calendar.Span{Start: now, End: now + 30*calendar.Day}
	b.ReportAllocs()
	for b.Loop() {
		MergeLanes(lanes, now, window, 0, func(int64, []*Lane) bool { return true })
	}
}

// The same with hours that were never resolved before.
func BenchmarkMonthOfTenCold(b *testing.B) {
	lanes, now := practice(b, 10, 137_000)
	window := calendar.Span{Start: now, End: now + 30*calendar.Day}
	b.ReportAllocs()
	for b.Loop() {
		for _, l := range lanes {
			o := l.Opening
			l.Opening = o.Fresh()
		}
		MergeLanes(lanes, now, window, 0, func(int64, []*Lane) bool { return true })
	}
}

func BenchmarkJudge(b *testing.B) {
	lanes, now := practice(b, 1, 13_700)
	start := now + 3*calendar.Day + 3600
	b.ReportAllocs()
	for b.Loop() {
		lanes[0].Judge(now, start, start+1800)
	}
}

func BenchmarkInstant(b *testing.B) {
	z, _ := time.LoadLocation("Europe/Berlin")
	b.ReportAllocs()
	for b.Loop() {
		calendar.Instant(z, 20570, 540)
	}
}
