package gate

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// log writes the access line: the route's pattern, never the path or the query,
// which may hold ids, names or a key sent where it should not be.
func (g *Gate) log(q *Request, took time.Duration) {
	level, ctx, to := slog.LevelInfo, context.Background(), g.o.Log.Handler()
	if q.Cause != nil && q.Status >= 500 {
		level = slog.LevelError
	}
	if !to.Enabled(ctx, level) {
		return
	}
	route := q.Route
	if route == "" {
		route = "-"
	}
	line := slog.NewRecord(time.Now(), level, "request",
		0) // no line number: finding it out would cost more than the rest
	line.AddAttrs(slog.String("method", Method(q.R.Method)), slog.String("route", route), slog.Int("status", q.Status),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("request_id", q.ID), slog.String("ip", q.IP))
	if q.Label != "" {
		line.AddAttrs(slog.String("key", q.Label))
	}
	if q.Cause != nil {
		line.AddAttrs(slog.String("cause", q.Cause.Error()))
	}
	_ = to.Handle(ctx, line) // as slog.Logger does: a log that cannot be written stops nobody
}

// Method is a request's method as logs may show it: a made-up one is free text.
func Method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete,
		http.MethodOptions:
		return m
	}
	return "other"
}
