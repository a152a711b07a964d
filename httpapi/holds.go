package httpapi

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
)

// Hold keeps a slot for some minutes (booking.md §6).
type Hold struct {
	ID          string       `json:"id" format:"uuid"`
	Token       string       `json:"token" doc:"Shown once; send it as hold_token to book"`
	ExpiresAt   wire.Instant `json:"expires_at"`
	ScheduledAt wire.Instant `json:"scheduled_at"`
	EndsAt      wire.Instant `json:"ends_at"`
	ProviderID  int64        `json:"provider_id"`
	LocationID  *int64       `json:"location_id"`
	ServiceID   *int64       `json:"service_id"`
	CreatedAt   wire.Instant `json:"created_at"`
}

// HoldDraft asks for a hold: a slot of availability, posted back.
type HoldDraft struct {
	ScheduledAt wire.Instant  `json:"scheduled_at"`
	EndsAt      *wire.Instant `json:"ends_at,omitempty" doc:"Required, unless service_id says it"`
	LocalStart  *wire.Instant `json:"local_start,omitempty" doc:"As availability gave it; must be the same instant"`
	ProviderID  int64         `json:"provider_id,omitempty"`
	LocationID  int64         `json:"location_id,omitempty"`
	ServiceID   int64         `json:"service_id,omitempty"`
	Minutes     int           `json:"minutes,omitempty" minimum:"1" maximum:"15" doc:"5 without it"`
}

func hold(h booking.Hold) Hold {
	return Hold{
		ID: h.ID, Token: h.Token, ExpiresAt: wire.Instant(h.ExpiresAt), ScheduledAt: wire.Instant(h.StartsAt),
		EndsAt: wire.Instant(h.EndsAt), ProviderID: h.ProviderID, LocationID: wire.Opt(h.LocationID),
		ServiceID: wire.Opt(h.ServiceID), CreatedAt: wire.Instant(h.CreatedAt),
	}
}

func (s *Server) holdRows() []Row {
	place := func(ctx context.Context, c act.Caller, in wire.Create[HoldDraft]) (booking.Hold, error) {
		b := in.Body
		if b.LocalStart != nil && *b.LocalStart != b.ScheduledAt {
			return booking.Hold{}, fault.Fail(fault.Invalid, "Invalid request body").On("local_start",
				"must be the same instant as scheduled_at")
		}
		return s.e.PlaceHold(ctx, c, booking.HoldDraft{StartsAt: int64(b.ScheduledAt), EndsAt: b.EndsAt.Seconds(),
			ProviderID: b.ProviderID, LocationID: b.LocationID, ServiceID: b.ServiceID, Minutes: b.Minutes})
	}
	remove := func(ctx context.Context, c act.Caller, in wire.ByID) error { return s.e.DropHold(ctx, c, in.ID) }
	return []Row{
		{Method: "POST", Path: "/holds", Scope: scope.AppointmentsWrite, Tag: "Holds", ID: "placeHold",
			Summary: "Keep a slot for some minutes", Status: 201,
			Errors:  append([]fault.Kind{fault.Conflict}, bookingRefusals...),
			Example: `{"scheduled_at":"2026-04-27T09:00:00Z","service_id":1,"minutes":5}`, Op: Op(place, hold)},
		{Method: "DELETE", Path: "/holds/:id", Scope: scope.AppointmentsWrite, Tag: "Holds", ID: "dropHold",
			Summary: "Free a held slot", Status: 204, Errors: []fault.Kind{fault.Gone}, Op: Drop(remove)},
	}
}
