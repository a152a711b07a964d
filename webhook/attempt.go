package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"qualifybase/engine/outbox"
	"qualifybase/engine/panics"
)

// worker sends one delivery after the other and keeps its buffer.
type worker struct {
	*Sender
	buf [maxKept]byte
}

// work runs until the jobs end. ctx ends only at the end of a shutdown's patience.
func (s *Sender) work(ctx context.Context) {
	w := &worker{Sender: s}
	for j := range s.jobs {
		l := w.attempt(ctx, j)
		if !l.cut {
			s.stats.count(&l.Settlement)
		}
		s.done <- l // has room for everybody under way: never blocks
	}
}

// answer is what came back of one request.
type answer struct {
	status     int
	class      outbox.Class
	hint       string
	response   string
	retryAfter time.Duration
}

// attempt makes one attempt and says what became of the delivery. A panic inside
// ends the attempt, not the process.
func (w *worker) attempt(ctx context.Context, j *job) landing {
	start := time.Now()
	a := w.try(ctx, j, start)
	end := time.Now()
	o := outbox.Settlement{
		DeliveryID: j.ID, Row: j.Row, WebhookID: j.To.WebhookID, Attempt: j.Attempt,
		StartedAt: start.Unix(), MS: end.Sub(start).Milliseconds(),
		Status: a.status, Class: a.class, Hint: a.hint, Response: a.response,
		Disable: a.class == outbox.EndpointGone,
	}
	switch a.class {
	case "":
		o.Result = outbox.Delivered
	case outbox.Blocked: // repeating changes nothing; the operator must
		o.Result = outbox.Dead
	default:
		o.Result = outbox.Dead
		if wait, more := w.cfg.Backoff.Next(j.Failures()+1, a.retryAfter, w.cfg.Jitter()); more {
			o.Result, o.NextAt = outbox.Retry, ceilUnix(end.Add(wait))
		}
	}
	if o.Class != "" {
		w.cfg.Log.Debug("webhook attempt failed", "delivery", o.DeliveryID, "webhook", o.WebhookID,
			"attempt", o.Attempt, "class", o.Class, "result", o.Result)
	}
	return landing{end: j.end, Settlement: o, cut: a.class != "" && ctx.Err() != nil}
}

// try sends the request and reads the answer.
func (w *worker) try(ctx context.Context, j *job, now time.Time) (a answer) {
	defer func() {
		if r := recover(); r != nil {
			w.stats.panics.Add(1)
			w.cfg.Log.Error("webhook attempt panicked", "delivery", j.ID, "webhook", j.To.WebhookID,
				"what", panics.Describe(r), "stack", string(debug.Stack()))
			a = answer{class: outbox.InternalFault}
		}
	}()
	p := w.preparedFor(j.end, j.To, now.Unix())
	if p.class != "" {
		return answer{class: p.class, hint: p.hint}
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	res, err := w.cfg.Transport.RoundTrip(w.request(j, p, now.Unix()).WithContext(ctx))
	if err != nil {
		a.class, a.hint = classify(err)
		return a
	}
	a.status = res.StatusCode
	a.class = statusClass(a.status)
	if a.class != "" {
		a.retryAfter = retryAfter(res.Header.Get("Retry-After"), time.Now())
	}
	if a.status == http.StatusSwitchingProtocols {
		// Its body is the bare connection, which no deadline of the request ends: sixteen
		// of those would have stopped all webhooks until a restart.
		_ = res.Body.Close()
		return a
	}
	a.response = w.read(res.Body)
	return a
}

// request builds the POST: the frozen bytes, signed for this attempt.
func (w *worker) request(j *job, p *prepared, at int64) *http.Request {
	sig := p.signer.Sign(j.EventID, at, j.Body)
	v := []string{"application/json", w.agent, j.EventType, j.ID, sig.Hex, j.EventID, strconv.FormatInt(at, 10),
		sig.Standard}
	body := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(j.Body)), nil }
	first, _ := body()
	return &http.Request{
		Method: http.MethodPost,
		URL:    p.url,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type":           v[0:1:1],
			"User-Agent":             v[1:2:2],
			"X-QualifyBase-Event":    v[2:3:3],
			"X-QualifyBase-Delivery": v[3:4:4],
			p.header:                 v[4:5:5],
			"webhook-id":             v[5:6:6],
			"webhook-timestamp":      v[6:7:7],
			"webhook-signature":      v[7:8:8],
			// Present but empty, it is not sent: it lets the transport repeat the request
			// at once when a kept connection turns out to be closed. Receivers know
			// repetitions by webhook-id.
			"Idempotency-Key": nil,
		},
		Body:          first,
		GetBody:       body,
		ContentLength: int64(len(j.Body)),
	}
}

// read takes at most 64 KiB, so that the connection can be used again, and keeps
// 4 KiB. The status has decided already: an answer that breaks off changes nothing.
func (w *worker) read(body io.ReadCloser) string {
	defer body.Close()
	n, err := io.ReadFull(body, w.buf[:])
	if err == nil {
		_, _ = io.CopyN(io.Discard, body, maxRead-maxKept)
	}
	return cleanText(w.buf[:n], maxKept)
}

// cleanText makes third-party bytes valid UTF-8 without NUL, at most max bytes.
func cleanText(b []byte, max int) string {
	if len(b) <= max && utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 {
		return string(b)
	}
	s := strings.ReplaceAll(strings.ToValidUTF8(string(b), "\uFFFD"), "\x00", "\uFFFD")
	if len(s) > max {
		for s = s[:max]; !utf8.ValidString(s); { // a character cut in two
			s = s[:len(s)-1]
		}
	}
	return s
}

// statusClass is the table of webhooks.md "Outcome"; "" is success.
func statusClass(status int) outbox.Class {
	switch {
	case status >= 200 && status <= 299:
		return ""
	case status >= 300 && status <= 399:
		return outbox.Redirected
	case status == http.StatusGone:
		return outbox.EndpointGone
	}
	return outbox.BadStatus
}

// classify makes an error as coarse as the API may show it.
func classify(err error) (outbox.Class, string) {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return outbox.Blocked, r.Reason
	}
	if t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && t.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return outbox.TimedOut, ""
	}
	if hint, ok := tlsHint(err); ok {
		return outbox.TLSFailed, hint
	}
	return outbox.ConnectFailed, ""
}
