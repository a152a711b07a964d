package record

import (
	"crypto/sha256"
	"encoding/hex"

	"qualifybase/engine/act"
)

// Digest is the hash of a signed version: SHA-256, in hex, over the JSON of what
// was signed and the hash of the version before, so that a change to any version
// shows in it and in all that follow. A merge of patients changes none of it.
func (n Note) Digest(before string) string {
	sum := sha256.Sum256(act.Fact{}.
		Text("Note", n.ID).
		Text("Consultation", n.ConsultationID).
		Text("AddendumTo", n.AddendumTo).
		Int("N", int64(n.N)).
		Int("Author", n.AuthorID).
		Int("SignedBy", n.SignedBy).
		Int("SignedAt", n.SignedAt).
		Text("Subjective", n.Subjective).
		Text("Objective", n.Objective).
		Text("Assessment", n.Assessment).
		Text("Plan", n.Plan).
		Objects("Codes", facts(n.Codes, Code.fact)).
		Objects("Vitals", facts(n.Vitals, Vital.fact)).
		Text("Status", string(n.Status)).
		Text("Reason", n.AmendReason).
		Text("Before", before).
		JSON())
	return hex.EncodeToString(sum[:])
}

func (c Code) fact() act.Fact {
	return act.Fact{}.TextIf("system", c.System).Text("code", c.Code).TextIf("display", c.Display)
}

func (v Vital) fact() act.Fact {
	return act.Fact{}.Text("code", v.Code).Float("value", v.Value).Text("unit", v.Unit)
}

// facts tells a list; nil stays nil, for that is hashed as null.
func facts[T any](list []T, one func(T) act.Fact) []act.Fact {
	if list == nil {
		return nil
	}
	out := make([]act.Fact, len(list))
	for i, v := range list {
		out[i] = one(v)
	}
	return out
}
