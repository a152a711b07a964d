package httpapi

import (
	"context"
	"errors"
	"net/http"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/httpapi/wire"
)

// Health is what a key may know of itself (Klinivo's first call).
type Health struct {
	Status         string   `json:"status" enum:"ok"`
	KeyPrefix      string   `json:"key_prefix" doc:"The visible part of the key; empty for a session"`
	OrganizationID string   `json:"organization_id"`
	Permissions    []string `json:"permissions" doc:"In the caller's spelling"`
}

func (s *Server) health(ctx context.Context, c act.Caller, _ wire.None) (Health, error) {
	clinic, err := s.e.Organization(ctx, c)
	h := Health{Status: "ok", OrganizationID: clinic.ID, Permissions: c.Grants().Names()}
	if c.Kind == act.ActorKey {
		h.KeyPrefix = c.Label
	}
	return h, err
}

// probe answers monitors, outside the API and its credentials.
type probe struct {
	Status string  `json:"status"`
	Why    string  `json:"why,omitempty"`
	Checks []Check `json:"checks,omitempty" doc:"What does not stop the service, but wants attention when it is not ok"`
	code   int
}

// Check is one detail of /readyz.
type Check struct {
	Name   string        `json:"name" doc:"backup, restore_drill"`
	Status string        `json:"status" enum:"ok,warn,fail"`
	At     *wire.Instant `json:"at,omitempty" doc:"When it last went well"`
	Why    string        `json:"why,omitempty"`
}

func (p probe) HTTPStatus() int { return p.code }

func (s *Server) ready(context.Context, act.Caller, wire.None) (probe, error) {
	if err := s.o.Ready(); err != nil {
		s.o.Log.Error("not ready", "why", err.Error())
		why := "the database cannot be written; the log says why"
		if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind != fault.Internal {
			why = string(e.Kind) + ": " + e.Message
		}
		return probe{Status: "unavailable", Why: why, code: http.StatusServiceUnavailable}, nil
	}
	p := probe{Status: "ok"}
	if s.o.Checks != nil {
		p.Checks = s.o.Checks()
	}
	return p, nil
}

func (s *Server) healthRows() []Row {
	alive := func(context.Context, act.Caller, wire.None) (probe, error) { return probe{Status: "ok"}, nil }
	return []Row{
		{Method: "GET", Path: "//healthz", Public: true, Tag: "Health", ID: "healthz", Summary: "The process lives",
			Status: 200, Op: Op(alive, wire.Same[probe])},
		{Method: "GET", Path: "//readyz", Public: true, Tag: "Health", ID: "readyz",
			Summary: "The database can be written", Status: 200, Op: Op(s.ready, wire.Same[probe])},
		{Method: "GET", Path: "/health", Open: true, Browser: true, Tag: "Health", ID: "getHealth",
			Summary: "Test a key", Status: 200, Op: Op(s.health, wire.Same[Health])},
		{Method: "GET", Path: "/openapi.json", Public: true, Tag: "Reference", ID: "getOpenAPI",
			Summary: "This document", Status: 200,
			Op: static[whichForm]{"application/json", func(c *call, in whichForm) (*file, error) {
				switch in.Form {
				case "standard":
					return c.s.document.standard(), nil
				case "flat":
					return c.s.document.flat(), nil
				}
				return c.s.document.all(), nil
			}}},
		{Method: "GET", Path: "/docs", Public: true, Tag: "Reference", ID: "getDocs",
			Summary: "The reference as a page", Status: 200,
			Op: static[wire.None]{"text/html", func(*call, wire.None) (*file, error) { return docsPage(), nil }}},
		{Method: "GET", Path: "/docs/rapidoc-min.js", Public: true, Tag: "Reference", ID: "getDocsScript",
			Summary: "The page's script", Status: 200,
			Op: static[wire.None]{"text/javascript",
				func(*call, wire.None) (*file, error) { return docsScript(), nil }}},
	}
}

type whichForm struct {
	Form string `query:"form" enum:"standard,flat" doc:"One wire form alone; both without it"`
}
