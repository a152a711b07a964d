package cmd

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"qualifybase/engine/act"
	"qualifybase/httpapi"
	"qualifybase/store"
)

// The page is what a parser of another hand reads, with the numbers we put in.
func TestMetricsPage(t *testing.T) {
	api := httpapi.Stats{InFlight: 3, Routes: []httpapi.RouteStat{
		{Method: "GET", Route: "/api/v1/leads", Status: map[int]int64{200: 5, 401: 2}, Seconds: 0.5},
		{Method: "-", Route: "-", Status: map[int]int64{0: 1}},
	}}
	api.Routes[0].Latency[0], api.Routes[0].Latency[len(httpapi.Buckets)] = 6, 1
	st := store.Stats{Commits: 7, Members: 21, ReadOnly: true,
		GroupSizes: []store.GroupSize{{UpTo: 1, Commits: 3}, {UpTo: 2, Commits: 4}}}
	e := &act.Stats{}
	e.Booked.Add(9)
	var page bytes.Buffer
	if err := writeMetrics(&page, time.Unix(1_777_000_000, 0), api, st, e, func(m *metricsPage) {
		m.gauge("qb_odd", "A label of every kind.", 1, "text", "a\"b\\c\nd")
	}); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&page)
	if err != nil {
		t.Fatal(err)
	}
	if got := families["qb_http_request_seconds"].Metric[0].Histogram; got.GetSampleCount() != 7 ||
		got.GetSampleSum() != 0.5 ||
		got.Bucket[0].GetCumulativeCount() != 6 || got.Bucket[len(got.Bucket)-1].GetCumulativeCount() != 7 {
		t.Errorf("the histogram reads as %v", got)
	}
	if got := families["qb_http_requests_total"].Metric; len(got) != 3 || got[0].Counter.GetValue() != 5 {
		t.Errorf("the requests read as %v", got)
	}
	for name, want := range map[string]float64{"qb_read_only": 1, "qb_http_requests_in_flight": 3,
		"qb_start_time_seconds": 1_777_000_000} {
		if got := families[name].Metric[0].Gauge.GetValue(); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if got := families["qb_bookings_total"].Metric[0].Counter.GetValue(); got != 9 {
		t.Errorf("bookings are %v", got)
	}
	if got := families["qb_odd"].Metric[0].Label[0].GetValue(); got != "a\"b\\c\nd" {
		t.Errorf("the label reads as %q", got)
	}
}

func TestMetricsToken(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for _, test := range []struct {
		token, header string
		want          int
	}{
		{"", "", 200}, {"0123456789abcdef", "", 401}, {"0123456789abcdef", "Bearer 0123456789abcdeg", 401},
		{"0123456789abcdef", "0123456789abcdef", 401}, {"0123456789abcdef", "Bearer 0123456789abcdef", 200},
	} {
		r, w := httptest.NewRequest("GET", "/metrics", nil), httptest.NewRecorder()
		r.Header.Set("Authorization", test.header)
		requireToken(test.token, page).ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("token %q, header %q: %d, want %d", test.token, test.header, w.Code, test.want)
		}
	}
}

// Every metric that an alert asks for is one that the page can hold.
func TestAlertsNameRealMetrics(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, f := range files {
		if !strings.HasSuffix(f, "_test.go") {
			source.WriteString(readFile(t, f))
		}
	}
	for _, word := range strings.FieldsFunc(alertRules, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) {
		if strings.HasPrefix(word, "qb_") && !strings.Contains(source.String(), `"`+word+`"`) {
			t.Errorf("no page holds %s", word)
		}
	}
}

// systemd's own judge of exposure must find the unit well shut in.
func TestUnitIsHardened(t *testing.T) {
	judge, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here to judge the unit; .ci/run installs it")
	}
	for _, low := range []bool{false, true} {
		unit := filepath.Join(t.TempDir(), "qb.service")
		writeFile(t, unit, unitFor("/usr/bin/qb", "qb", low))
		out, err := exec.Command(judge, "security", "--offline=true", "--no-pager", "--threshold=20", unit).CombinedOutput()
		if err != nil {
			t.Errorf("low ports %v: %v\n%s", low, err, out)
		}
		if out, err := exec.Command(judge, "verify", "--man=no", unit).CombinedOutput(); err != nil &&
			!strings.Contains(string(out), "not executable") {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
