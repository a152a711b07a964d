package directory_test

import (
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/secret"
)

// A key without a limit of its own has its clinic's tier, from the next request
// on; a tier that the configuration no longer knows counts as none.
func TestTiers(t *testing.T) {
	t.Parallel()
	c := enginetest.NewWith(t, engine.Options{RatePerMinute: 77, Tiers: map[string]int{"pro": 600, "open": 0}})
	plain := enginetest.IssueKey(t, c, access.KeyDraft{Name: "plain", Family: secret.FamilyLive})
	own := enginetest.IssueKey(t, c, access.KeyDraft{Name: "own", Family: secret.FamilyLive, RatePerMinute: new(5)})
	rates := func(e *engine.Engine) (out [2]int) {
		for i, k := range []access.Key{plain, own} {
			id, err := e.AuthenticateKey(t.Context(), k.Secret)
			enginetest.Must(t, err)
			out[i] = id.PerMinute
		}
		return out
	}
	if got := rates(c.Engine); got != [2]int{77, 5} {
		t.Errorf("without a tier: %v", got)
	}
	for _, step := range []struct {
		tier string
		want [2]int
	}{{"pro", [2]int{600, 5}}, {"open", [2]int{0, 5}}, {"", [2]int{77, 5}}, {"pro", [2]int{600, 5}}} {
		c.Since(t)
		_, err := c.Engine.SetTier(t.Context(), c.Shell, step.tier)
		enginetest.Must(t, err)
		c.Left(t, "clinic.tier ok "+c.Row.ID+" tier")
		if got := rates(c.Engine); got != step.want {
			t.Errorf("tier %q: %v, want %v", step.tier, got, step.want)
		}
	}
	_, err := c.Engine.SetTier(t.Context(), c.Shell, "pro")
	enginetest.Must(t, err)
	c.Left(t) // nothing changed
	_, err = c.Engine.SetTier(t.Context(), c.Shell, "gold")
	enginetest.Refused(t, err, fault.Invalid, "tier")
	_, err = c.Engine.SetTier(t.Context(), c.Caller, "open")
	enginetest.Refused(t, err, fault.Forbidden)
	if got := rates(engine.New(c.Store, engine.Options{RatePerMinute: 77, Now: c.Clock.Now})); got != [2]int{77, 5} {
		t.Errorf("with a tier that is gone: %v", got)
	}
}
