package store

import (
	"encoding/json"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
)

const selectWebhook = `SELECT n, id, clinic, test, url, events, description, payload, flat, signature_header, max_in_flight,
	enabled, disabled_reason, secret, old_secret, old_until, deleted_at,
	version, change, created_at, updated_at, created_by, updated_by FROM webhooks`

func scanWebhook(r *row) outbox.Webhook {
	h := outbox.Webhook{N: r.int(), ID: r.text(), Clinic: r.int(), Test: r.bool(), URL: r.text()}
	r.json(&h.Events)
	h.Description, h.Payload, h.Flat, h.SignatureHeader = r.text(), outbox.Payload(r.text()), r.bool(), r.text()
	h.MaxInFlight, h.Enabled, h.DisabledReason = r.small(), r.bool(), r.text()
	h.Sealed, h.OldSealed = r.secret(), r.secret()
	h.OldUntil, h.DeletedAt, h.Meta = r.int(), r.int(), r.meta()
	return h
}

// secret reads a sealed BLOB; NULL is nil.
func (r *row) secret() []byte {
	if r.null() {
		r.skip()
		return nil
	}
	return r.blob()
}

// Subscriptions implements engine.Reader, from memory. In a group that wrote the
// clinic's webhooks it asks the file.
func (r *reads) Subscriptions(clinic int64) (*outbox.Subscriptions, error) {
	if r.ended {
		return nil, errEnded
	}
	if r.tx != nil {
		if _, wrote := r.tx.w.subs[clinic]; wrote {
			return r.subscriptionsInFile(clinic)
		}
	}
	if s, ok := r.s.mem.subs.Load(clinic); ok {
		return s.(*outbox.Subscriptions), nil
	}
	var subs *outbox.Subscriptions
	err := r.s.fresh(func(f *reads) (err error) {
		gen := r.s.mem.generation()
		if subs, err = f.subscriptionsInFile(clinic); err == nil {
			r.s.mem.install(gen, &r.s.mem.subs, clinic, subs)
		}
		return err
	})
	if r.tx != nil && fault.KindOf(err) == fault.NotFound { // the clinic was made in this group
		return r.subscriptionsInFile(clinic)
	}
	return subs, err
}

func (r *reads) subscriptionsInFile(clinic int64) (*outbox.Subscriptions, error) {
	c, err := r.Clinic(clinic)
	if err != nil {
		return nil, err
	}
	hooks, err := list(r, scanWebhook,
		selectWebhook+" WHERE clinic = ? AND test IN (0, 1) AND deleted_at IS NULL ORDER BY id", clinic)
	return &outbox.Subscriptions{ClinicID: c.ID, Webhooks: hooks}, err
}

// Webhook implements engine.Reader.
func (r *reads) Webhook(clinic int64, test bool, id string) (outbox.Webhook, error) {
	return one(r, "webhook", scanWebhook, selectWebhook+" WHERE id = ? AND clinic = ? AND test = ? AND deleted_at IS NULL",
		id, clinic, test)
}

// Webhooks implements engine.Reader.
func (r *reads) Webhooks(clinic int64, test bool, after act.Position, limit int) ([]outbox.Webhook, error) {
	w := newWhere("clinic = ? AND test = ? AND deleted_at IS NULL", clinic, test)
	text := selectWebhook + w.newestFirst(after, after.ID, limit)
	return list(r, scanWebhook, text, w.args...)
}

// CountWebhooks implements engine.Reader.
func (r *reads) CountWebhooks(clinic int64) (int64, error) {
	return r.number("SELECT count(*) FROM webhooks WHERE clinic = ? AND test IN (0, 1) AND deleted_at IS NULL", clinic)
}

// bytesOrNull binds nil as NULL.
func bytesOrNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// InsertWebhook implements engine.Tx.
func (t *tx) InsertWebhook(h *outbox.Webhook) error {
	events, err := json.Marshal(h.Events)
	if err != nil {
		return err
	}
	t.w.subs[h.Clinic] = struct{}{}
	_, h.N, err = t.exec(`INSERT INTO webhooks (id, clinic, test, url, events, description, payload, flat, signature_header, max_in_flight,
		enabled, disabled_reason, secret, old_secret, old_until, failures, version, change, created_at, updated_at, created_by, updated_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)`,
		h.ID, h.Clinic, h.Test, h.URL, string(events), h.Description, string(h.Payload), h.Flat, h.SignatureHeader,
		h.MaxInFlight,
		h.Enabled, h.DisabledReason, bytesOrNull(h.Sealed), bytesOrNull(h.OldSealed), intOrNull(h.OldUntil),
		h.Version, h.Change, h.CreatedAt, h.UpdatedAt, h.CreatedBy, h.UpdatedBy)
	return err
}

// UpdateWebhook implements engine.Tx. Enabling forgets the run of failures.
func (t *tx) UpdateWebhook(h outbox.Webhook) error {
	events, err := json.Marshal(h.Events)
	if err != nil {
		return err
	}
	t.w.subs[h.Clinic] = struct{}{}
	return t.change("webhook", `UPDATE webhooks SET url = ?1, events = ?2, description = ?3, payload = ?4, signature_header = ?5,
		max_in_flight = ?6, failing_since = CASE WHEN enabled < ?7 THEN NULL ELSE failing_since END,
		failures = CASE WHEN enabled < ?7 THEN 0 ELSE failures END, enabled = ?7, disabled_reason = ?8,
		secret = ?9, old_secret = ?10, old_until = ?11, deleted_at = ?12, version = ?13, change = ?14, updated_at = ?15, updated_by = ?16
		WHERE id = ?17 AND clinic = ?18 AND deleted_at IS NULL`,
		h.URL, string(events), h.Description, string(h.Payload), h.SignatureHeader, h.MaxInFlight, h.Enabled,
		h.DisabledReason,
		bytesOrNull(h.Sealed), bytesOrNull(h.OldSealed), intOrNull(h.OldUntil), intOrNull(h.DeletedAt),
		h.Version, h.Change, h.UpdatedAt, h.UpdatedBy, h.ID, h.Clinic)
}

// Reawaken implements engine.Tx: one statement over the endpoint's backlog.
func (t *tx) Reawaken(h outbox.Webhook, at, seconds int64) error {
	_, _, err := t.exec(`WITH waiting AS (
			SELECT n, row_number() OVER (ORDER BY seq, n) - 1 AS nth, count(*) OVER () AS all_of_them
			FROM deliveries WHERE webhook = ?1 AND ended_at IS NULL AND state = 'pending')
		UPDATE deliveries SET next_at = ?2 + waiting.nth * ?3 / waiting.all_of_them FROM waiting WHERE deliveries.n = waiting.n`,
		h.N, at, seconds)
	return err
}

// CancelWaiting implements engine.Tx.
func (t *tx) CancelWaiting(h outbox.Webhook, at int64, limit int) (int, error) {
	n, _, err := t.exec(`UPDATE deliveries SET state = 'cancelled', ended_at = ?2 WHERE n IN (
		SELECT n FROM deliveries WHERE webhook = ?1 AND ended_at IS NULL AND state = 'pending' LIMIT ?3+0)`, h.N, at, limit)
	return int(n), err
}
