package upkeep

import (
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"qualifybase/engine/outbox"
)

func TestDoctorOutbox(t *testing.T) {
	d := &doctor{now: time.Unix(1_800_000_000, 0)}
	d.deliveries(outbox.OutboxDepth{Pending: 7, Dead: 2, OldestDue: 1_800_000_000 - 7200})
	want := []CheckResult{
		{"webhooks", "warn", "7 deliveries wait; the oldest has been due for 2 hours",
			"is 'qb serve' running? The log says what hinders it"},
		{"webhooks", "warn", "2 dead letters", "'qb webhooks dead' lists them, 'qb webhooks retry' sends them again"},
	}
	if !slices.Equal(d.list, want) {
		t.Errorf("%+v", d.list)
	}
}

func TestZoneVersion(t *testing.T) {
	for want, dir := range map[string]fstest.MapFS{
		"2026a": {"tzdata.zi": {Data: []byte("# version 2026a\nR A 1\n")}},
		"2025b": {"+VERSION": {Data: []byte("2025b\n")}}, "": {},
	} {
		if got := zoneVersion(dir); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
