package outbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/flat"
	"qualifybase/engine/people"
	"qualifybase/engine/text"
)

// Subscriptions are the endpoints of a clinic that are not deleted, live and test,
// as the store keeps them in memory: every event asks for them.
type Subscriptions struct {
	ClinicID string // UUIDv7, for the bodies
	Webhooks []Webhook
}

// deliver writes, in the transaction of an event, a delivery for each endpoint that
// subscribed to it (webhooks.md "Tables and dispatcher"). Without endpoints that
// costs one look into memory.
func (e *Engine) deliver(w *act.Act, ev *act.Event) error {
	subs, err := w.Tx.(Reader).Subscriptions(w.Caller.Clinic)
	if err != nil || len(subs.Webhooks) == 0 {
		return err
	}
	m := renderer{w: e.in(w), ev: ev, clinicID: subs.ClinicID}
	for i := range subs.Webhooks {
		h := &subs.Webhooks[i]
		if h.Test != ev.Test || !h.Wants(ev.Type) {
			continue
		}
		if _, err := m.send(h, causeEvent); err != nil {
			return err
		}
	}
	return nil
}

// Why an attempt is made: the trigger of the attempt log.
const (
	causeEvent  = "event"  // the first, of an event
	causeTest   = "test"   // the first, of POST /webhooks/:id/test
	causeReplay = "replay" // the first, of a delivery that repeats another
	CauseRetry  = "retry"  // after a failure, by the schedule
	CauseManual = "manual" // somebody wanted it before its time
)

// Causes lists them.
var Causes = []string{causeEvent, causeTest, causeReplay, CauseRetry, CauseManual}

// renderer makes the bodies of one event, each form once.
type renderer struct {
	w        *Act
	ev       *act.Event
	clinicID string
	bodies   [2][2][]byte // by payload (thin, full) and form (standard, flat)
	subject  string       // the person in the full bodies
}

// send writes the delivery of the event to one endpoint.
func (m *renderer) send(h *Webhook, cause string) (DeliveryEntry, error) {
	full, flat := 0, 0
	if h.Payload == Full {
		full = 1
	}
	if h.Flat {
		flat = 1
	}
	body, err := m.body(full, flat)
	if err != nil {
		return DeliveryEntry{}, err
	}
	d := DeliveryEntry{
		ID: m.w.NewID(), Clinic: h.Clinic, Test: h.Test, Webhook: h.N, WebhookID: h.ID, EventID: m.ev.ID, Seq: m.ev.Seq,
		Type: m.ev.Type, State: Pending, Cause: cause, NextAt: m.w.Now, CreatedAt: m.w.Now,
	}
	if full == 1 {
		d.Subject = m.subject
	}
	m.w.Wakes = true
	return d, m.w.InsertDelivery(d, body)
}

// body gives the bytes of a form; the flat one is made from the standard one.
func (m *renderer) body(full, camel int) ([]byte, error) {
	if b := m.bodies[full][camel]; b != nil {
		return b, nil
	}
	var b []byte
	if camel == 1 {
		standard, err := m.body(full, 0)
		if err != nil {
			return nil, err
		}
		b = flat.Append(nil, standard)
	} else {
		data := []byte(m.ev.Data)
		if full == 1 {
			var err error
			if data, m.subject, err = m.w.fullPayload(m.ev.Data); err != nil {
				return nil, err
			}
		}
		b = appendBody(nil, m.ev, m.clinicID, data)
	}
	m.bodies[full][camel] = b
	return b, nil
}

// appendBody writes the envelope (webhooks.md "Events"). Ids and types need no escapes.
func appendBody(b []byte, ev *act.Event, clinicID string, data []byte) []byte {
	b = append(append(b, `{"id":"`...), ev.ID...)
	b = append(append(b, `","type":"`...), ev.Type...)
	b = append(append(b, `","created_at":"`...), calendar.UTC(ev.CreatedAt)...)
	b = append(append(b, `","clinic_id":"`...), clinicID...)
	b = strconv.AppendInt(append(b, `","seq":`...), ev.Seq, 10)
	b = append(append(b, `,"data":`...), data...)
	return append(b, '}')
}

