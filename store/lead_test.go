package store

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"qualifybase/engine"
)

// Looking for duplicates must not walk all people: an import asks for each row.
func TestLookUpsUseTheirIndexes(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "qb.db"), Options{})
	byExternal := selectLead + " WHERE clinic = ? AND test = ? AND external_id = ? AND source = 'api'"
	for sql, index := range map[string]string{
		leadsByEmail: "leads_email", leadsByPhone: "leads_phone", leadsByName: "leads_name", byExternal: "leads_external",
	} {
		err := engine.View(context.Background(), s, func(r engine.Reader) error {
			plan, err := list(r.(*reads), func(r *row) string { r.skip(); r.skip(); r.skip(); return r.text() },
				"EXPLAIN QUERY PLAN "+sql, 1, false, "x")
			if text := strings.Join(plan, "; "); err == nil && !strings.Contains(text, "USING INDEX "+index+" ") {
				t.Errorf("%s does %s, want the index %s", sql, text, index)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
