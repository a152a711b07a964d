package engine

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
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
	Action Action // what is done, as the audit names it
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
	if err := e.allow(c, d); err != nil {
		var none T
		return none, err
	}
	return run(ctx, e, c, d, fn)
}

// operate is act for what only the operator of the machine may do: making clinics
// and choosing their limits, for which no clinic's scopes are enough.
func operate[T any](ctx context.Context, e *Engine, c Caller, d Action, fn func(w *Act) (T, error)) (T, error) {
	if !c.Operator() {
		var none T
		return none, errNotOperator
	}
	return run(ctx, e, c, d, fn)
}

func run[T any](ctx context.Context, e *Engine, c Caller, d Action, fn func(w *Act) (T, error)) (T, error) {
	var (
		out     T
		verdict error
		woke    bool
		about   string // the id of what was acted on
	)
	err := e.store.Update(ctx, func(tx Tx) error {
		w := &Act{Tx: tx, e: e, Action: d, Caller: c, Now: e.now().Unix()}
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
		if err := w.record(verdict); err != nil {
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

// As is an act of another caller in the same transaction, for what the system does
// to many clinics at once.
func (w *Act) As(c Caller) *Act { return &Act{Tx: w.Tx, e: w.e, Caller: c, Now: w.Now} }

// Sub runs an act inside this one, as a row of an import is one: the effects of
// fn, its events and its row in the audit in a savepoint of their own. An error
// undoes them all and nothing else. fn may change own.Action, which names the act
// in the audit.
func (w *Act) Sub(d Action, fn func(own *Act) error) error {
	own := &Act{Tx: w.Tx, e: w.e, Action: d, Caller: w.Caller, Now: w.Now}
	err := w.Savepoint(func() error {
		if err := fn(own); err != nil {
			return err
		}
		if err := own.publish(); err != nil {
			return err
		}
		return own.record(nil)
	})
	w.Wakes = w.Wakes || err == nil && own.Wakes
	return err
}

// Also puts a row into the audit of another thing that this act has changed, such
// as the other patient of a merge.
func (w *Act) Also(d Action, entityID string, patient int64, fields []string) error {
	entry := w.Caller.entry(d, w.Now)
	entry.EntityID, entry.PatientID, entry.Fields = entityID, patient, fields
	return appendAudit(w.Tx, entry)
}

// batch runs fn in a transaction that is no act itself and has no row in the
// audit: what it does to a clinic's data it does in Subs.
func batch(ctx context.Context, e *Engine, c Caller, fn func(w *Act) error) error {
	woke := false
	err := e.store.Update(ctx, func(tx Tx) error {
		w := &Act{Tx: tx, e: e, Caller: c, Now: e.now().Unix()}
		err := fn(w)
		woke = err == nil && w.Wakes
		return err
	})
	if woke {
		e.opt.Nudge()
	}
	return err
}

// portions repeats a batch that does some of a long job, until it says that none
// is left or ctx ends, so that nobody waits for the whole.
func portions(ctx context.Context, e *Engine, c Caller, fn func(w *Act) (n int, more bool, err error)) (sum int, err error) {
	for more := true; more && ctx.Err() == nil; {
		n := 0
		err := batch(ctx, e, c, func(w *Act) (err error) {
			n, more, err = fn(w)
			return err
		})
		if err != nil {
			return sum, err
		}
		sum += n
	}
	return sum, ctx.Err()
}

// enqueue queues an act that nobody waits for; it rides the next group commit. An
// Action without a name leaves no row in the audit. An error is logged and
// undoes what fn did.
func (e *Engine) enqueue(c Caller, d Action, outcome Outcome, fn func(w *Act) error) {
	now := e.now().Unix()
	e.store.Enqueue(func(tx Tx) error {
		w := &Act{Tx: tx, e: e, Action: d, Caller: c, Now: now}
		if err := fn(w); err != nil || d.Name == "" {
			return err
		}
		entry := c.entry(d, now)
		entry.EntityID, entry.PatientID, entry.Fields, entry.Outcome = w.EntityID, w.PatientID, w.Fields, outcome
		return appendAudit(tx, entry)
	})
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
func (w *Act) record(verdict error) error {
	if w.Quiet && verdict == nil || w.Caller.Clinic == 0 { // a clinic that was not made has no chain
		return nil
	}
	entry := w.Caller.entry(w.Action, w.Now)
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
	counters, err := tx.Counters(entry.Clinic)
	if err != nil {
		return err
	}
	counters.Audit++
	entry.Seq, entry.PrevHash = counters.Audit, counters.AuditHash
	if entry.Fields == nil {
		entry.Fields = []string{}
	}
	entry.legible()
	entry.Hash = entry.Digest()
	counters.AuditHash = entry.Hash
	return tx.InsertAudit(entry)
}

// changed takes the clinic's next change number and stamps a row with it.
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

// happened notes a change's events, in the order of the table in event.go.
func (w *Act) Emit(what Change, fact any) error {
	data, err := json.Marshal(fact)
	if err != nil {
		return err
	}
	for _, typ := range what {
		w.events = append(w.events, Event{Clinic: w.Caller.Clinic, Type: typ, Test: w.Caller.Test, CreatedAt: w.Now, Data: data})
	}
	return nil
}

// EmitNow is Emit for an act that goes on with the event: it is written at once.
func (w *Act) EmitNow(what Change, fact any) (Event, error) {
	if err := w.Emit(what, fact); err != nil {
		return Event{}, err
	}
	last := w.events[len(w.events)-1:]
	err := w.publish()
	return last[0], err
}

// publish writes the noted events, each with its deliveries, in the transaction of
// the change.
func (w *Act) publish() error {
	if len(w.events) == 0 {
		return nil
	}
	counters, err := w.Counters(w.Caller.Clinic)
	if err != nil {
		return err
	}
	for i := range w.events {
		counters.Event++
		ev := &w.events[i]
		ev.Seq, ev.ID = counters.Event, "evt_"+NewID(w.e.now())
		if err := w.InsertEvent(*ev); err != nil {
			return err
		}
		if err := w.e.deliver(w, ev); err != nil {
			return err
		}
	}
	w.events = nil
	return nil
}

// read runs a question: rights, then fn on one snapshot.
func read[T any](ctx context.Context, e *Engine, c Caller, d Action, fn func(r Reader) (T, error)) (T, error) {
	if err := e.allow(c, d); err != nil {
		var none T
		return none, err
	}
	return view(ctx, e, fn)
}

// view asks without a right: for what no credential may be needed for, or before
// one is known.
func view[T any](ctx context.Context, e *Engine, fn func(r Reader) (T, error)) (out T, err error) {
	err = e.store.View(ctx, func(r Reader) (err error) {
		out, err = fn(r)
		return err
	})
	return out, err
}

// AuditRead puts a read of people's data into the audit, without making the reader wait.
func (e *Engine) AuditRead(c Caller, d Action, entityID string, patient int64, fields ...string) {
	entry := c.entry(d, e.now().Unix())
	entry.EntityID, entry.PatientID, entry.Fields = entityID, patient, fields
	e.store.Enqueue(func(tx Tx) error { return appendAudit(tx, entry) })
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

// Counters are the running numbers of a clinic: the last change, event seq, audit
// seq and medical record number given, and the hash of the last audit row. Stamp
// is the latest updated_at given: it never goes back, although clocks do, for a
// sync finds its first change number by it (contract.md §7).
type Counters struct {
	Change, Event, Audit, MRN int64
	Stamp                     int64
	AuditHash                 string
}

// idText is an id as the audit and lists spell it.
func idText(id int64) string { return strconv.FormatInt(id, 10) }

// TidyAtMost is how many rows one transaction of housekeeping drops at most, so
// that no booking waits for it.
const TidyAtMost = 500

// TidyReplies drops the kept replies of all clinics that are older than their 24
// hours (contract.md §6), and gives their number.
func (e *Engine) TidyReplies(ctx context.Context) (int, error) {
	return portions(ctx, e, System(0, "tidy"), func(w *Act) (n int, more bool, err error) {
		n, err = w.DropReplies(w.Now-int64(e.opt.ReplyTTL/time.Second), TidyAtMost)
		return n, n == TidyAtMost, err
	})
}
