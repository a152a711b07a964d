package booking

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"

	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
)

// around is how far before and after a booking the work already booked counts in assignment.
const around = 14 * 86400

// rank is what assignment knows of a candidate.
type rank struct {
	lane     *Lane
	provider *directory.Provider
	place    int   // its order among the provider's locations
	minutes  int64 // booked within ±14 days
	assigned int64 // last automatic assignment
	hash     uint64
}

// assign picks the lane of a booking (booking.md §8): the one asked for; the one
// the person saw last; then priority, fewest booked minutes per weight, least
// recently assigned, a stable hash. The reason is kept in the record.
func (w *Act) assign(d *scheduler, free []*Lane, p person, asked bool) (*Lane, string, error) {
	if asked || !severalProviders(free) {
		return free[0], "", nil
	}
	if d.plan.Clinic.Settings.Continuity {
		last, err := w.LastProvider(w.Caller.Clinic, w.Caller.Test, p.lead, p.patient, w.Now-365*86400)
		if err != nil {
			return nil, "", err
		}
		for _, l := range free {
			if l.ProviderID == last {
				return l, "continuity: seen before", nil
			}
		}
	}
	ranks, err := w.ranks(d, free, p)
	if err != nil {
		return nil, "", err
	}
	slices.SortStableFunc(ranks, compareRanks)
	best := ranks[0]
	next := ranks[slices.IndexFunc(ranks, func(r rank) bool { return r.provider.ID != best.provider.ID })]
	return best.lane, reasonOf(best, next), w.TouchAssigned(best.provider.ID, w.Now)
}

// severalProviders reports whether more than one provider is free.
func severalProviders(lanes []*Lane) bool {
	return slices.ContainsFunc(lanes, func(l *Lane) bool { return l.ProviderID != lanes[0].ProviderID })
}

// ranks gathers what the order depends on.
func (w *Act) ranks(d *scheduler, free []*Lane, p person) ([]rank, error) {
	window := calendar.Span{Start: w.Now - around, End: w.Now + around}
	minutes := map[int64]int64{}
	out := make([]rank, 0, len(free))
	for i, l := range free {
		pr := d.plan.Provider(l.ProviderID)
		if _, known := minutes[pr.ID]; !known {
			var err error
			if minutes[pr.ID], err = w.BookedMinutes(pr.ID, w.Caller.Test, window); err != nil {
				return nil, err
			}
		}
		now, err := w.Provider(w.Caller.Clinic, pr.ID) // assigned_at moves without a new plan
		if err != nil {
			return nil, err
		}
		h := fnv.New64a()
		fmt.Fprintf(h, "%s/%d/%d", p.lead, p.patient, pr.ID)
		out = append(out, rank{lane: l, provider: pr, place: i, minutes: minutes[pr.ID], assigned: now.AssignedAt,
			hash: h.Sum64()})
	}
	return out, nil
}

func compareRanks(a, b rank) int {
	return cmp.Or(
		cmp.Compare(a.provider.Priority, b.provider.Priority),
		cmp.Compare(a.minutes*int64(b.provider.Weight), b.minutes*int64(a.provider.Weight)),
		cmp.Compare(a.assigned, b.assigned),
		cmp.Compare(a.hash, b.hash),
		cmp.Compare(a.place, b.place))
}

// reasonOf says in words what put best before next.
func reasonOf(best, next rank) string {
	switch {
	case best.provider.Priority != next.provider.Priority:
		return fmt.Sprintf("priority: %d before %d", best.provider.Priority, next.provider.Priority)
	case best.minutes*int64(next.provider.Weight) != next.minutes*int64(best.provider.Weight):
		return fmt.Sprintf("least booked: %d min vs %d", best.minutes, next.minutes)
	case best.assigned != next.assigned:
		return "least recently assigned"
	}
	return "equal: by hash"
}
