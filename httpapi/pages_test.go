package httpapi

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestPages(t *testing.T) {
	t.Parallel()
	bothForms(t, func(w *world) {
		var made []string
		for i := range 7 {
			made = append(made, w.as("POST", "/leads", fmt.Sprintf(`{"external_id":"%d"}`, i)).id("data", "id"))
			w.now = w.now.Add(time.Duration(i%2) * time.Second) // some share a second
		}
		slices.Reverse(made)
		var seen []string
		cursor := ""
		for {
			r := w.as("GET", "/leads?limit=3"+cursor, "")
			for i := range r.get("data").([]any) {
				seen = append(seen, r.id("data", i, "id"))
			}
			r.has(200, "7", "pagination", "total_count")
			if !r.get("pagination", "has_more").(bool) {
				break
			}
			cursor = "&cursor=" + r.id("pagination", "next_cursor")
			w.as("POST", "/leads", `{"external_id":"later`+fmt.Sprint(len(seen))+`"}`) // written meanwhile: not in this walk
		}
		if !slices.Equal(seen, made) {
			w.Errorf("walked %v\nwant %v", seen, made)
		}
		w.as("GET", "/leads?source=api"+cursor, "").has(400, `"INVALID_CURSOR"`, "error", "code") // another filter
		w.as("GET", "/leads?limit=201", "").has(400, `"limit"`, "error", "details", 0, "field")
	})
}
