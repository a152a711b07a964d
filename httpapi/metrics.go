package httpapi

import (
	"sync/atomic"
	"time"
)

// Buckets are the upper bounds of the latency histogram.
var Buckets = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond,
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 5 * time.Second,
}

// codes are the statuses that are counted each on its own.
var codes = [...]int{200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422, 428, 429, 499, 500,
	503, 507}

func codeIndex(status int) int {
	for i, c := range codes {
		if c == status {
			return i
		}
	}
	return len(codes)
}

// stat counts a route's requests by status and by latency.
type stat struct {
	status  [len(codes) + 1]atomic.Int64   // the last is any other
	buckets [len(Buckets) + 1]atomic.Int64 // the last is beyond all
	nanos   atomic.Int64
}

func (s *stat) add(status int, took time.Duration) {
	s.status[codeIndex(status)].Add(1)
	s.nanos.Add(int64(took))
	i := 0
	for i < len(Buckets) && took > Buckets[i] {
		i++
	}
	s.buckets[i].Add(1)
}

// RouteStat is what happened on one route since the start.
type RouteStat struct {
	Method, Route string
	Status        map[int]int64           // requests by status; 0 = any other
	Latency       [len(Buckets) + 1]int64 // requests by bucket, not cumulative; the last is beyond all
	Seconds       float64                 // of all requests together
}

// Stats is what the server has counted since the start.
type Stats struct {
	InFlight int64
	Routes   []RouteStat // those that were called; the last may be "-", outside the route table
}

// Stats gives the counters for /metrics.
func (s *Server) Stats() Stats {
	out := Stats{InFlight: s.gate.InFlight()}
	for _, rt := range s.routes {
		out.Routes = rt.stat.collect(out.Routes, rt.Method, rt.pattern)
	}
	out.Routes = s.other.collect(out.Routes, "-", "-")
	return out
}

func (s *stat) collect(to []RouteStat, method, route string) []RouteStat {
	r := RouteStat{Method: method, Route: route, Status: map[int]int64{},
		Seconds: time.Duration(s.nanos.Load()).Seconds()}
	for i := range s.status {
		if n := s.status[i].Load(); n > 0 && i < len(codes) {
			r.Status[codes[i]] = n
		} else if n > 0 {
			r.Status[0] = n
		}
	}
	if len(r.Status) == 0 {
		return to
	}
	for i := range s.buckets {
		r.Latency[i] = s.buckets[i].Load()
	}
	return append(to, r)
}
