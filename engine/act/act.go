package act

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/uuid"
)

// Action says what a use case is: the right it needs and its words in the audit.
type Action struct {
	Name  string // "appointment.book"
	Scope scope.Scope
}

// Define names an action: the noun, a dot, the verb.
func Define(name string, s scope.Scope) Action { return Action{name, s} }

// entity is the noun of the action: "appointment".
func (d Action) entity() string {
	for i := range len(d.Name) {
		if d.Name[i] == '.' {
			return d.Name[:i]
		}
	}
	return d.Name
}

// Act is one use case inside its transaction: the Tx, who acts and when, and what
// the act has to say of itself when it succeeds.
type Act struct {
	Tx
	Action Action // what is done, as the audit names it
	Caller Caller
	Now    int64 // UTC seconds, one instant for the whole act

	EntityID  string   // audit: what was acted on
	PatientID int64    // audit: whose record it is
	Subject   string   // idempotency: the person in the reply
	Fields    []string // audit: the names of what changed
	Reason    string   // free text, stored outside the chain so that it can be erased
	Quiet     bool     // nothing changed: no event, no audit row
	Wakes     bool     // it left something for the webhook sender

	k      *Kernel
	events []Event
}

// NewID makes a UUIDv7 at the engine's clock.
func (w *Act) NewID() string { return uuid.New(w.k.Now()) }

// Do runs a write: rights, the stored reply of the idempotency key, the effects
// in a savepoint of their own, then events, audit and the reply's record, all in
// one transaction (CONTRIBUTING.md "One booking, as data"). A decided refusal
// rolls its effects back but is itself recorded, so that a retry hears it again
// (contract.md §6). Waking the sender comes after the commit.
func Do[W, R, T any](ctx context.Context, r Room[W, R], c Caller, d Action, fn func(w W) (T, error)) (T, error) {
	if err := r.Allow(c, d); err != nil {
		var none T
		return none, err
	}
	return run(ctx, r, c, d, fn)
}

// Operate is Do for what only the operator of the machine may do: making clinics
// and choosing their limits, for which no clinic's scopes are enough.
func Operate[W, R, T any](ctx context.Context, r Room[W, R], c Caller, d Action, fn func(w W) (T, error)) (T, error) {
	if !c.Operator() {
		var none T
		return none, ErrNotOperator
	}
	return run(ctx, r, c, d, fn)
}

func run[W, R, T any](ctx context.Context, r Room[W, R], c Caller, d Action, fn func(w W) (T, error)) (T, error) {
	var (
		k       = r.Kernel
		out     T
		verdict error
		woke    bool
		about   string // the id of what was acted on
	)
	err := k.store.Update(ctx, func(tx Tx) error {
		w := &Act{Tx: tx, k: k, Action: d, Caller: c, Now: k.Now().Unix()}
		replay, err := w.storedReply()
		if err != nil {
			return err
		}
		if replay != nil {
			k.stats.Replayed.Add(1)
			verdict = replay
			return nil
		}
		verdict = tx.Savepoint(func() (err error) {
			if out, err = fn(r.In(w)); err != nil {
				return err
			}
			if c.Rehearsal {
				return errRehearsed
			}
			return w.publish()
		})
		about = w.EntityID
		if verdict != nil && (c.Rehearsal || !fault.KindOf(verdict).Decided()) {
			return verdict
		}
		woke = verdict == nil && w.Wakes
		if err := w.record(verdict); err != nil {
			return err
		}
		return w.storeReply(out, verdict)
	})
	if err != nil {
		return out, k.AuditDenied(c, d, about, err)
	}
	if woke {
		k.opt.Nudge()
	}
	return out, verdict
}

// errRehearsed undoes an act that went well but was only tried.
var errRehearsed = errors.New("rehearsed")

// Read runs a question: rights, then fn on one snapshot.
func Read[W, R, T any](ctx context.Context, room Room[W, R], c Caller, d Action, fn func(r R) (T, error)) (T, error) {
	if err := room.Allow(c, d); err != nil {
		var none T
		return none, err
	}
	return View(ctx, room, fn)
}

// View asks without a right: for what no credential may be needed for, or before
// one is known.
func View[W, R, T any](ctx context.Context, room Room[W, R], fn func(r R) (T, error)) (out T, err error) {
	err = room.store.View(ctx, func(r Reader) (err error) {
		out, err = fn(r.(R))
		return err
	})
	return out, err
}

// Allow checks the right; a denial is a row in the audit.
func (k *Kernel) Allow(c Caller, d Action) error {
	if c.May(d.Scope) && c.Clinic != 0 {
		return nil
	}
	return k.AuditDenied(c, d, "", c.Lacks(d.Scope))
}

// AuditDenied puts a refusal for want of a right into the audit, wherever it was
// found out, and gives it back; any other error passes through. Nothing waits for
// the row: the act it tells of has left none.
func (k *Kernel) AuditDenied(c Caller, d Action, entityID string, err error) error {
	if why, ok := errors.AsType[*fault.Error](err); ok && why.Kind == fault.Forbidden {
		return k.auditRefusal(c, d, entityID, "", 0, why)
	}
	return err
}

