package cmd

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"net/http"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"

	"qualifybase/cmd/upkeep"
	"qualifybase/engine/act"
	"qualifybase/httpapi"
	"qualifybase/store"
)

// gauges are further lines of /metrics, of rooms that know their own figures.
type gauges func(m *metricsPage)

// metricsPage writes Prometheus' text format. Its values are counts, sizes and
// times; no label ever holds an id of a person or a text that a caller sent.
type metricsPage struct {
	w    *bufio.Writer
	last string // the family written last: its head stands once
}

// family begins a metric: its help and type.
func (m *metricsPage) family(name, kind, help string) {
	if m.last == name {
		return
	}
	m.last = name
	m.w.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

// value writes one sample; labels are name, value, name, value …
func (m *metricsPage) value(name string, v float64, labels ...string) {
	m.w.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		m.w.WriteByte("{,"[min(i, 1)])
		m.w.WriteString(labels[i] + `="` + labelEscaper.Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 1 {
		m.w.WriteByte('}')
	}
	m.w.WriteString(" " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
}

var labelEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// counter and gauge write a metric of one sample.
func (m *metricsPage) counter(name, help string, v float64, labels ...string) {
	m.family(name, "counter", help)
	m.value(name, v, labels...)
}

func (m *metricsPage) gauge(name, help string, v float64, labels ...string) {
	m.family(name, "gauge", help)
	m.value(name, v, labels...)
}

// histogram writes cumulative buckets from counts of their own; the last count
// is beyond all bounds.
func (m *metricsPage) histogram(name, help string, bounds []float64, counts []int64, sum float64, labels ...string) {
	m.family(name, "histogram", help)
	total := int64(0)
	for i, n := range counts {
		total += n
		bound := "+Inf"
		if i < len(bounds) {
			bound = strconv.FormatFloat(bounds[i], 'g', -1, 64)
		}
		m.value(name+"_bucket", float64(total), append(labels[:len(labels):len(labels)], "le", bound)...)
	}
	m.value(name+"_sum", sum, labels...)
	m.value(name+"_count", float64(total), labels...)
}

// writeMetrics writes everything that the process knows of itself.
func writeMetrics(w io.Writer, started time.Time, api httpapi.Stats, st store.Stats, e *act.Stats,
	more ...gauges) error {
	m := &metricsPage{w: bufio.NewWriter(w)}
	b := buildInfo()
	m.gauge("qb_build_info", "The version that runs; always 1.", 1, "version", b.Version, "revision",
		b.Revision, "go", b.Go)
	m.gauge("qb_start_time_seconds", "When the process started, Unix time.", float64(started.Unix()))
	m.requests(api)
	m.writer(st)
	m.counter("qb_bookings_total", "Appointments booked.", float64(e.Booked.Load()))
	m.counter("qb_booking_conflicts_total", "Bookings refused because the slot was taken.", float64(e.Refused.Load()))
	m.counter("qb_idempotent_replays_total", "Replies sent again for a known idempotency key.", float64(e.Replayed.Load()))
	m.counter("qb_denied_total", "Acts that lacked a right.", float64(e.DeniedActs.Load()))
	for _, g := range more {
		g(m)
	}
	m.process()
	return m.w.Flush()
}

// requests tells the API's side.
func (m *metricsPage) requests(api httpapi.Stats) {
	m.gauge("qb_http_requests_in_flight", "Requests being answered now.", float64(api.InFlight))
	for _, r := range api.Routes {
		codes := make([]int, 0, len(r.Status))
		for code := range r.Status {
			codes = append(codes, code)
		}
		sort.Ints(codes)
		for _, code := range codes {
			m.counter("qb_http_requests_total", "Requests answered, by route and status; status 0 is any other.",
				float64(r.Status[code]), "method", r.Method, "route", r.Route, "status", strconv.Itoa(code))
		}
	}
	bounds := make([]float64, len(httpapi.Buckets))
	for i, b := range httpapi.Buckets {
		bounds[i] = b.Seconds()
	}
	for _, r := range api.Routes {
		m.histogram("qb_http_request_seconds", "How long requests took.", bounds, r.Latency[:], r.Seconds, "method",
			r.Method, "route", r.Route)
	}
}

// writer tells the database's side.
func (m *metricsPage) writer(st store.Stats) {
	m.counter("qb_writer_commits_total", "Groups of writes committed.", float64(st.Commits))
	m.counter("qb_writer_failed_groups_total", "Groups rolled back as a whole: disk faults, another process.",
		float64(st.Failed))
	m.counter("qb_writer_members_total", "Writes run; divided by the commits, the size of a group.", float64(st.Members))
	m.counter("qb_writer_commit_seconds_total", "Time inside COMMIT: the disk's share.", st.CommitTime.Seconds())
	m.gauge("qb_writer_queue", "Writes that wait now.", float64(st.QueueDepth))
	m.gauge("qb_writer_later_queue", "Audit rows of reads that wait for the next commit.", float64(st.EnqueuedDepth))
	m.counter("qb_writer_later_lost_total", "Audit rows of reads that could not be saved.", float64(st.EnqueuedLost))
	m.gauge("qb_read_only", "1 after a disk fault stopped all writing until the restart.", oneIf(st.ReadOnly))
	bounds, counts := make([]float64, len(st.GroupSizes)), make([]int64, len(st.GroupSizes)+1)
	for i, g := range st.GroupSizes {
		bounds[i], counts[i] = float64(g.UpTo), g.Commits
	}
	m.histogram("qb_writer_group_size", "Members of a commit.", bounds, counts, float64(st.Members))
}

// backupGauges are the lines of backups and drills.
func backupGauges(f upkeep.Figures) gauges {
	return func(m *metricsPage) {
		if f.Backup != nil {
			m.gauge("qb_backup_last_success_timestamp_seconds", "When the last good backup was made, Unix time.",
				float64(f.Backup.At.Unix()))
			m.gauge("qb_backup_age_seconds", "How old it is.", f.Age.Seconds())
			m.gauge("qb_backup_bytes", "How large it is.", float64(f.Backup.Bytes))
			m.gauge("qb_backup_seconds", "How long it took, verification included.", f.Backup.Seconds)
		}
		m.gauge("qb_backup_failures", "Tries that failed since then.", float64(f.Failures))
		m.gauge("qb_backup_scheduled", "1 where the server makes backups by itself.", oneIf(f.Scheduled))
		if f.Drill != nil {
			m.gauge("qb_restore_drill_timestamp_seconds", "When a backup was last restored for a trial, Unix time.",
				float64(f.Drill.At.Unix()))
			m.gauge("qb_restore_drill_ok", "1 if that went well.", oneIf(f.Drill.OK))
			m.gauge("qb_restore_drill_seconds", "How long it took.", f.Drill.Seconds)
		}
		if f.FreeDisk >= 0 {
			m.gauge("qb_disk_free_bytes", "Room on the data directory's disk.", float64(f.FreeDisk))
		}
	}
}

// process tells what the runtime knows.
func (m *metricsPage) process() {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	m.gauge("go_goroutines", "Goroutines that exist.", float64(runtime.NumGoroutine()))
	m.gauge("go_memstats_heap_alloc_bytes", "Heap in use.", float64(mem.HeapAlloc))
	m.gauge("go_memstats_sys_bytes", "Memory taken from the system.", float64(mem.Sys))
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// requireToken lets a request pass with the token, compared in constant time; an
// empty token lets everybody pass, which is for a loopback listener of its own.
func requireToken(token string, h http.Handler) http.Handler {
	if token == "" {
		return h
	}
	want := sha256.Sum256([]byte("Bearer " + token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "metrics.token is needed as Bearer token", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// metrics answers with the page.
func (s *server) metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outbox := s.outbox(r.Context()) // before the first byte: it asks the database
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		more := []gauges{outbox}
		if s.scheduler != nil {
			more = append(more, backupGauges(s.scheduler.Figures()))
		}
		// A reader that went away is no fault of ours.
		_ = writeMetrics(w, s.began, s.api.Stats(), s.store.Stats(), s.engine.Stats(), more...)
	})
}

// metricsListener is /metrics on an address of its own, where one is configured.
func (s *server) metricsListener() []*listener {
	if s.l.Metrics.Listen == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", requireToken(s.l.Metrics.Token.Reveal(), s.metrics()))
	own := s.listener(mux)
	own.Addr = s.l.Metrics.Listen
	return []*listener{own}
}

// withMetrics puts /metrics before the API for whoever sends the token, where
// there is a token and no listener of its own.
func (s *server) withMetrics(api http.Handler) http.Handler {
	token := s.l.Metrics.Token.Reveal()
	if token == "" || s.l.Metrics.Listen != "" {
		return api
	}
	page := requireToken(token, s.metrics())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			page.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}
