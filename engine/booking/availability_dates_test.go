package booking_test

import (
	"testing"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
)

// A date that the zone skipped has no slots and is no fault (booking.md §3.3);
// the same date twice, or dates in the wrong order, still are.
func TestAvailabilityOfADateThatNeverWas(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	apia, err := c.Engine.CreateClinic(t.Context(), act.Shell(0, "test"),
		directory.ClinicDraft{Name: "Apia", TimeZone: "Pacific/Apia", Country: "WS",
			Hours: enginetest.Hours("Mon-Sun 09:00-17:00")})
	enginetest.Must(t, err)
	caller := act.Shell(apia.N, "test")
	ask := func(from, to string) (act.List[booking.Slot], []booking.Candidate, error) {
		q := booking.AvailabilityQuery{}
		for text, at := range map[string]*calendar.Moment{from: &q.From, to: &q.To} {
			d, err := calendar.ParseDate(text)
			enginetest.Must(t, err)
			*at = calendar.StartOf(d)
		}
		list, err := c.Engine.Availability(t.Context(), caller, q)
		if err != nil {
			return list, nil, err
		}
		all, err := c.Engine.Explain(t.Context(), caller, q, enginetest.Unix("2011-12-01 00:00"))
		return list, all, err
	}
	list, all, err := ask("2011-12-30", "2011-12-31")
	if err != nil || len(list.Items) > 0 || len(all) > 0 {
		t.Errorf("%v, %v, %v; want nothing", list, all, err)
	}
	if _, all, err = ask("2011-12-31", "2012-01-01"); err != nil || len(all) == 0 {
		t.Errorf("%v, %v; want the day's starts", all, err)
	}
	_, _, err = ask("2011-12-31", "2011-12-30")
	enginetest.Refused(t, err, fault.Invalid, "to")
}
