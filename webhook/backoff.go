package webhook

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Backoff is the list of waiting times between the attempts of one delivery
// (webhooks.md "Outcome"): as many retries as it has steps.
type Backoff []time.Duration

// DefaultBackoff is 1, 2, 4, 8, 16 minutes: six requests at +0, 1, 3, 7, 15, 31.
var DefaultBackoff = Backoff{1 * time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute}

// NewBackoff makes a Backoff from the setting [webhooks] retry_minutes.
func NewBackoff(minutes []int) (Backoff, error) {
	if len(minutes) == 0 || len(minutes) > 20 {
		return nil, fmt.Errorf("[webhooks] retry_minutes: want 1 to 20 steps, got %d", len(minutes))
	}
	b := make(Backoff, len(minutes))
	for i, m := range minutes {
		if m < 1 || m > 7*24*60 {
			return nil, fmt.Errorf("[webhooks] retry_minutes[%d]: want 1 to 10080 minutes, got %d", i, m)
		}
		b[i] = time.Duration(m) * time.Minute
	}
	return b, nil
}

// Step is the planned wait after the given number of failures, from 1; the last
// step repeats.
func (b Backoff) Step(failures int) time.Duration {
	return b[min(max(failures, 1), len(b))-1]
}

// Next is the wait from the end of the failed attempt; failures counts that one.
// False means that it was the last. Jitter goes only upwards: u in [0,1) takes its
// share of min(10 %, 30 s). The receiver's Retry-After (0 = none) is honoured
// between once and twice the step.
func (b Backoff) Next(failures int, retryAfter time.Duration, u float64) (time.Duration, bool) {
	if failures > len(b) {
		return 0, false
	}
	step := b.Step(failures)
	jitter := time.Duration(u * float64(min(step/10, 30*time.Second)))
	return max(step+jitter, min(retryAfter, 2*step)), true
}

// retryAfter reads a Retry-After header, seconds or HTTP-date, as a wait from now;
// 0 when it is absent, past or unreadable.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if header == "" {
		return 0
	}
	if strings.Trim(header, "0123456789") == "" {
		n, err := strconv.ParseInt(header, 10, 64)
		if err != nil || n > int64(week/time.Second) {
			return week // absurd, and capped by twice the step anyway
		}
		return time.Duration(n) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), week)
}

const week = 7 * 24 * time.Hour
