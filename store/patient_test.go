package store

import (
	"fmt"
	"strings"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
)

// Every column by which a row belongs to a patient is either moved by a merge or
// stays for a reason that is written down: a new one cannot be forgotten.
func TestMergesKnowEveryReference(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	c, err := dial(h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	known := map[string]bool{}
	for _, ref := range patientRefs {
		known[ref.table+"."+ref.column] = true
	}
	for ref := range notMoved {
		if known[ref] {
			t.Errorf("%s is moved and not moved", ref)
		}
		known[ref] = true
	}
	found := map[string]bool{}
	err = c.query(`SELECT t.name || '.' || k."from"
		FROM sqlite_schema t, pragma_foreign_key_list(t.name) k
		WHERE t.type = 'table' AND k."table" = 'patients'
		UNION SELECT t.name || '.' || i.name
		FROM sqlite_schema t, pragma_table_info(t.name) i
		WHERE t.type = 'table' AND i.name LIKE '%patient%id%'`,
		func(r *row) error { found[r.text()] = true; return nil })
	if err != nil || len(found) < 6 {
		t.Fatalf("found %v, %v", found, err)
	}
	for ref := range found {
		if !known[ref] {
			t.Errorf("%s names patients: say in patientRefs or notMoved what a merge does with it", ref)
		}
	}
	for ref := range known {
		if !found[ref] {
			t.Errorf("%s is not in the schema", ref)
		}
	}
	for _, ref := range patientRefs { // PointRow stamps them
		n, err := c.number("SELECT count(*) FROM pragma_table_info(?) WHERE name IN ('id', 'version', 'change', "+
			"'updated_at', 'updated_by')", ref.table)
		if err != nil || n != 5 {
			t.Errorf("%s has %d of the columns that a merge stamps, %v", ref.table, n, err)
		}
	}
}

// The questions of searches and duplicates are answered by indexes.
func TestPatientPlans(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	h.must(t, func(tx engine.Tx) error {
		for i := range 3000 {
			p := people.Patient{Clinic: h.clinic, MRN: fmt.Sprint("X-", i), GivenName: fmt.Sprint("Ada", i), FamilyName: "Byron",
				Sex: people.SexUnknown, Status: people.PatientActive, Meta: meta()}
			if err := tx.InsertPatient(&p); err != nil {
				return err
			}
		}
		return nil
	})
	c, err := dial(h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	t.Run("without statistics", func(t *testing.T) { patientPlans(t, h, c) })
	if err := c.script("ANALYZE"); err != nil {
		t.Fatal(err)
	}
	t.Run("with statistics", func(t *testing.T) { patientPlans(t, h, c) })
}

func patientPlans(t *testing.T, h *house, c *conn) {
	w := patientsWhere(people.PatientQuery{Clinic: h.clinic, Starts: []string{"n:ada1", "p:+49"}})
	for name, sql := range map[string]string{
		"search":  selectPatient + w.newestFirst(act.Position{}, int64(0), 50),
		"bucket":  "SELECT patient_id FROM patient_keys WHERE clinic = ? AND test = ? AND key = ? LIMIT ?+0",
		"given":   "SELECT patient_id FROM patient_keys WHERE clinic = ? AND test = ? AND key = ? AND given = ? LIMIT ?+0",
		"mrn":     selectPatient + " WHERE clinic = ? AND test = ? AND mrn_key = ?",
		"keys of": "SELECT key, given FROM patient_keys WHERE patient_id = ?",
		"losers": selectPatient +
			" WHERE merged_into = ? AND +clinic = ? ORDER BY (SELECT m.id FROM merges m WHERE m.loser_id = patients.id " +
			"AND m.unmerged_at IS NULL), id",
		"owned": "SELECT tbl, row_id FROM merged_rows WHERE patient_id = ? AND " + ownerHere + " ORDER BY tbl, row_id",
	} {
		var plan []string
		if err := c.query("EXPLAIN QUERY PLAN "+sql, func(r *row) error {
			r.skip()
			r.skip()
			r.skip()
			plan = append(plan, r.text())
			return nil
		}, make([]any, strings.Count(sql, "?"))...); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(plan, "; ")
		t.Log(name, text)
		if strings.Contains(text, "SCAN patients") || strings.Contains(text, "SCAN patient_keys") ||
			strings.Contains(text, "patients_list") || !strings.Contains(text, "SEARCH") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// No shell can delete a patient or an erasure.
func TestPatientsStay(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	c, err := dial(h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for sql, want := range map[string]string{
		"DELETE FROM patients":                                "only erased",
		"UPDATE patients SET status = 'merged'":               "CHECK",
		"UPDATE patients SET mrn = ''":                        "CHECK",
		"UPDATE patients SET status='merged', merged_into=id": "", // CHECK or circle
	} {
		if _, _, err := c.exec(sql); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// Asked for another clinic, a patient's merges, rows and drafts are not there.
func TestMergesAskForTheirClinic(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	foreign := h.clinic + 1
	h.must(t, func(tx engine.Tx) error {
		loser := people.Patient{Clinic: h.clinic, MRN: "P-2", GivenName: "Ada", FamilyName: "Byron", Sex: people.SexUnknown,
			Status: people.PatientMerged, MergedInto: h.patient, Meta: meta()}
		if err := tx.InsertPatient(&loser); err != nil {
			return err
		}
		m := people.Merge{ID: id(), Clinic: h.clinic, LoserID: loser.ID, SurvivorID: h.patient, Status: people.PatientActive,
			MergedAt: noon.Unix()}
		a, row := h.visit(h.providers[0], noon.Unix(), 30), people.RowRef{Table: "appointments"}
		row.ID = a.ID
		for _, err := range []error{tx.InsertMerge(m), tx.InsertAppointment(a), tx.OwnRow(row, loser.ID),
			tx.PointRow(foreign, row, loser.ID, 2, noon.Unix(), "x"), tx.DisownRows(foreign, loser.ID)} {
			if err != nil {
				return err
			}
		}
		if err := tx.CloseMerge(foreign, m.ID, noon.Unix(), "x"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("closing a foreign merge: %v", err)
		}
		for clinic, want := range map[int64]string{h.clinic: "1 1 1 1 true", foreign: "0 0 0 0 false"} {
			losers, _ := tx.Losers(clinic, h.patient)
			merges, _ := tx.MergesOf(clinic, h.patient)
			rows, _ := tx.RowsOfPatient(clinic, h.patient)
			owned, _ := tx.OwnedRows(clinic, loser.ID)
			_, err := tx.OpenMerge(clinic, loser.ID)
			if got := fmt.Sprint(len(losers), len(merges), len(rows), len(owned), err == nil); got != want {
				t.Errorf("clinic %d sees %s, want %s", clinic, got, want)
			}
		}
		return nil
	})
}
