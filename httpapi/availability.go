package httpapi

import (
	"context"
	"reflect"
	"strconv"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
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

// SlotOf is an open slot on the wire.
func SlotOf(s booking.Slot) Slot {
	z := zone(s.Zone)
	return Slot{
		ScheduledAt: string(wire.AppendInstant(nil, s.StartsAt)), EndsAt: string(wire.AppendInstant(nil, s.EndsAt)),
		LocalStart: time.Unix(s.StartsAt, 0).In(z).Format(time.RFC3339),
		ProviderID: s.ProviderID, LocationID: wire.Opt(s.LocationID), ServiceID: wire.Opt(s.ServiceID),
	}
}

// slots writes itself: the list is what callers ask for most.
type slots []booking.Slot

func (list slots) AppendJSON(b []byte) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = wire.AppendInstant(append(b, `{"scheduled_at":"`...), s.StartsAt)
		b = wire.AppendInstant(append(b, `","ends_at":"`...), s.EndsAt)
		b = time.Unix(s.StartsAt, 0).In(zone(s.Zone)).AppendFormat(append(b, `","local_start":"`...), time.RFC3339)
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
func (list slots) MarshalJSON() ([]byte, error) { return list.AppendJSON(nil), nil }

// zone is an IANA zone; UTC where the name is unknown.
func zone(name string) *time.Location {
	z, err := calendar.LoadZone(name)
	if err != nil {
		return time.UTC
	}
	return z
}

type availabilityQuery struct {
	From       calendar.Moment    `query:"from" doc:"A date there, or an instant; now without it"`
	To         calendar.Moment    `query:"to" doc:"Exclusive, at most 62 days later; without it the search goes on until limit slots are found"`
	Preference booking.Preference `query:"preference" doc:"Before 12:00, 12:00 to 16:59, from 17:00, on the clock there"`
	Limit      int                `query:"limit" minimum:"1" maximum:"500" default:"20"`
	Duration   int                `query:"duration" minimum:"1" maximum:"1439" doc:"Minutes; else those of the service"`
	ServiceID  int64              `query:"service_id" minimum:"1"`
	ProviderID int64              `query:"provider_id" minimum:"1" doc:"Any provider without it"`
	LocationID int64              `query:"location_id" minimum:"1"`
	Cursor     string             `query:"cursor" doc:"The next_cursor of the page before"`
}

func (s *Server) availabilityRows() []Row {
	ask := func(ctx context.Context, c act.Caller, in availabilityQuery) (act.List[booking.Slot], error) {
		return s.e.Availability(ctx, c, booking.AvailabilityQuery{
			From: in.From, To: in.To, Preference: in.Preference, Limit: in.Limit,
			Minutes: in.Duration, ServiceID: in.ServiceID, ProviderID: in.ProviderID, LocationID: in.LocationID,
			Cursor: in.Cursor,
		})
	}
	return []Row{{
		Method: "GET", Path: "/availability", Scope: scope.AvailabilityRead,
		Also: []scope.Scope{scope.AppointmentsRead}, Tag: "Availability", ID: "listAvailability",
		Summary: "Find open appointment slots", Status: 200, Errors: []fault.Kind{fault.NotFound},
		Op: &handler[availabilityQuery, act.List[booking.Slot]]{
			use: ask, form: shape{in: reflect.TypeFor[availabilityQuery](), out: reflect.TypeFor[Slot](), list: true},
			answer: func(c *call, l act.List[booking.Slot]) answer {
				return c.page(slots(l.Items), Pagination{wire.Opt(l.Next), l.More, l.Total})
			},
		},
	}}
}
