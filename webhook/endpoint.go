package webhook

import (
	"bytes"
	"errors"
	"net/url"
	"sync"

	"qualifybase/engine/fault"
	"qualifybase/engine/outbox"
	"qualifybase/engine/secret"
)

// endpoint is what the dispatcher remembers of a receiver while it is busy. The
// fields above mu belong to the dispatcher's goroutine.
type endpoint struct {
	id     string
	max    int    // its max_in_flight
	queue  []*job // claimed, oldest first
	flying int
	ahead  int  // how many more than it may send may be claimed
	ready  bool // stands in line
	sick   bool // its last answer never came, or never ended: one at a time until one does

	mu   sync.Mutex
	made *prepared
}

func (e *endpoint) limit() int {
	if e.sick {
		return 1
	}
	return e.max
}

// endpoint finds or makes the entry of a target and brings it up to date.
func (d *dispatcher) endpoint(t *outbox.Target) *endpoint {
	e := d.ends[t.WebhookID]
	if e == nil {
		e = &endpoint{id: t.WebhookID}
		d.ends[t.WebhookID] = e
	}
	e.max = min(max(1, t.MaxInFlight), maxPerEndpoint)
	return e
}

// forgetIdle forgets idle endpoints when there are many; they lose their pace alone.
func (d *dispatcher) forgetIdle() {
	if len(d.ends) <= mostClaimed {
		return
	}
	for id, e := range d.ends {
		if e.flying == 0 && len(e.queue) == 0 {
			delete(d.ends, id)
		}
	}
}

// prepared is everything about an endpoint that does not change from one delivery
// to the next: parsed, opened and checked once.
type prepared struct {
	target outbox.Target
	rotate bool // the old secret signs too
	url    *url.URL
	header string
	signer *Signer
	class  outbox.Class // why nothing may be sent; "" when it may
	hint   string
}

// preparedFor gives what is prepared for the endpoint, anew when the target changed
// or its rotation ended.
func (s *Sender) preparedFor(e *endpoint, t *outbox.Target, now int64) *prepared {
	rotate := len(t.OldSecret) > 0 && now < t.OldUntil
	e.mu.Lock()
	defer e.mu.Unlock()
	if p := e.made; p != nil && p.rotate == rotate && sameTarget(&p.target, t) {
		return p
	}
	e.made = s.prepare(t, rotate)
	return e.made
}

// sameTarget reports whether what is prepared for a serves b.
func sameTarget(a, b *outbox.Target) bool {
	return a == b || a.URL == b.URL && a.SignatureHeader == b.SignatureHeader &&
		bytes.Equal(a.Secret, b.Secret) && bytes.Equal(a.OldSecret, b.OldSecret)
}

func (s *Sender) prepare(t *outbox.Target, rotate bool) *prepared {
	p := &prepared{target: *t, rotate: rotate, header: t.SignatureHeader}
	if p.header == "" {
		p.header = DefaultSignatureHeader
	}
	if err := s.cfg.Policy.CheckURL(t.URL); err != nil {
		p.class, p.hint = outbox.Blocked, "the URL "+firstDetail(err)
		return p
	}
	u, err := url.Parse(t.URL)
	if err != nil {
		p.class, p.hint = outbox.Blocked, "the URL cannot be read"
		return p
	}
	p.url = u
	plain, err := s.cfg.Secrets.Open(t.Secret, secret.SealedFor(t.WebhookID))
	old := ""
	if err == nil && rotate {
		old, err = s.cfg.Secrets.Open(t.OldSecret, secret.SealedFor(t.WebhookID))
	}
	if err == nil {
		p.signer, err = NewSigner(plain, old)
	}
	if err != nil {
		p.class, p.hint = outbox.SecretUnreadable,
			"restore "+secret.SealKeyFile+" from the backup and restart, or rotate the secret"
	}
	return p
}

// firstDetail is the message of the first fault of a VALIDATION_ERROR.
func firstDetail(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok && len(e.Details) > 0 {
		return e.Details[0].Message
	}
	return "is refused"
}
