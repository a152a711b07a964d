package act

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
)

// Outcome of an act in the audit.
type Outcome string

// The outcomes (records.md §5).
const (
	OK     Outcome = "ok"
	Denied Outcome = "denied" // the caller may not
	Failed Outcome = "failed" // a decided refusal: taken, closed, no such thing
)

// Outcomes lists them.
var Outcomes = []Outcome{OK, Denied, Failed}

// Words lists the values as text.
func (Outcome) Words() []string { return text.Words(Outcomes) }

// AuditEntry is one act or one read of patient data. It holds ids and names of
// fields, never a person's values (records.md §5).
type AuditEntry struct {
	Clinic     int64
	Seq        int64
	At         int64
	ActorKind  ActorKind
	ActorID    string
	ActorLabel string
	IP         string
	RequestID  string
	Action     string
	Entity     string
	EntityID   string
	PatientID  int64
	Outcome    Outcome
	ReasonRef  string
	Fields     []string
	PrevHash   string
	Hash       string

	// Respelled tells of a stored row that reads as these values but is not written
	// as an entry is: other white space in fields, a 0 for no patient. The hash
	// covers values, so verifying asks for the spelling beside it.
	Respelled bool
}

// Digest is the entry's hash: SHA-256 over its JSON, which includes the hash of
// the entry before it, so that a change to any row breaks the chain from there on.
func (a AuditEntry) Digest() string {
	sum := sha256.Sum256(Fact{}.
		Int("seq", a.Seq).
		Int("at", a.At).
		Text("actor_kind", string(a.ActorKind)).
		Text("actor_id", a.ActorID).
		Text("actor_label", a.ActorLabel).
		Text("ip", a.IP).
		Text("request_id", a.RequestID).
		Text("action", a.Action).
		Text("entity", a.Entity).
		Text("entity_id", a.EntityID).
		Int("patient_id", a.PatientID).
		Text("outcome", string(a.Outcome)).
		Text("reason_ref", a.ReasonRef).
		Texts("fields", a.Fields).
		Text("prev_hash", a.PrevHash).
		JSON())
	return hex.EncodeToString(sum[:])
}

// AuditLog lists audit rows, newest first; the reading is itself a row. To in the
// query is exclusive. Needs audit:read.
func (k *Kernel) AuditLog(ctx context.Context, c Caller, q AuditQuery, p Page) (List[AuditEntry], error) {
	d := Action{"audit.list", scope.AuditRead}
	q.Clinic = c.Clinic
	if q.Outcome != "" && !slices.Contains(Outcomes, q.Outcome) {
		return List[AuditEntry]{}, fault.Fail(fault.Invalid, "Invalid query parameters").On("outcome", "Must be %s",
			text.Or(Outcomes))
	}
	list, err := Read(ctx, k.own(), c, d, func(r Reader) (List[AuditEntry], error) {
		return Listing[AuditEntry]{
			Order: SeqDown, Filter: FilterOf("audit", q),
			Place: func(a AuditEntry) Position {
				return Position{CreatedAt: a.At, ID: strconv.FormatInt(a.Seq, 10), Number: a.Seq}
			},
			Count: func() (int64, error) { return r.CountAudit(q) },
			Rows:  func(after Position, limit int) ([]AuditEntry, error) { return r.Audit(q, after, limit) },
		}.Page(p)
	})
	if err == nil {
		k.AuditRead(c, d, "", q.PatientID, ListFields(q.filters(), []string{}, func(s string) string { return s })...)
	}
	return list, err
}

// filters names those that are set.
func (q AuditQuery) filters() Filters {
	var filters Filters
	filters.Add("patient_id", q.PatientID != 0)
	filters.Add("entity", q.Entity != "")
	filters.Add("entity_id", q.EntityID != "")
	filters.Add("action", q.Action != "")
	filters.Add("outcome", q.Outcome != "")
	filters.Add("from", q.From != 0)
	filters.Add("to", q.To != 0)
	return filters
}

// AuditReport is what verifying a clinic's chain found.
type AuditReport struct {
	Rows   int64  // that were read, up to and including the broken one
	Broken int64  // seq of the first row that is missing or not as it was written; 0 = the chain is whole
	Reason string // in words, when broken
}

