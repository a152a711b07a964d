package httpapi

import (
	"strconv"

	"qualifybase/engine"
)

// Slot is an open time: a booking without a person, so that it can be posted back
// as it is (contract.md §9).
type Slot struct {
	ScheduledAt string `json:"scheduled_at" format:"date-time"`
	EndsAt      string `json:"ends_at" format:"date-time"`
	LocalStart  string `json:"local_start" format:"date-time" doc:"The start on the clock on the wall there"`
	ProviderID  int64  `json:"provider_id"`
	LocationID  *int64 `json:"location_id,omitempty"`
	ServiceID   *int64 `json:"service_id,omitempty"`
}

const localLayout = "2006-01-02T15:04:05Z07:00"

func slot(s engine.Slot) Slot {
	z := zone(s.Zone)
	return Slot{
		ScheduledAt: string(appendInstant(nil, s.StartsAt)), EndsAt: string(appendInstant(nil, s.EndsAt)),
		LocalStart: unix(s.StartsAt).In(z).Format(localLayout),
		ProviderID: s.ProviderID, LocationID: opt(s.LocationID), ServiceID: opt(s.ServiceID),
	}
}

// slots writes itself: the list is what callers ask for most.
type slots []engine.Slot

func (list slots) appendJSON(b []byte) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendInstant(append(b, `{"scheduled_at":"`...), s.StartsAt)
		b = appendInstant(append(b, `","ends_at":"`...), s.EndsAt)
		b = unix(s.StartsAt).In(zone(s.Zone)).AppendFormat(append(b, `","local_start":"`...), localLayout)
		b = strconv.AppendInt(append(b, `","provider_id":`...), s.ProviderID, 10)
		if s.LocationID != 0 {
			b = strconv.AppendInt(append(b, `,"location_id":`...), s.LocationID, 10)
		}
		if s.ServiceID != 0 {
			b = strconv.AppendInt(append(b, `,"service_id":`...), s.ServiceID, 10)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// MarshalJSON serves the flat form, where the list stands inside another object.
func (list slots) MarshalJSON() ([]byte, error) { return list.appendJSON(nil), nil }
