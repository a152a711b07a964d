package record_test

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/record"
)

// modelNote is what a note must be, by the words of records.md §3.
type modelNote struct {
	id     string
	status record.NoteStatus
	plans  []string // of every version, oldest first
	etag   int64
}

// TestNotesAgainstAModel makes random acts on the notes of a consultation, which
// may end among them, and holds every answer and every version against the model.
func TestNotesAgainstAModel(t *testing.T) {
	v := enginetest.NewVisit(t)
	rapid.Check(t, func(r *rapid.T) {
		ctx := t.Context()
		con, err := v.Engine.StartConsultation(ctx, v.Caller, record.ConsultationDraft{PatientID: v.Ida.ID,
			ProviderID: v.Ada.ID})
		enginetest.Must(t, err)
		open, notes := true, []*modelNote{}
		expect := func(what string, err error, want fault.Kind) bool {
			if got := fault.KindOf(err); got != want {
				r.Fatalf("%s: %v, want %q", what, err, want)
			}
			return err == nil
		}
		for i := range rapid.IntRange(1, 12).Draw(r, "acts") {
			plan := "plan " + strconv.Itoa(i)
			act := rapid.SampledFrom([]string{"write", "write", "edit", "sign", "sign", "amend", "amend", "error",
				"end"}).Draw(r, "act")
			if act == "end" {
				_, err := v.Engine.EndConsultation(ctx, v.Caller, con.ID)
				expect("end", err, "")
				open = false
				continue
			}
			if act == "write" || len(notes) == 0 {
				n, err := v.Engine.WriteNote(ctx, v.Caller, con.ID, record.NoteDraft{Plan: &plan})
				if expect("write", err, map[bool]fault.Kind{true: "", false: fault.Conflict}[open]) {
					notes = append(notes, &modelNote{n.ID, record.NoteDrafted, []string{plan}, 1})
				}
				continue
			}
			m := rapid.SampledFrom(notes).Draw(r, "note")
			draft, signed := m.status == record.NoteDrafted, m.status == record.NoteSigned || m.status == record.NoteAmended
			switch act {
			case "edit":
				_, err := v.Engine.PatchNote(ctx, v.Caller, m.id, &m.etag, record.NoteDraft{Plan: &plan})
				want := fault.Kind("")
				if !draft {
					want = fault.InvalidTransition
				} else if !open {
					want = fault.Conflict
				}
				if expect("edit", err, want) {
					m.plans[0] = plan
					m.etag++
				}
			case "sign":
				_, err := v.Engine.SignNote(ctx, v.Caller, m.id, nil)
				if expect("sign", err, map[bool]fault.Kind{true: "", false: fault.InvalidTransition}[draft]) {
					m.status = record.NoteSigned
					m.etag++
				}
			case "amend":
				_, err := v.Engine.AmendNote(ctx, v.Caller, m.id, nil, record.NoteDraft{Plan: &plan, Reason: "because"})
				if expect("amend", err, map[bool]fault.Kind{true: "", false: fault.InvalidTransition}[signed]) {
					m.status, m.plans = record.NoteAmended, append(m.plans, plan)
					m.etag++
				}
			case "error":
				_, err := v.Engine.PatchNote(ctx, v.Caller, m.id, &m.etag, record.NoteDraft{Status: record.NoteInError})
				if expect("error", err, map[bool]fault.Kind{true: "", false: fault.InvalidTransition}[draft]) {
					m.status = record.NoteInError
					m.etag++
				}
			}
		}
		for _, m := range notes {
			versions, err := v.Engine.NoteVersions(ctx, v.Caller, m.id)
			enginetest.Must(t, err)
			last := versions[len(versions)-1]
			if len(versions) != len(m.plans) || last.Status != m.status || last.Version != m.etag {
				r.Fatalf("note is %s with %d versions, ETag %d; want %+v", last.Status, len(versions), last.Version, m)
			}
			before := ""
			for i, n := range versions {
				if n.Plan != m.plans[i] || n.Signed() && n.Digest(before) != n.ContentSHA256 {
					r.Fatalf("version %d says %q, want %q; or its hash is another", i+1, n.Plan, m.plans[i])
				}
				before = n.ContentSHA256
			}
		}
	})
}
