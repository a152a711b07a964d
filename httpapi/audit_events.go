package httpapi

import (
	"context"
	"encoding/json"

	"qualifybase/engine/act"
	"qualifybase/engine/scope"
	"qualifybase/httpapi/wire"
)

// AuditEntry is one act, or one read of a person's data: ids and names of fields,
// never a person's values (records.md §5).
type AuditEntry struct {
	Seq       int64        `json:"seq"`
	At        wire.Instant `json:"at"`
	Actor     Actor        `json:"actor"`
	IP        string       `json:"ip"`
	RequestID string       `json:"request_id"`
	Action    string       `json:"action"`
	Entity    string       `json:"entity"`
	EntityID  string       `json:"entity_id"`
	PatientID *int64       `json:"patient_id"`
	Outcome   act.Outcome  `json:"outcome"`
	ReasonRef *string      `json:"reason_ref" doc:"Points to the reason given, which can be erased"`
	Fields    []string     `json:"fields"`
	PrevHash  string       `json:"prev_hash"`
	Hash      string       `json:"hash"`
}

// AuditOf is an audit row on the wire.
func AuditOf(a act.AuditEntry) AuditEntry {
	return AuditEntry{
		a.Seq, wire.Instant(a.At), ActorOf(a), a.IP, a.RequestID, a.Action, a.Entity, a.EntityID,
		wire.Opt(a.PatientID), a.Outcome, wire.Opt(a.ReasonRef), wire.List(a.Fields), a.PrevHash, a.Hash,
	}
}

type auditQuery struct {
	wire.Paged
	PatientID int64         `query:"patient_id" minimum:"1" doc:"Who opened this record, or saw the patient or something of theirs in a list"`
	Entity    string        `query:"entity"`
	EntityID  string        `query:"entity_id"`
	Action    string        `query:"action"`
	Outcome   act.Outcome   `query:"outcome"`
	From      *wire.Instant `query:"from"`
	To        *wire.Instant `query:"to" doc:"Exclusive"`
}

// Event is the thin fact of a change: ids, status and times (webhooks.md).
type Event struct {
	ID        string          `json:"id"`
	Seq       int64           `json:"seq" doc:"Without gaps; keep the last you have seen and ask after it"`
	Type      string          `json:"type" example:"appointment.created"`
	CreatedAt wire.Instant    `json:"created_at"`
	Data      json.RawMessage `json:"data"`
}

func event(ev act.Event) Event {
	return Event{ev.ID, ev.Seq, ev.Type, wire.Instant(ev.CreatedAt), ev.Data}
}

type eventQuery struct {
	wire.Paged
	After int64  `query:"after_seq" minimum:"0" doc:"Events behind this seq"`
	Type  string `query:"type"`
}

func (s *Server) historyRows() []Row {
	audit := func(ctx context.Context, c act.Caller, in auditQuery) (act.List[act.AuditEntry], error) {
		return s.e.AuditLog(ctx, c, act.AuditQuery{PatientID: in.PatientID, Entity: in.Entity, EntityID: in.EntityID,
			Action:  in.Action,
			Outcome: in.Outcome, From: in.From.Seconds(), To: in.To.Seconds()}, in.Page())
	}
	events := func(ctx context.Context, c act.Caller, in eventQuery) (act.List[act.Event], error) {
		return s.e.Events(ctx, c, in.After, in.Type, in.Page())
	}
	return []Row{
		{Method: "GET", Path: "/events", Scope: scope.WebhooksManage, Tag: "Events", ID: "listEvents",
			Summary: "List events", Status: 200,
			Doc: "Oldest first: what a webhook consumer missed it can read here.", Op: List(events, event)},
		{Method: "GET", Path: "/audit", Scope: scope.AuditRead, Tag: "Audit", ID: "listAudit",
			Summary: "List audit rows", Status: 200, Op: List(audit, AuditOf)},
	}
}
