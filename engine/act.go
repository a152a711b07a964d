package engine

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"
)

// Action says what a use case is: the right it needs and its words in the audit.
type Action struct {
	Name  string // "appointment.book"
	Scope Scope
}

// entity is the noun of the action: "appointment".
func (d Action) entity() string {
	for i := range len(d.Name) {
		if d.Name[i] == '.' {
			return d.Name[:i]
		}
	}
	return d.Name
}

// Stats are the engine's counters since the start, for /metrics.
type Stats struct {
	Booked, Refused, Replayed, DeniedActs atomic.Int64
}

// Stats gives the counters.
func (e *Engine) Stats() *Stats { return &e.stats }

// Act is one act inside its transaction: the Tx, who acts and when, and what
// the act has to say of itself when it succeeds.
type Act struct {
	Tx
	e      *Engine
	Caller Caller
	Now    int64 // UTC seconds, one instant for the whole act

	EntityID  string // audit: what was acted on
	PatientID int64  // audit: whose record it is
	Subject   string // idempotency: the person in the reply
	Fields    []string
	Reason    string // free text, kept erasable beside the chain
	Quiet     bool   // nothing changed: no event, no audit row
	events    []Event
	Wakes     bool // it left something for the webhook sender
}

// act runs a write: rights, the stored reply of the idempotency key, the effects
// in a savepoint of their own, then events, audit and the reply's record, all in
// one transaction (CONTRIBUTING.md "One booking, as data"). A decided refusal
// rolls its effects back but is itself recorded, so that a retry hears it again
// (contract.md §6). Waking the sender comes after the commit.
func act[T any](ctx context.Context, e *Engine, c Caller, d Action, fn func(w *Act) (T, error)) (T, error) {
	var (
		out     T
		verdict error
		woke    bool
		about   string // the id of what was acted on
	)
	if err := e.allow(c, d); err != nil {
		return out, err
	}
	err := e.store.Update(ctx, func(tx Tx) error {
		w := &Act{Tx: tx, e: e, Caller: c, Now: e.now().Unix()}
		replay, err := w.storedReply()
		if err != nil {
			return err
		}
		if replay != nil {
			e.stats.Replayed.Add(1)
			verdict = replay
			return nil
		}
		verdict = tx.Savepoint(func() (err error) {
			if out, err = fn(w); err != nil {
				return err
			}
			if c.Rehearsal {
				return errRehearsed
			}
			return w.publish()
		})
		about = w.EntityID
		if verdict != nil && (c.Rehearsal || !KindOf(verdict).decided()) {
			return verdict
		}
		woke = verdict == nil && w.Wakes
		if err := w.record(d, verdict); err != nil {
			return err
		}
		return w.storeReply(out, verdict)
	})
	if err != nil {
		return out, e.AuditDenied(c, d, about, err)
	}
	if woke {
		e.opt.Nudge()
	}
	return out, verdict
}

// errRehearsed undoes an act that went well but was only tried.
var errRehearsed = errors.New("rehearsed")

// allow checks the right; a denial is a row in the audit.
func (e *Engine) allow(c Caller, d Action) error {
	if c.May(d.Scope) && c.Clinic != 0 {
		return nil
	}
	return e.AuditDenied(c, d, "", c.Lacks(d.Scope))
}

// lacks is the refusal of a caller without a right.
func (c Caller) Lacks(s Scope) *Error {
	who := "caller"
	if c.Kind == ActorKey {
		who = "key"
	}
	return &Error{Kind: Forbidden, Message: "The " + who + " lacks a required permission", Missing: s}
}

// noted puts a refusal for want of a right into the audit, wherever it was found
// out, and gives it back; any other error passes through. Nothing waits for the
// row: the act it tells of has left none.
func (e *Engine) AuditDenied(c Caller, d Action, entityID string, err error) error {
	if why, ok := errors.AsType[*Error](err); ok && why.Kind == Forbidden {
		return e.auditRefusal(c, d, entityID, "", 0, why)
	}
	return err
}

// denied counts a refusal and puts it into the audit: id is of the thing that was
// asked for, patient whose it is, where they are known.
func (e *Engine) auditRefusal(c Caller, d Action, entityID, id string, patient int64, why *Error) error {
	e.stats.DeniedActs.Add(1)
	if c.Clinic == 0 {
		return why
	}
	entry := c.entry(d, e.now().Unix())
	entry.EntityID, entry.PatientID, entry.Outcome, entry.Fields = entityID, patient, Denied, []string{"error:" + string(why.Kind)}
	if why.Missing != NoScope {
		entry.Fields = []string{"scope:" + why.Missing.String()}
	}
	if id != "" {
		entry.Fields = append(entry.Fields, "id:"+id)
	}
	e.store.Enqueue(func(tx Tx) error { return appendAudit(tx, entry) })
	return why
}

