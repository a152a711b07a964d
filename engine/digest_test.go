package engine_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"qualifybase/engine/act"
	"qualifybase/engine/record"
)

// TestAuditDigestIsKnown: digests are kept for as long as the rows they prove. Each
// is the SHA-256 of the text beside it, so that a chain can be checked with other
// tools; if one changes, every database in the world fails its verification.
func TestAuditDigestIsKnown(t *testing.T) {
	t.Parallel()
	entry := act.AuditEntry{
		Clinic: 7, Seq: 42, At: 1777269600, ActorKind: act.ActorKey, ActorID: "01970000-0000-7000-8000-000000000001",
		ActorLabel: "qbk_live_8fJ2kQ0a", IP: "2001:db8::1", RequestID: "01970000-0000-7000-8000-000000000002",
		Action: "patient.update", Entity: "patient", EntityID: "9", PatientID: 9, Outcome: act.OK,
		ReasonRef: "5f2c", Fields: []string{"given_name", "é<&>"}, Respelled: true,
		PrevHash: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", Hash: "not part of it",
	}
	isKnown(t, entry.Digest(), "e1589b90c44e78e3bc57608b2106f6700df8ecdf40edacbadf85497e02ed4218",
		`{"seq":42,"at":1777269600,"actor_kind":"key","actor_id":"01970000-0000-7000-8000-000000000001",`+
			`"actor_label":"qbk_live_8fJ2kQ0a","ip":"2001:db8::1","request_id":"01970000-0000-7000-8000-000000000002",`+
			`"action":"patient.update","entity":"patient","entity_id":"9","patient_id":9,"outcome":"ok","reason_ref":"5f2c",`+
			`"fields":["given_name","é\u003c\u0026\u003e"],`+
			`"prev_hash":"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"}`)
	isKnown(t, act.AuditEntry{Seq: 1, Fields: []string{}}.Digest(),
		"b419bc200d910fc6710c074c49bd991119b518f51e05c88ef71ff3c02867d504",
		`{"seq":1,"at":0,"actor_kind":"","actor_id":"","actor_label":"","ip":"","request_id":"","action":"","entity":"",`+
			`"entity_id":"","patient_id":0,"outcome":"","reason_ref":"","fields":[],"prev_hash":""}`)
}

func TestNoteDigestIsKnown(t *testing.T) {
	t.Parallel()
	note := record.Note{
		ID: "01970000-0000-7000-8000-00000000000a", Row: "01970000-0000-7000-8000-00000000000b", N: 2,
		Supersedes: "01970000-0000-7000-8000-00000000000a", Clinic: 7, Test: true,
		ConsultationID: "01970000-0000-7000-8000-00000000000c", PatientID: 9, AuthorID: 3,
		AddendumTo: "01970000-0000-7000-8000-00000000000d",
		Subjective: "Cough since Friday", Objective: "Chest clear", Assessment: "Bronchitis", Plan: "Rest <& tea>",
		Codes: []record.Code{
			{System: "http://hl7.org/fhir/sid/icd-10", Code: "J20.9", Display: "Acute bronchitis"}, {Code: "x"},
		},
		Vitals: []record.Vital{
			{Code: "body_temperature", Value: 38.4, Unit: "Cel"}, {Code: "body_weight", Value: 80, Unit: "kg"},
		},
		Status: record.NoteAmended, SignedBy: 4, SignedAt: 1777269600, AmendReason: "Culture",
		ContentSHA256: "not part of it", Meta: act.Meta{Version: 3, Change: 12, CreatedAt: 1, UpdatedAt: 2},
	}
	isKnown(t, note.Digest("00ff"), "03cff67dcb35cceac380f09bbc6847a4df01ac6316a607146f72d213578afb13",
		`{"Note":"01970000-0000-7000-8000-00000000000a","Consultation":"01970000-0000-7000-8000-00000000000c",`+
			`"AddendumTo":"01970000-0000-7000-8000-00000000000d","N":2,"Author":3,"SignedBy":4,"SignedAt":1777269600,`+
			`"Subjective":"Cough since Friday","Objective":"Chest clear","Assessment":"Bronchitis",`+
			`"Plan":"Rest \u003c\u0026 tea\u003e",`+
			`"Codes":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"J20.9","display":"Acute bronchitis"},{"code":"x"}],`+
			`"Vitals":[{"code":"body_temperature","value":38.4,"unit":"Cel"},{"code":"body_weight","value":80,"unit":"kg"}],`+
			`"Status":"amended","Reason":"Culture","Before":"00ff"}`)
	isKnown(t, record.Note{Codes: []record.Code{}, Vitals: []record.Vital{}}.Digest(""),
		"a116aee05dc20112495ceb65a527ccc9564825f3cc8aaa8f56a3204a2dc682e1",
		`{"Note":"","Consultation":"","AddendumTo":"","N":0,"Author":0,"SignedBy":0,"SignedAt":0,`+
			`"Subjective":"","Objective":"",`+
			`"Assessment":"","Plan":"","Codes":[],"Vitals":[],"Status":"","Reason":"","Before":""}`)
}

