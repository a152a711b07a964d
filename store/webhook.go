package store

import (
	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
)

func webhookColumns(c *columns, h *outbox.Webhook) {
	c.derived("n").int(&h.N)
	c.fixed("id").text(&h.ID)
	c.fixed("clinic").int(&h.Clinic)
	c.fixed("test").bool(&h.Test)
	c.column("url").text(&h.URL)
	c.column("events").json(&h.Events)
	c.column("description").text(&h.Description)
	c.column("payload").text((*string)(&h.Payload))
	c.fixed("flat").bool(&h.Flat)
	c.column("signature_header").text(&h.SignatureHeader)
	c.column("max_in_flight").small(&h.MaxInFlight)
	// Enabling forgets the run of failures.
	c.in(updated, "failing_since = CASE WHEN enabled < ? THEN NULL ELSE failing_since END").bool(&h.Enabled)
	c.in(updated, "failures = CASE WHEN enabled < ? THEN 0 ELSE failures END").bool(&h.Enabled)
	c.in(inserted, "failures").value(0)
	c.column("enabled").bool(&h.Enabled)
	c.column("disabled_reason").text(&h.DisabledReason)
	c.column("secret").secret(&h.Sealed)
	c.column("old_secret").secret(&h.OldSealed)
	c.column("old_until").intOrNull(&h.OldUntil)
	c.column("deleted_at").intOrNull(&h.DeletedAt)
	c.meta(&h.Meta)
}

var (
	webhookTable  = newTable("webhooks", "webhook", ofClinic+" AND deleted_at IS NULL", webhookColumns)
	selectWebhook = webhookTable.selects
)

func scanWebhook(r *row) (h outbox.Webhook) {
	webhookColumns(scanning(r), &h)
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

// InsertWebhook implements engine.Tx.
func (t *tx) InsertWebhook(h *outbox.Webhook) (err error) {
	t.w.subs[h.Clinic] = struct{}{}
	c := t.inserting()
	webhookColumns(c, h)
	h.N, err = t.insert(webhookTable, c)
	return err
}

// UpdateWebhook implements engine.Tx. Enabling forgets the run of failures.
func (t *tx) UpdateWebhook(h outbox.Webhook) error {
	t.w.subs[h.Clinic] = struct{}{}
	c := t.updating()
	webhookColumns(c, &h)
	return t.update(webhookTable, c, h.ID, h.Clinic)
}

// Reawaken implements engine.Tx: one statement over the endpoint's backlog.
func (t *tx) Reawaken(h outbox.Webhook, at, seconds int64) error {
	_, _, err := t.exec(`WITH waiting AS (
			SELECT n, row_number() OVER (ORDER BY seq, n) - 1 AS nth, count(*) OVER () AS all_of_them
			FROM deliveries WHERE webhook = ?1 AND ended_at IS NULL AND state = 'pending')
		UPDATE deliveries SET next_at = ?2 + waiting.nth * ?3 / waiting.all_of_them
		FROM waiting WHERE deliveries.n = waiting.n`,
		h.N, at, seconds)
	return err
}

// CancelWaiting implements engine.Tx.
func (t *tx) CancelWaiting(h outbox.Webhook, at int64, limit int) (int, error) {
	n, _, err := t.exec(`UPDATE deliveries SET state = 'cancelled', ended_at = ?2 WHERE n IN (
		SELECT n FROM deliveries WHERE webhook = ?1 AND ended_at IS NULL AND state = 'pending' LIMIT ?3+0)`, h.N, at, limit)
	return int(n), err
}