// auditRefusal counts a refusal and puts it into the audit: id is of the thing that
// was asked for, patient whose it is, where they are known.
func (k *Kernel) auditRefusal(c Caller, d Action, entityID, id string, patient int64, why *fault.Error) error {
	k.stats.DeniedActs.Add(1)
	if c.Clinic == 0 {
		return why
	}
	entry := c.entry(d, k.Now().Unix())
	entry.EntityID, entry.PatientID, entry.Outcome = entityID, patient, Denied
	entry.Fields = []string{"error:" + string(why.Kind)}
	if why.Missing != scope.None {
		entry.Fields = []string{"scope:" + why.Missing.String()}
	}
	if id != "" {
		entry.Fields = append(entry.Fields, "id:"+id)
	}
	k.store.Enqueue(func(tx Tx) error { return appendAudit(tx, entry) })
	return why
}

// AuditRead puts a read of people's data into the audit, without making the reader wait.
func (k *Kernel) AuditRead(c Caller, d Action, entityID string, patient int64, fields ...string) {
	entry := c.entry(d, k.Now().Unix())
	entry.EntityID, entry.PatientID, entry.Fields = entityID, patient, fields
	k.store.Enqueue(func(tx Tx) error { return appendAudit(tx, entry) })
}

// storedReply finds the stored reply of the request's idempotency key.
func (w *Act) storedReply() (*Replay, error) {
	id := w.Caller.Idempotency
	if id == nil {
		return nil, nil
	}
	since := w.Now - int64(w.k.opt.ReplyTTL/time.Second)
	fingerprint, reply, found, err := w.StoredReply(w.Caller.Clinic, w.Caller.Name(), id.Key, since)
	if err != nil || !found {
		return nil, err
	}
	if fingerprint != id.Fingerprint {
		return nil, fault.Fail(fault.KeyReused, "This Idempotency-Key was used with another request; send a new key")
	}
	if len(reply.Body) == 0 && reply.Status != 204 { // emptied when the person was erased
		return nil, fault.Fail(fault.Gone,
			"This request was answered before; the answer was deleted when the person was erased")
	}
	return &Replay{reply}, nil
}

// storeReply stores the reply under the idempotency key, encoded by the face.
func (w *Act) storeReply(out any, verdict error) error {
	id := w.Caller.Idempotency
	if id == nil {
		return nil
	}
	if s, ok := out.(Secretive); ok {
		out = s.WithoutSecret()
	}
	reply := w.Caller.Encode(out, verdict)
	return w.StoreReply(w.Caller.Clinic, w.Caller.Name(), id.Key, id.Fingerprint, w.Subject, reply, w.Now)
}

// record writes the audit row of a success or of a decided refusal.
func (w *Act) record(verdict error) error {
	if w.Quiet && verdict == nil || w.Caller.Clinic == 0 { // a clinic that was not made has no chain
		return nil
	}
	entry := w.Caller.entry(w.Action, w.Now)
	entry.EntityID, entry.PatientID, entry.Fields = w.EntityID, w.PatientID, w.Fields
	if verdict != nil {
		entry.Outcome, entry.Fields = Failed, []string{"error:" + string(fault.KindOf(verdict))}
	}
	if w.Reason != "" && verdict == nil {
		mac := hmac.New(sha256.New, w.k.opt.Secret)
		mac.Write([]byte(w.Caller.RequestID + "\x00" + w.EntityID + "\x00" + w.Reason))
		entry.ReasonRef = hex.EncodeToString(mac.Sum(nil)[:16])
		if err := w.InsertReason(entry.ReasonRef, w.Caller.Clinic, w.PatientID, w.Reason); err != nil {
			return err
		}
	}
	return appendAudit(w.Tx, entry)
}

// Meta is what every row carries: its version (the ETag), the clinic's change
// number of its last write, and when and by whom it was made and last written.
type Meta struct {
	Version   int64
	Change    int64
	CreatedAt int64 // UTC seconds
	UpdatedAt int64
	CreatedBy string // Caller.Name
	UpdatedBy string
}

// Stamp takes the clinic's next change number and stamps a row with it.
func (w *Act) Stamp(m *Meta) error {
	counters, err := w.Counters(w.Caller.Clinic)
	if err != nil {
		return err
	}
	counters.Change++
	counters.Stamp = max(counters.Stamp, w.Now)
	if m.Version == 0 {
		m.CreatedAt, m.CreatedBy = w.Now, w.Caller.Name()
	}
	m.Version++
	m.Change, m.UpdatedAt, m.UpdatedBy = counters.Change, counters.Stamp, w.Caller.Name()
	return nil
}

// IDText is an id as the audit and lists spell it.
func IDText(id int64) string { return strconv.FormatInt(id, 10) }
