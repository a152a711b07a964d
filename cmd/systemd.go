package cmd

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"qualifybase/engine/fault"
)

// notifySystemd sends a state to systemd; without one that listens it does nothing.
func (s *server) notifySystemd(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd could not be told", "state", state, "err", err)
	}
}

// watchdog tells systemd twice per interval that the database can be written.
// A disk fault that only a restart mends, or a writer that hangs, ends in one; a
// full disk does not, for reading goes on and a restart makes no room.
func (s *server) watchdog(ctx context.Context) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	tick := time.NewTicker(every / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.ready(); err != nil && fault.KindOf(err) != fault.StorageFull {
			s.log.Error("not ready: systemd is not told", "err", err)
			continue
		}
		s.notifySystemd(daemon.SdNotifyWatchdog)
	}
}
