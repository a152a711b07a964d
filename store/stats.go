package store

import (
	"sync/atomic"
	"time"
)

// groupSizes are the upper bounds of the histogram of members per commit.
var groupSizes = [...]int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}

// writerStats are what the writer has done since the start.
type writerStats struct {
	commits, failed, members atomic.Int64
	enqueued, lost, seconds  atomic.Int64 // seconds: nanoseconds inside COMMIT
	sizes                    [len(groupSizes)]atomic.Int64
}

// committed counts a COMMIT; one that failed is counted by abandon.
func (c *writerStats) committed(members int, took time.Duration, err error) {
	c.seconds.Add(int64(took))
	if err != nil {
		return
	}
	c.commits.Add(1)
	for i, bound := range groupSizes {
		if members <= bound {
			c.sizes[i].Add(1)
			return
		}
	}
}

// Stats are the writer's figures, for /metrics.
type Stats struct {
	Commits       int64         // groups committed
	Failed        int64         // groups rolled back as a whole
	Members       int64         // Updates run
	Enqueued      int64         // writes of Enqueue committed
	EnqueuedLost  int64         // writes of Enqueue that could not be saved
	QueueDepth    int           // Updates that wait now
	EnqueuedDepth int           // writes of Enqueue that wait now
	CommitTime    time.Duration // time inside COMMIT: the disk's share
	GroupSizes    []GroupSize   // histogram of members per commit, by ascending bound
	ReadOnly      bool          // a disk fault stopped all writing
}

// GroupSize counts the commits of at most UpTo members that no smaller bound counts.
type GroupSize struct {
	UpTo    int
	Commits int64
}

// Stats gives the writer's figures.
func (s *Store) Stats() Stats {
	c := &s.w.stats
	out := Stats{
		Commits: c.commits.Load(), Failed: c.failed.Load(), Members: c.members.Load(),
		Enqueued: c.enqueued.Load(), EnqueuedLost: c.lost.Load(), QueueDepth: len(s.w.queue),
		EnqueuedDepth: len(s.w.enqueued),
		CommitTime:    time.Duration(c.seconds.Load()), ReadOnly: s.w.failed.Load() != nil,
	}
	for i, bound := range groupSizes {
		out.GroupSizes = append(out.GroupSizes, GroupSize{bound, c.sizes[i].Load()})
	}
	return out
}
