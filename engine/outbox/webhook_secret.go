package outbox

import (
	"context"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
)

// The overlap of a rotation, in seconds (webhooks.md "Signing").
const (
	DefaultRotation = 24 * 60 * 60
	MaxRotation     = 7 * 24 * 60 * 60
)

// Rotation asks for a new secret.
type Rotation struct {
	Overlap *int64 // seconds in which both sign, 0 to MaxRotation; nil = a day
	Force   bool   // also inside the overlap of the last one, whose old secret then ends
}

// RotateSecret gives an endpoint a new secret, shown in this reply alone. Until
// the overlap ends every delivery is signed with the old one too, so that the
// receiver can change when it likes. Needs webhooks:manage.
//
// Errors: Invalid, NotFound, Conflict while a rotation is under way, unless forced.
func (e *Engine) RotateSecret(ctx context.Context, c act.Caller, id string, r Rotation) (Webhook, error) {
	return act.Do(ctx, e.Room, c, act.Define("webhook.rotate_secret", scope.WebhooksManage),
		func(w *Act) (Webhook, error) {
			overlap := int64(DefaultRotation)
			if r.Overlap != nil {
				overlap = *r.Overlap
			}
			if overlap < 0 || overlap > MaxRotation {
				return Webhook{}, fault.BadField("overlap_seconds", "Must be 0 to 604800 seconds")
			}
			h, err := w.ownWebhook(id, nil)
			if err != nil {
				return Webhook{}, err
			}
			if ends := h.RotationEndsAt(w.Now); ends != 0 && !r.Force {
				return Webhook{}, fault.Fail(fault.Conflict,
					"A rotation is under way until %s; finish it first, or send force: true, "+
						"which ends the secret that it replaces", calendar.UTC(ends))
			}
			h.OldSealed, h.OldUntil = nil, 0
			if overlap > 0 {
				h.OldSealed, h.OldUntil = h.Sealed, w.Now+overlap
			}
			if err := w.newSecret(&h); err != nil {
				return Webhook{}, err
			}
			w.Fields = []string{"secret"}
			err = w.saveWebhook(&h)
			return h, err
		})
}

// FinishRotation ends the overlap: from now on the new secret signs alone. Without
// a rotation it changes nothing. Needs webhooks:manage.
func (e *Engine) FinishRotation(ctx context.Context, c act.Caller, id string) (Webhook, error) {
	return act.Do(ctx, e.Room, c, act.Define("webhook.finish_rotation", scope.WebhooksManage),
		func(w *Act) (Webhook, error) {
			h, err := w.ownWebhook(id, nil)
			if err != nil {
				return Webhook{}, err
			}
			if w.Quiet = h.RotationEndsAt(w.Now) == 0; w.Quiet {
				return h, nil
			}
			h.OldSealed, h.OldUntil = nil, 0
			w.Fields = []string{"old_secret"}
			err = w.saveWebhook(&h)
			return h, err
		})
}
