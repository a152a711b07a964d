package cmd

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/secret"
	"qualifybase/webhook"
)

// startEngine makes the engine on the server's store, and the sender of webhooks
// that it judges URLs by, keeps secrets for and wakes.
func (s *server) startEngine(o engine.Options) (err error) {
	w := s.l.Webhooks
	if s.policy, err = webhook.NewPolicy(w.Allow); err != nil {
		return err
	}
	backoff, err := webhook.NewBackoff(w.RetryMinutes)
	if err != nil {
		return err
	}
	sealer, err := secret.OpenSealer(filepath.Dir(s.store.Path()))
	if err != nil {
		return err
	}
	o.CheckURL, o.Sealer, o.Nudge = s.policy.CheckURL, sealer, func() { s.sender.Nudge() }
	s.engine = engine.New(s.store, o)
	s.sender = webhook.New(webhook.Config{
		Outbox: s.engine, Secrets: sealer, Policy: s.policy, Backoff: backoff, InFlight: w.InFlight,
		Timeout:   time.Duration(w.Timeout),
		Transport: s.policy.Transport(webhook.TransportOptions{Connect: time.Duration(w.ConnectTimeout)}),
		Version:   buildInfo().Version, Log: s.log,
	})
	s.store.OnExternalWrite(s.sender.Nudge) // the shell retries and tests deliveries too
	return nil
}

// setOwnAddresses tells the policy where this server itself listens: no webhook may go there.
func (s *server) setOwnAddresses(listeners ...net.Listener) {
	var list []netip.AddrPort
	for _, l := range listeners {
		if at, err := netip.ParseAddrPort(l.Addr().String()); err == nil {
			list = append(list, at)
		}
	}
	s.policy.SetOwn(list...)
}

// outbox are the figures of the webhooks: the sender's since the start, and how
// full the outbox is now. Without the latter something is wrong with the database,
// which other figures tell.
func (s *server) outbox(ctx context.Context) gauges {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	depth, err := s.engine.OutboxDepth(ctx)
	st, now := s.sender.Stats(), s.engine.Now().Unix()
	return func(m *metricsPage) {
		const attempts, help = "qb_webhook_attempts_total", "Webhook attempts by what became of the delivery."
		m.counter(attempts, help, float64(st.Succeeded), "result", "succeeded")
		m.counter(attempts, help, float64(st.Retried), "result", "retry")
		m.counter(attempts, help, float64(st.Dead), "result", "dead")
		const failures, why = "qb_webhook_failures_total", "Webhook attempts that failed for these reasons."
		m.counter(failures, why, float64(st.TimedOut), "class", "timeout")
		m.counter(failures, why, float64(st.Blocked), "class", "blocked")
		m.counter(failures, why, float64(st.Gone), "class", "gone")
		m.counter(failures, why, float64(st.Panics), "class", "internal")
		m.gauge("qb_webhook_in_flight", "Webhook attempts under way.", float64(st.InFlight))
		if err != nil {
			return
		}
		const queue, what = "qb_webhook_deliveries", "Deliveries by state: pending is the queue's depth, dead the dead " +
			"letters."
		m.gauge(queue, what, float64(depth.Pending), "state", "pending")
		m.gauge(queue, what, float64(depth.Sending), "state", "sending")
		m.gauge(queue, what, float64(depth.Dead), "state", "dead")
		oldest := int64(0)
		if depth.OldestDue != 0 {
			oldest = max(0, now-depth.OldestDue)
		}
		m.gauge("qb_webhook_oldest_due_seconds", "How long the oldest due delivery of an enabled webhook waits.",
			float64(oldest))
	}
}
