package directory

import (
	"context"
	"slices"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
)

var clinicTier = act.Define("clinic.tier", scope.ProvidersWrite)

// SetTier gives a clinic one of the configured tiers, or with "" none. Only the
// shell may: a clinic does not choose its own limits. A tier that is later taken
// out of the configuration counts as none.
//
// Errors: Forbidden, Invalid (no such tier).
func (e *Engine) SetTier(ctx context.Context, c act.Caller, tier string) (Clinic, error) {
	if !c.Operator() {
		return Clinic{}, act.ErrNotOperator
	}
	if _, ok := e.opt.Tiers[tier]; tier != "" && !ok {
		known := make([]string, 0, len(e.opt.Tiers))
		for name := range e.opt.Tiers {
			known = append(known, name)
		}
		slices.Sort(known)
		return Clinic{}, fault.BadField("tier", "No such tier; the configuration has %s", strings.Join(known, ", "))
	}
	return manage(ctx, e, c, clinicTier, func(w *Act, _ *Plan) (Clinic, error) {
		row, err := w.Clinic(c.Clinic)
		if err != nil {
			return row, err
		}
		w.EntityID = row.ID
		if w.Quiet = row.Settings.Tier == tier; w.Quiet {
			return row, nil
		}
		m := act.Meta{Version: row.Version}
		if err := w.Stamp(&m); err != nil {
			return row, err
		}
		w.Fields = []string{"tier"}
		row.Settings.Tier, row.Version, row.UpdatedAt = tier, m.Version, m.UpdatedAt
		return row, w.UpdateClinic(row)
	})
}