// personContact is what a full payload says of the person whom an event is about.
type personContact struct {
	leadID     string
	patientID  int64
	name       string // of a lead
	givenName  string
	familyName string
	email      string
	phone      string         // a lead's
	phones     []people.Phone // a patient's
}

func (p personContact) fact() act.Fact {
	f := act.Fact{}.
		TextIf("lead_id", p.leadID).
		IntIf("patient_id", p.patientID).
		TextIf("name", p.name).
		TextIf("given_name", p.givenName).
		TextIf("family_name", p.familyName).
		TextIf("email", p.email).
		TextIf("phone", p.phone)
	if len(p.phones) == 0 {
		return f
	}
	phones := make([]act.Fact, len(p.phones))
	for i, n := range p.phones {
		phones[i] = act.Fact{}.Text("number", n.Number).TextIf("e164", n.E164).TextIf("label", n.Label)
	}
	return f.Objects("phones", phones)
}

// fullPayload adds to a thin fact what a full payload may hold: the person's contact
// fields as "person", and the title of an appointment; never notes, SOAP text or
// answers. It finds them by the ids in the fact, so that no event needs to know
// of it. subject names the person, "" = none is there (any more).
func (w *Act) fullPayload(fact json.RawMessage) (data []byte, subject string, err error) {
	var nouns map[string]json.RawMessage
	if err := json.Unmarshal(fact, &nouns); err != nil {
		return nil, "", err
	}
	person, err := w.personOf(nouns)
	if err != nil {
		return nil, "", err
	}
	title, err := w.titleOf(nouns["appointment"])
	if err != nil {
		return nil, "", err
	}
	data = bytes.Clone(fact)
	if title != "" {
		at := bytes.Index(data, []byte(`"appointment":{`)) + len(`"appointment":{`)
		data = append(text.AppendJSON(append(data[:at:at], `"title":`...), title), append([]byte{','}, fact[at:]...)...)
	}
	if person == nil {
		return data, "", nil
	}
	data = append(append(data[:len(data)-1], `,"person":`...), person.fact().JSON()...)
	subject = "lead:" + person.leadID
	if person.patientID != 0 {
		subject = "patient:" + strconv.FormatInt(person.patientID, 10)
	}
	return append(data, '}'), subject, nil
}

// personOf finds the person by the ids of a fact: a patient goes before a lead.
func (w *Act) personOf(nouns map[string]json.RawMessage) (*personContact, error) {
	var leadID string
	var patientID int64
	for noun, raw := range nouns {
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil {
			continue // no object: no ids
		}
		text := func(name string) string { return strings.Trim(string(fields[name]), `"`) }
		number := func(name string) int64 { n, _ := strconv.ParseInt(text(name), 10, 64); return n }
		switch noun {
		case "lead":
			leadID = text("id")
		case "patient":
			patientID = number("id")
		}
		leadID = cmp.Or(leadID, text("lead_id"))
		patientID = cmp.Or(patientID, number("patient_id"))
	}
	if patientID != 0 {
		p, err := w.Patient(w.Caller.Clinic, w.Caller.Test, patientID)
		if err == nil {
			return &personContact{patientID: p.ID, givenName: p.GivenName, familyName: p.FamilyName, email: p.Email,
				phones: p.Phones}, nil
		}
		if fault.KindOf(err) != fault.NotFound {
			return nil, err
		}
	}
	if leadID == "" {
		return nil, nil
	}
	l, err := w.Lead(w.Caller.Clinic, w.Caller.Test, leadID)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil // deleted by this very act
	}
	return &personContact{leadID: l.ID, name: l.Name, email: l.Email, phone: l.Phone}, err
}

func (w *Act) titleOf(raw json.RawMessage) (string, error) {
	var appointment struct{ ID string }
	if len(raw) == 0 || json.Unmarshal(raw, &appointment) != nil || appointment.ID == "" {
		return "", nil
	}
	a, err := w.Appointment(w.Caller.Clinic, w.Caller.Test, appointment.ID)
	if fault.KindOf(err) == fault.NotFound {
		return "", nil
	}
	return a.Title, err
}
