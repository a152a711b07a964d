package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Outcome of an act in the audit.
type Outcome string

// The outcomes (records.md §5).
const (
	OK     Outcome = "ok"
	Denied Outcome = "denied" // the caller may not
	Failed Outcome = "failed" // a decided refusal: taken, closed, no such thing
)

// AuditEntry is one act or one read of patient data. It holds ids and names of
// fields, never a person's values (records.md §5).
type AuditEntry struct {
	Clinic     int64     `json:"-"`
	Seq        int64     `json:"seq"`
	At         int64     `json:"at"`
	ActorKind  ActorKind `json:"actor_kind"`
	ActorID    string    `json:"actor_id"`
	ActorLabel string    `json:"actor_label"`
	IP         string    `json:"ip"`
	RequestID  string    `json:"request_id"`
	Action     string    `json:"action"`
	Entity     string    `json:"entity"`
	EntityID   string    `json:"entity_id"`
	PatientID  int64     `json:"patient_id"`
	Outcome    Outcome   `json:"outcome"`
	ReasonRef  string    `json:"reason_ref"`
	Fields     []string  `json:"fields"`
	PrevHash   string    `json:"prev_hash"`
	Hash       string    `json:"-"`
}

// Digest is the entry's hash: SHA-256 over its JSON, which includes the hash of
// the entry before it, so that a change to any row breaks the chain from there on.
func (a AuditEntry) Digest() string {
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // strings and numbers only: cannot fail
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
