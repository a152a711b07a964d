package outbox

import (
	"slices"
	"strings"

	"qualifybase/engine/act"
)

// testEvent is what POST /webhooks/:id/test sends, to that endpoint alone.
const testEvent = "webhook.test"

// events are those of endpoints and those of the intake, which are subscribable
// already and come with the interviews.
func events() []act.EventKind {
	return []act.EventKind{
		{Changes: []act.Change{intakeStarted, intakeCompleted},
			Sample: act.Fact{}.Object("intake", act.Fact{}.Text("id", act.SampleID))},
		{Changes: []act.Change{webhookTested}, Sample: webhookFact(Webhook{ID: act.SampleID})},
	}
}

var (
	intakeStarted   = act.Change{"intake.started"}
	intakeCompleted = act.Change{"intake.completed"}
	webhookTested   = act.Change{testEvent}
)

// EventType is a type of event as the reference shows it.
type EventType struct {
	Type    string
	Summary string
	Example []byte // a whole thin body in the standard form, as JSON
}

// EventTypes lists what subscribers may hear, sorted by name.
func (e *Engine) EventTypes() []EventType {
	var out []EventType
	for _, kind := range e.EventKinds() {
		for _, change := range kind.Changes {
			for _, typ := range change {
				if !slices.ContainsFunc(out, func(t EventType) bool { return t.Type == typ }) {
					out = append(out, EventType{typ, eventSummary(typ), eventExample(typ, kind.Sample)})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b EventType) int { return strings.Compare(a.Type, b.Type) })
	return out
}

// knownEvent reports whether some change is told under this type.
func (e *Engine) knownEvent(typ string) bool {
	return slices.ContainsFunc(e.EventKinds(), func(kind act.EventKind) bool {
		return slices.ContainsFunc(kind.Changes, func(c act.Change) bool { return slices.Contains(c, typ) })
	})
}

// subscribable reports whether an endpoint may ask for the type.
func (e *Engine) subscribable(typ string) bool { return typ != testEvent && e.knownEvent(typ) }

// subscribableTypes lists them, sorted.
func (e *Engine) subscribableTypes() []string {
	var out []string
	for _, t := range e.EventTypes() {
		if t.Type != testEvent {
			out = append(out, t.Type)
		}
	}
	return out
}

// eventSummary reads a type aloud: "soap_note.signed" is "Soap note: signed".
func eventSummary(typ string) string {
	noun, verb, _ := strings.Cut(strings.ReplaceAll(typ, "_", " "), ".")
	return strings.ToUpper(noun[:1]) + noun[1:] + ": " + verb
}

// eventExample is a whole body of the type.
func eventExample(typ string, fact act.Fact) []byte {
	ev := act.Event{ID: "evt_019671a0-3f5e-7d11-a2b4-6c8d9e0f1a2b", Type: typ, CreatedAt: 1777190400, Seq: 41}
	return appendBody(nil, &ev, "01966f00-0000-7000-8000-000000000001", fact.JSON())
}