// kept finds the stored reply of the request's idempotency key.
func (w *Act) storedReply() (*Replay, error) {
	id := w.Caller.Idempotency
	if id == nil {
		return nil, nil
	}
	since := w.Now - int64(w.e.opt.ReplyTTL/time.Second)
	fingerprint, reply, found, err := w.StoredReply(w.Caller.Clinic, w.Caller.Name(), id.Key, since)
	if err != nil || !found {
		return nil, err
	}
	if fingerprint != id.Fingerprint {
		return nil, Fail(KeyReused, "This Idempotency-Key was used with another request; send a new key")
	}
	if len(reply.Body) == 0 && reply.Status != 204 { // see BlankReplies
		return nil, Fail(Gone, "This request was answered before; the answer is gone with the person who was erased")
	}
	return &Replay{reply}, nil
}

// keep stores the reply under the idempotency key, encoded by the face.
func (w *Act) storeReply(out any, verdict error) error {
	id := w.Caller.Idempotency
	if id == nil {
		return nil
	}
	if s, ok := out.(Secretive); ok {
		out = s.WithoutSecret()
	}
	return w.StoreReply(w.Caller.Clinic, w.Caller.Name(), id.Key, id.Fingerprint, w.Subject, w.Caller.Encode(out, verdict), w.Now)
}

// record writes the audit row of a success or of a decided refusal.
func (w *Act) record(d Action, verdict error) error {
	if w.Quiet && verdict == nil {
		return nil
	}
	entry := w.Caller.entry(d, w.Now)
	entry.EntityID, entry.PatientID, entry.Fields = w.EntityID, w.PatientID, w.Fields
	if verdict != nil {
		entry.Outcome, entry.Fields = Failed, []string{"error:" + string(KindOf(verdict))}
	}
	if w.Reason != "" && verdict == nil {
		mac := hmac.New(sha256.New, w.e.opt.Secret)
		mac.Write([]byte(w.Caller.RequestID + "\x00" + w.EntityID + "\x00" + w.Reason))
		entry.ReasonRef = hex.EncodeToString(mac.Sum(nil)[:16])
		if err := w.InsertReason(entry.ReasonRef, w.Caller.Clinic, w.PatientID, w.Reason); err != nil {
			return err
		}
	}
	return appendAudit(w.Tx, entry)
}

// entry begins an audit row of the caller.
func (c Caller) entry(d Action, now int64) AuditEntry {
	return AuditEntry{
		Clinic: c.Clinic, At: now, ActorKind: c.Kind, ActorID: c.ID, ActorLabel: c.Label, IP: c.IP,
		RequestID: c.RequestID, Action: d.Name, Entity: d.entity(), Outcome: OK,
	}
}

// appendAudit gives the entry its number and its place in the hash chain.
func appendAudit(tx Tx, entry AuditEntry) error {
	heads, err := tx.Counters(entry.Clinic)
	if err != nil {
		return err
	}
	heads.Audit++
	entry.Seq, entry.PrevHash = heads.Audit, heads.AuditHash
	if entry.Fields == nil {
		entry.Fields = []string{}
	}
	entry.legible()
	entry.Hash = entry.Digest()
	heads.AuditHash = entry.Hash
	return tx.InsertAudit(entry)
}

// changed takes the clinic's next change number and stamps a row with it.
func (w *Act) Stamp(m *Meta) error {
	heads, err := w.Counters(w.Caller.Clinic)
	if err != nil {
		return err
	}
	heads.Change++
	heads.Stamp = max(heads.Stamp, w.Now)
	if m.Version == 0 {
		m.CreatedAt, m.CreatedBy = w.Now, w.Caller.Name()
	}
	m.Version++
	m.Change, m.UpdatedAt, m.UpdatedBy = heads.Change, heads.Stamp, w.Caller.Name()
	return nil
}

// happened notes a change's events, in the order of the table in event.go.
func (w *Act) Emit(what change, fact any) error {
	data, err := json.Marshal(fact)
	if err != nil {
		return err
	}
	for _, typ := range eventTypes[what] {
		w.events = append(w.events, Event{Clinic: w.Caller.Clinic, Type: typ, Test: w.Caller.Test, CreatedAt: w.Now, Data: data})
	}
	return nil
}

// read runs a question: rights, then fn on one snapshot.
func read[T any](ctx context.Context, e *Engine, c Caller, d Action, fn func(r Reader) (T, error)) (T, error) {
	var out T
	if err := e.allow(c, d); err != nil {
		return out, err
	}
	err := e.store.View(ctx, func(r Reader) (err error) {
		out, err = fn(r)
		return err
	})
	return out, err
}

// seen puts a read of people's data into the audit, without making the reader wait.
func (e *Engine) AuditRead(c Caller, d Action, entityID string, patient int64, fields ...string) {
	entry := c.entry(d, e.now().Unix())
	entry.EntityID, entry.PatientID, entry.Fields = entityID, patient, fields
	e.store.Enqueue(func(tx Tx) error { return appendAudit(tx, entry) })
}
