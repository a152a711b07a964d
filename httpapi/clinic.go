package httpapi

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
)

// Clinic is the caller's own clinic with its booking rules (booking.md §§2, 5, 7, 8).
type Clinic struct {
	ID                 string `json:"id" format:"uuid" doc:"The organization_id"`
	Slug               string `json:"slug"`
	Name               string `json:"name"`
	TimeZone           string `json:"time_zone"`
	Country            string `json:"country"`
	StepMinutes        int    `json:"step_minutes" doc:"Between offered starts"`
	DefaultMinutes     int    `json:"default_minutes" doc:"Length with neither service nor duration"`
	NoticeMinutes      int    `json:"notice_minutes"`
	HorizonDays        int    `json:"horizon_days"`
	BuffersInsideHours bool   `json:"buffers_inside_hours"`
	ReconfirmOnMove    bool   `json:"reconfirm_on_move"`
	Continuity         bool   `json:"continuity" doc:"The last provider seen goes first in assignment"`
	LateCancelHours    int    `json:"late_cancel_hours"`
	NoShowSweep        bool   `json:"no_show_sweep"`
	wire.Meta
}

// ClinicOf is a clinic on the wire.
func ClinicOf(c directory.Clinic) Clinic {
	s := c.Settings
	return Clinic{
		c.ID, c.Slug, c.Name, c.TimeZone, c.Country, s.StepMinutes, s.DefaultMinutes, s.NoticeMinutes, s.HorizonDays,
		s.BuffersInsideHours,
		s.ReconfirmOnMove, s.Continuity, s.LateCancelHours, s.NoShowSweep,
		wire.Meta{Version: c.Version, CreatedAt: wire.Instant(c.CreatedAt), UpdatedAt: wire.Instant(c.UpdatedAt)},
	}
}

// ClinicPatch changes the clinic; what is not sent stays as it is.
type ClinicPatch struct {
	Name               *string `json:"name,omitempty" maxLength:"100"`
	TimeZone           *string `json:"time_zone,omitempty" example:"Europe/Berlin"`
	Country            *string `json:"country,omitempty" example:"DE"`
	StepMinutes        *int    `json:"step_minutes,omitempty"`
	DefaultMinutes     *int    `json:"default_minutes,omitempty"`
	NoticeMinutes      *int    `json:"notice_minutes,omitempty"`
	HorizonDays        *int    `json:"horizon_days,omitempty"`
	BuffersInsideHours *bool   `json:"buffers_inside_hours,omitempty"`
	ReconfirmOnMove    *bool   `json:"reconfirm_on_move,omitempty"`
	Continuity         *bool   `json:"continuity,omitempty"`
	LateCancelHours    *int    `json:"late_cancel_hours,omitempty"`
	NoShowSweep        *bool   `json:"no_show_sweep,omitempty"`
}

type clinicChange struct {
	Version *int64 `header:"If-Match"`
	Body    ClinicPatch
}

func (s *Server) clinicRows() []Row {
	get := func(ctx context.Context, c act.Caller, _ wire.None) (directory.Clinic, error) {
		return s.e.Clinic(ctx, c)
	}
	update := func(ctx context.Context, c act.Caller, in clinicChange) (directory.Clinic, error) {
		return s.e.UpdateClinic(ctx, c, in.Version, directory.ClinicPatch(in.Body))
	}
	return []Row{
		{Method: "GET", Path: "/clinic", Scope: scope.AdminRead, Tag: "Clinic", ID: "getClinic",
			Summary: "Get the clinic and its booking rules", Status: 200, Op: Op(get, ClinicOf)},
		{Method: "PATCH", Path: "/clinic", Scope: scope.ProvidersWrite, Tag: "Clinic", ID: "updateClinic",
			Summary: "Change the clinic or its booking rules", Status: 200,
			Example: `{"step_minutes":20}`, Op: Op(update, ClinicOf)},
	}
}