// auditText is what the hash of an audit row covers, as encoding/json writes it.
type auditText struct {
	Seq        int64    `json:"seq"`
	At         int64    `json:"at"`
	ActorKind  string   `json:"actor_kind"`
	ActorID    string   `json:"actor_id"`
	ActorLabel string   `json:"actor_label"`
	IP         string   `json:"ip"`
	RequestID  string   `json:"request_id"`
	Action     string   `json:"action"`
	Entity     string   `json:"entity"`
	EntityID   string   `json:"entity_id"`
	PatientID  int64    `json:"patient_id"`
	Outcome    string   `json:"outcome"`
	ReasonRef  string   `json:"reason_ref"`
	Fields     []string `json:"fields"`
	PrevHash   string   `json:"prev_hash"`
}

func TestAuditDigestIsOfItsJSON(t *testing.T) {
	t.Parallel()
	rows := rapid.Make[auditText]()
	rapid.Check(t, func(t *rapid.T) {
		a := rows.Draw(t, "row")
		got := act.AuditEntry{
			Seq: a.Seq, At: a.At, ActorKind: act.ActorKind(a.ActorKind), ActorID: a.ActorID, ActorLabel: a.ActorLabel,
			IP: a.IP, RequestID: a.RequestID, Action: a.Action, Entity: a.Entity, EntityID: a.EntityID,
			PatientID: a.PatientID, Outcome: act.Outcome(a.Outcome), ReasonRef: a.ReasonRef, Fields: a.Fields,
			PrevHash: a.PrevHash,
		}.Digest()
		if want := hashOf(t, a); got != want {
			t.Fatalf("the digest of %+v is %s, want %s", a, got, want)
		}
	})
}

// noteText is what the hash of a note covers, as encoding/json writes it.
type noteText struct {
	Note, Consultation, AddendumTo          string
	N                                       int
	Author, SignedBy, SignedAt              int64
	Subjective, Objective, Assessment, Plan string
	Codes                                   []codeText
	Vitals                                  []vitalText
	Status, Reason, Before                  string
}

type codeText struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code"`
	Display string `json:"display,omitempty"`
}

type vitalText struct {
	Code  string  `json:"code"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

func TestNoteDigestIsOfItsJSON(t *testing.T) {
	t.Parallel()
	notes := rapid.Make[noteText]()
	rapid.Check(t, func(t *rapid.T) {
		n := notes.Draw(t, "note")
		note := record.Note{
			ID: n.Note, ConsultationID: n.Consultation, AddendumTo: n.AddendumTo, N: n.N, AuthorID: n.Author,
			SignedBy: n.SignedBy, SignedAt: n.SignedAt, Subjective: n.Subjective, Objective: n.Objective,
			Assessment: n.Assessment, Plan: n.Plan, Status: record.NoteStatus(n.Status), AmendReason: n.Reason,
		}
		if n.Codes != nil {
			note.Codes = []record.Code{}
		}
		for _, c := range n.Codes {
			note.Codes = append(note.Codes, record.Code(c))
		}
		if n.Vitals != nil {
			note.Vitals = []record.Vital{}
		}
		for _, v := range n.Vitals {
			note.Vitals = append(note.Vitals, record.Vital(v))
		}
		if got, want := note.Digest(n.Before), hashOf(t, n); got != want {
			t.Fatalf("the digest of %+v is %s, want %s", n, got, want)
		}
	})
}

func hashOf(t *rapid.T, v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// isKnown checks a digest against the answer, and the answer against its text.
func isKnown(t *testing.T, got, want, text string) {
	t.Helper()
	if sum := sha256.Sum256([]byte(text)); hex.EncodeToString(sum[:]) != want {
		t.Errorf("the text's own digest is %x, want %s", sum, want)
	}
	if got != want {
		t.Errorf("the digest is %s, want %s", got, want)
	}
}
