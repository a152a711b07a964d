package upkeep

import (
	"context"
	"log/slog"
	"time"

	"qualifybase/engine"
)

// housekeepingEvery is how long the housekeeping pauses.
const housekeepingEvery = 10 * time.Minute

// Housekeeping drops what has outlived its use until ctx ends, and marks the no-shows
// of days that are over, where a clinic wants that. A failure is told in the log and
// tried again at the next round: nothing waits for it.
func Housekeeping(ctx context.Context, e *engine.Engine, log *slog.Logger) {
	tick := time.NewTicker(housekeepingEvery)
	defer tick.Stop()
	for {
		tidy(ctx, e, log)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func tidy(ctx context.Context, e *engine.Engine, log *slog.Logger) {
	done, err := e.Tidy(ctx)
	outbox := 0
	if err == nil {
		outbox, err = e.TidyOutbox(ctx)
	}
	missed := 0
	if err == nil {
		missed, err = e.SweepNoShows(ctx)
	}
	if err != nil && ctx.Err() == nil {
		log.Error("housekeeping failed", "err", err)
	}
	if done.Replies+done.Holds+outbox+missed > 0 {
		log.Info("housekeeping", "replies", done.Replies, "holds", done.Holds, "deliveries", outbox, "no_shows", missed)
	}
}
