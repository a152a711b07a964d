package bench

import (
	"strings"
	"testing"
)

func TestOptionsCheck(t *testing.T) {
	good := Options{Seconds: 2, Rounds: 5, Connections: 64, Appointments: 100_000}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Options){
		"--seconds":     func(o *Options) { o.Seconds = 0 },
		"--rounds":      func(o *Options) { o.Rounds = 101 },
		"--connections": func(o *Options) { o.Connections = 257 },
		"--only takes bookings, availability, growth": func(o *Options) { o.Only = []string{"growth", "everything"} },
	} {
		bad := good
		change(&bad)
		if err := bad.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", bad, err, want)
		}
	}
}

// A figure is held against its bar from the side that the bar is on.
func TestPrint(t *testing.T) {
	var out strings.Builder
	if err := Print(&out, []Figure{
		{Name: "rate", Value: 1234.5, Unit: "/s", Detail: "8 connections"},
		{Name: "ratio", Value: 3.5, Unit: "x", Bar: 3.5, Against: "itself"},
		{Name: "low", Value: 3.4, Unit: "x", Bar: 3.5},
		{Name: "memory", Value: 21, Unit: "MiB", Bar: 20, AtMost: true},
	}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"FIGURE REACHED BAR AGAINST DETAIL", "rate 1234 /s 8 connections", "ratio 3.50 x ≥ 3.50 ok itself",
		"low 3.40 x ≥ 3.50 missed", "memory 21.00 MiB ≤ 20.00 missed",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
