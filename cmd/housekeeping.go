package cmd

import (
	"context"
	"time"
)

// housekeepingEvery is how long the housekeeping pauses.
const housekeepingEvery = 10 * time.Minute

// housekeeping drops what has outlived its use while the server runs, and marks the
// no-shows of days that are over, where a clinic wants that. A failure is
// told in the log and tried again at the next round: nothing waits for it.
func (s *server) housekeeping(ctx context.Context) {
	tick := time.NewTicker(housekeepingEvery)
	defer tick.Stop()
	for {
		s.tidy(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *server) tidy(ctx context.Context) {
	done, err := s.engine.Tidy(ctx)
	outbox := 0
	if err == nil {
		outbox, err = s.engine.TidyOutbox(ctx)
	}
	missed := 0
	if err == nil {
		missed, err = s.engine.SweepNoShows(ctx)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("housekeeping failed", "err", err)
	}
	if done.Replies+done.Holds+outbox+missed > 0 {
		s.log.Info("housekeeping", "replies", done.Replies, "holds", done.Holds, "deliveries", outbox, "no_shows", missed)
	}
}
