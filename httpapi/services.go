package httpapi

import (
	"strconv"

	"qualifybase/engine/directory"
	"qualifybase/httpapi/wire"
)

// Service is what is booked (records.md §1).
type Service struct {
	ID               int64                   `json:"id"`
	Name             string                  `json:"name"`
	DurationMinutes  int                     `json:"duration_minutes"`
	BufferBefore     int                     `json:"buffer_before" doc:"Minutes kept free before"`
	BufferAfter      int                     `json:"buffer_after" doc:"Minutes kept free after"`
	Step             *int                    `json:"step" doc:"Minutes between offered starts; null = the clinic's"`
	Align            directory.Align         `json:"align" doc:"How the grid of offered starts is laid"`
	LocationKind     *directory.LocationKind `json:"location_kind" doc:"null = any"`
	MinNotice        *int                    `json:"min_notice" doc:"Minutes; null = the clinic's"`
	HorizonDays      *int                    `json:"horizon_days" doc:"null = the clinic's"`
	DailyCap         int                     `json:"daily_cap" doc:"0 = no limit"`
	AutoConfirm      bool                    `json:"auto_confirm"`
	IntakeCampaignID *string                 `json:"intake_campaign_id"`
	Active           bool                    `json:"active"`
	ProviderIDs      []int64                 `json:"provider_ids" doc:"Empty = every provider offers it"`
	wire.Meta
}

// Location implements Located.
func (s Service) Location() string { return "/services/" + strconv.FormatInt(s.ID, 10) }

func service(s directory.Service) Service {
	inherited := func(n int) *int { // -1 stands for the clinic's
		if n < 0 {
			return nil
		}
		return &n
	}
	return Service{
		ID: s.ID, Name: s.Name, DurationMinutes: s.DurationMinutes, BufferBefore: s.BufferBefore,
		BufferAfter: s.BufferAfter, Step: wire.Opt(s.Step), Align: s.Align, LocationKind: wire.Opt(s.LocationKind),
		MinNotice: inherited(s.MinNotice), HorizonDays: inherited(s.HorizonDays), DailyCap: s.DailyCap,
		AutoConfirm: s.AutoConfirm, IntakeCampaignID: wire.Opt(s.IntakeCampaignID), Active: s.Active,
		ProviderIDs: wire.List(s.ProviderIDs), Meta: wire.MetaOf(s.Meta),
	}
}

// ServiceDraft is an unsaved service; what is not sent stays as it is.
type ServiceDraft struct {
	Name            *string                 `json:"name,omitempty" maxLength:"100" doc:"Required of a new one"`
	DurationMinutes *int                    `json:"duration_minutes,omitempty" doc:"Required of a new one"`
	BufferBefore    *int                    `json:"buffer_before,omitempty"`
	BufferAfter     *int                    `json:"buffer_after,omitempty"`
	Step            *int                    `json:"step,omitempty" doc:"0 = the clinic's"`
	Align           *directory.Align        `json:"align,omitempty"`
	LocationKind    *directory.LocationKind `json:"location_kind,omitempty" enum:""` // the empty one is allowed: any
	MinNotice       *int                    `json:"min_notice,omitempty" doc:"-1 = the clinic's"`
	HorizonDays     *int                    `json:"horizon_days,omitempty" doc:"-1 = the clinic's"`
	DailyCap        *int                    `json:"daily_cap,omitempty"`
	AutoConfirm     *bool                   `json:"auto_confirm,omitempty"`
	Active          *bool                   `json:"active,omitempty"`
	ProviderIDs     *[]int64                `json:"provider_ids,omitempty"`
}

func (s *Server) serviceRows() []Row {
	e := s.e
	return rows(shelf[directory.Service, directory.ServiceDraft, Service]{
		path: "/services", tag: "Services", one: "Service", wire: service,
		example: `{"name":"Consultation","duration_minutes":30,"buffer_after":10}`, find: e.Services, get: e.Service,
		create: e.CreateService, update: e.UpdateService, remove: e.DeleteService,
	}, func(d ServiceDraft) directory.ServiceDraft { return directory.ServiceDraft(d) })
}
