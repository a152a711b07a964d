package cmd

import (
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"qualifybase/engine"
	"qualifybase/webhook"
)

// webhooks makes the sender on the server's store, and tells the engine how to
// judge URLs, keep secrets and wake it.
func (s *server) webhooks(o *engine.Options) (err error) {
	w := s.l.Webhooks
	if s.policy, err = webhook.NewPolicy(w.Allow); err != nil {
		return err
	}
	backoff, err := webhook.NewBackoff(w.RetryMinutes)
	if err != nil {
		return err
	}
	sealer, err := engine.OpenSealer(filepath.Dir(s.store.Path()))
	if err != nil {
		return err
	}
	s.sender = webhook.New(webhook.Config{
		Outbox: s.store, Secrets: sealer, Policy: s.policy, Backoff: backoff, InFlight: w.InFlight, Timeout: time.Duration(w.Timeout),
		Transport: s.policy.Transport(webhook.TransportOptions{Connect: time.Duration(w.ConnectTimeout)}),
		Version:   buildInfo().Version, Log: s.log,
	})
	o.CheckURL, o.Sealer, o.Nudge = s.policy.CheckURL, sealer, s.sender.Nudge
	s.store.OnForeignWrite(s.sender.Nudge) // the shell retries and tests deliveries too
	return nil
}

// own tells the policy where this server itself listens: no webhook may go there.
func (s *server) own(listeners ...net.Listener) {
	var list []netip.AddrPort
	for _, l := range listeners {
		if at, err := netip.ParseAddrPort(l.Addr().String()); err == nil {
			list = append(list, at)
		}
	}
	s.policy.SetOwn(list...)
}