// auditPage is how many rows VerifyAudit reads on one snapshot.
const auditPage = 1000

// VerifyAudit recomputes a clinic's audit chain from its first row to the head
// that the database keeps apart from it: a missing row, a changed one, rows cut
// off or put at the end each end it. It is for the shell (`qb audit verify`), so
// it asks for no scope.
func (k *Kernel) VerifyAudit(ctx context.Context, clinic int64) (AuditReport, error) {
	var head Counters // first, so that rows written meanwhile only lie beyond it
	err := k.store.Update(ctx, func(tx Tx) error {
		h, err := tx.Counters(clinic)
		if err == nil {
			head = *h
		}
		return err
	})
	if err != nil {
		return AuditReport{}, err
	}
	return walkChain(head, func(after int64) (rows []AuditEntry, err error) {
		err = k.store.View(ctx, func(r Reader) error {
			rows, err = r.AuditChain(clinic, after, auditPage)
			return err
		})
		return rows, err
	})
}

// ChainReader reads audit chains on one snapshot of a database.
type ChainReader interface {
	AuditCounters(clinic int64) (Counters, error)                       // NotFound
	AuditChain(clinic, afterSeq int64, limit int) ([]AuditEntry, error) // oldest first
}

// CheckChain is VerifyAudit for a database that nobody serves: a backup, or a copy.
func CheckChain(r ChainReader, clinic int64) (AuditReport, error) {
	head, err := r.AuditCounters(clinic)
	if err != nil {
		return AuditReport{}, err
	}
	return walkChain(head, func(after int64) ([]AuditEntry, error) { return r.AuditChain(clinic, after, auditPage) })
}

// walkChain follows the rows from the first to the head.
func walkChain(head Counters, page func(after int64) ([]AuditEntry, error)) (AuditReport, error) {
	report, last := AuditReport{}, AuditEntry{}
	for {
		rows, err := page(last.Seq)
		if err != nil {
			return report, err
		}
		for _, row := range rows {
			report.Rows++
			if report.Broken, report.Reason = row.follows(last, head); report.Broken != 0 {
				return report, nil
			}
			last = row
		}
		if len(rows) < auditPage {
			break
		}
	}
	if last.Seq < head.Audit {
		report.Broken = last.Seq + 1
		report.Reason = fmt.Sprintf("the end is cut off: the last row is %d, but %d were written", last.Seq, head.Audit)
	}
	return report, nil
}

// legible makes every text valid UTF-8, as the digest's JSON shows it: two texts
// that differ only in broken bytes would have one hash.
func (a *AuditEntry) legible() {
	for _, text := range []*string{
		(*string)(&a.ActorKind), &a.ActorID, &a.ActorLabel, &a.IP, &a.RequestID, &a.Action, &a.Entity, &a.EntityID,
		&a.ReasonRef,
	} {
		*text = strings.ToValidUTF8(*text, "\uFFFD")
	}
	for i, f := range a.Fields {
		if !utf8.ValidString(f) {
			a.Fields = slices.Clone(a.Fields)
			a.Fields[i] = strings.ToValidUTF8(f, "\uFFFD")
		}
	}
}

// follows reports whether the row is the one that was written after last; the seq
// of the fault, or 0.
func (a AuditEntry) follows(last AuditEntry, head Counters) (broken int64, reason string) {
	switch {
	case a.Seq != last.Seq+1:
		return last.Seq + 1, fmt.Sprintf("row %d is missing: the next one is %d", last.Seq+1, a.Seq)
	case a.PrevHash != last.Hash:
		return a.Seq, fmt.Sprintf("row %d does not follow the row before it", a.Seq)
	case a.Hash != a.Digest() || a.Respelled:
		return a.Seq, fmt.Sprintf("row %d was changed: its hash does not fit", a.Seq)
	case a.Seq == head.Audit && a.Hash != head.AuditHash:
		return a.Seq, fmt.Sprintf("row %d is not the one that was written last", a.Seq)
	}
	return 0, ""
}

// AuditQuery asks for a list of audit rows; zero fields do not filter.
type AuditQuery struct {
	Clinic    int64
	PatientID int64 // acts on the patient's record, and the lists that showed the patient
	Entity    string
	EntityID  string
	Action    string
	Outcome   Outcome
	From, To  int64
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
