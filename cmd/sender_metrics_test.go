package cmd

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestWebhookMetrics: what was sent, what waits and what died is in /metrics.
func TestWebhookMetrics(t *testing.T) {
	c := startClinic(t, allowLoopback+"[metrics]\ntoken = \"a token of the tests\"\n")
	box := newInbox(t)
	c.hook(c.live, box.URL, "")
	blocked, _ := c.hook(c.live, "https://crm.example.com/", "")
	c.call(200, "PATCH", "/webhooks/"+blocked, c.live, `{"enabled":false}`)
	c.lead("Ada")
	box.next(c, 1)
	var page string
	c.until("the figures", func() bool {
		r, _ := http.NewRequest("GET", c.url+"/metrics", nil)
		r.Header.Set("Authorization", "Bearer a token of the tests")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		page = string(text)
		return strings.Contains(page, `qb_webhook_attempts_total{result="succeeded"} 1`)
	})
	for _, line := range []string{`qb_webhook_attempts_total{result="retry"} 0`,
		`qb_webhook_deliveries{state="pending"} 1`,
		`qb_webhook_deliveries{state="dead"} 0`, `qb_webhook_oldest_due_seconds 0`, `qb_webhook_in_flight 0`} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("no %s in\n%s", line, page)
		}
	}
}
