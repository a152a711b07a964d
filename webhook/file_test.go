package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/directory"
	"qualifybase/engine/outbox"
	"qualifybase/engine/secret"
	"qualifybase/engine/uuid"
	"qualifybase/store"
	"qualifybase/store/storetest"
)

// file is the outbox of a real database with one clinic, filled past the engine.
type file struct {
	*store.Store
	*engine.Engine
	t      testing.TB
	clinic int64
	seq    int64
	hooks  map[string]outbox.Webhook
	dues   map[string]string // delivery id → webhook id
}

func newFile(t testing.TB) *file {
	st := storetest.OpenWith(t, filepath.Join(t.TempDir(), "qb.db"), store.Options{Synchronous: "NORMAL"})
	f := &file{Store: st, Engine: engine.New(st, engine.Options{}), t: t,
		hooks: map[string]outbox.Webhook{}, dues: map[string]string{}}
	f.write(func(tx engine.Tx) error {
		c := directory.Clinic{ID: uuid.New(time.Now()), Slug: "praxis", Name: "Praxis", TimeZone: "Europe/Berlin",
			Country: "DE", Version: 1}
		err := tx.InsertClinic(&c)
		f.clinic = c.N
		return err
	})
	return f
}

func (f *file) write(fn func(engine.Tx) error) {
	f.t.Helper()
	if err := engine.Update(context.Background(), f, fn); err != nil {
		f.t.Fatal(err)
	}
}

// hook stores a target as an endpoint.
func (f *file) hook(to *outbox.Target) {
	h := outbox.Webhook{ID: to.WebhookID, Clinic: f.clinic, URL: to.URL, Events: []string{"*"}, Payload: outbox.Thin,
		Sealed:          to.Secret,
		SignatureHeader: DefaultSignatureHeader, MaxInFlight: to.MaxInFlight, Enabled: true,
		Meta: act.Meta{Version: 1, CreatedBy: "t", UpdatedBy: "t"}}
	f.write(func(tx engine.Tx) error { return tx.InsertWebhook(&h) })
	f.hooks[h.ID] = h
}

// add makes one event and its delivery, as memory.add does.
func (f *file) add(id string, at int64, to *outbox.Target) {
	f.seq++
	h := f.hooks[to.WebhookID]
	f.dues[id] = h.ID
	f.write(func(tx engine.Tx) error {
		ev := act.Event{Clinic: f.clinic, Seq: f.seq, ID: "evt_" + id, Type: "appointment.created", CreatedAt: 1,
			Data: json.RawMessage(`{}`)}
		if err := tx.InsertEvent(ev); err != nil {
			return err
		}
		return tx.InsertDelivery(outbox.DeliveryEntry{ID: id, Clinic: f.clinic, Webhook: h.N, Seq: f.seq,
			State: outbox.Pending,
			Cause: "event", NextAt: at, CreatedAt: 1}, []byte(`{"id":"evt_`+id+`"}`))
	})
}

// row is a delivery with its log.
func (f *file) row(id string) (d outbox.DeliveryEntry) {
	f.t.Helper()
	err := engine.View(context.Background(), f, func(r engine.Reader) (err error) {
		if d, err = r.Delivery(f.clinic, false, id); err == nil {
			d.Log, err = r.Attempts(d.N)
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return d
}

// same compares what both outboxes hold.
func (f *file) same(t interface{ Fatalf(string, ...any) }, m *memory) {
	for id, want := range m.rows {
		got := f.row(id)
		if string(got.State) != want.state || got.Attempts != want.attempts || got.Interrupted != want.stopped ||
			(want.state == "pending" || want.state == "sending") && got.NextAt != want.nextAt {
			t.Fatalf("%s is %s, %d attempts, %d interrupted, due %d; want %s, %d, %d, %d",
				id, got.State, got.Attempts, got.Interrupted, got.NextAt, want.state, want.attempts, want.stopped,
				want.nextAt)
		}
		logged := 0
		for _, a := range got.Log {
			if a.Error != string(outbox.Interrupted) {
				logged++
			}
		}
		if n := len(slices.DeleteFunc(slices.Clone(m.log),
			func(o outbox.Settlement) bool { return o.DeliveryID != id })); n != logged {
			t.Fatalf("%s has %d attempts in its log, want %d", id, logged, n)
		}
	}
	for id, h := range f.hooks {
		enabled := false
		_ = engine.View(context.Background(), f, func(r engine.Reader) error {
			got, err := r.Webhook(f.clinic, false, h.ID)
			enabled = got.Enabled
			return err
		})
		if enabled == m.off[id] {
			t.Fatalf("webhook %s is enabled: %v", id, enabled)
		}
	}
}

// TestFileIsTheModel: whatever the dispatcher asks, SQLite answers as the obvious
// outbox in memory does, row by row.
func TestFileIsTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f, m := newFile(t), newMemory()
		now := int64(1777190400)
		var targets []*outbox.Target
		for range rapid.IntRange(1, 4).Draw(rt, "endpoints") {
			to := &outbox.Target{WebhookID: uuid.New(time.Unix(now, 0)), URL: "https://x.example.com/",
				Secret: []byte("sealed"), MaxInFlight: rapid.IntRange(1, 8).Draw(rt, "limit")}
			f.hook(to)
			targets = append(targets, to)
		}
		var claimed []outbox.Delivery
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			now += rapid.Int64Range(0, 400_000).Draw(rt, "pass")
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0, 1, 2:
				to := rapid.SampledFrom(targets).Draw(rt, "to")
				for range rapid.IntRange(1, 6).Draw(rt, "many") {
					id, at := uuid.New(time.Unix(now, 0)), now+rapid.Int64Range(-5, 100).Draw(rt, "due")
					f.add(id, at, to)
					m.add(id, at, to)
				}
			case 3:
				n, err := f.Reset(t.Context(), now)
				want, _ := m.Reset(t.Context(), now)
				if err != nil || n != want {
					rt.Fatalf("Reset: %d, %v; want %d", n, err, want)
				}
			case 4:
				at, ok, err := f.NextDue(t.Context(), now)
				wantAt, wantOK, _ := m.NextDue(t.Context(), now)
				if err != nil || ok != wantOK || ok && at != wantAt {
					rt.Fatalf("NextDue: %d %v %v; want %d %v", at, ok, err, wantAt, wantOK)
				}
			default:
				c := drawClaim(rt, now, targets, claimed)
				got, err := f.Exchange(t.Context(), c)
				want, _ := m.Exchange(t.Context(), c)
				if err != nil || len(got) != len(want) {
					rt.Fatalf("claimed %d, %v; want %d", len(got), err, len(want))
				}
				for i := range got {
					g, w := got[i], want[i]
					if g.ID != w.ID || g.EventID != w.EventID || string(g.Body) != string(w.Body) ||
						g.Attempt != w.Attempt || g.Interrupted != w.Interrupted ||
						g.DueAt != w.DueAt || g.To.WebhookID != w.To.WebhookID ||
						g.To.MaxInFlight != w.To.MaxInFlight || g.To.URL != w.To.URL {
						rt.Fatalf("claim %d is %+v\nwant %+v", i, g, w)
					}
				}
				claimed = append(claimed, got...)
			}
			f.same(rt, m)
		}
	})
}

// A claim whose ending the database never hears of goes back when its lease has run
// out, without using up the budget; an ending that comes too late changes nothing.
func TestLeaseRunsOut(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	now := int64(1777190400)
	to := &outbox.Target{WebhookID: uuid.New(time.Unix(now, 0)), URL: "https://x.example.com/",
		Secret: []byte("sealed"), MaxInFlight: 2}
	f.hook(to)
	lost, kept := uuid.New(time.Unix(now, 0)), uuid.New(time.Unix(now, 0))
	f.add(lost, now, to)
	f.add(kept, now+100, to)
	ask := func(at int64, settled ...outbox.Settlement) (out []string) {
		t.Helper()
		got, err := f.Exchange(t.Context(), outbox.Claim{Now: at, Settled: settled, Room: 8, LeaseUntil: at + 30,
			RetryAt: []int64{at + 75}})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range got {
			out = append(out, fmt.Sprintf("%s attempt %d, %d failed",
				map[string]string{lost: "lost", kept: "kept"}[d.ID], d.Attempt, d.Failures()))
		}
		return out
	}
	want := func(got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Fatalf("claimed %q, want %q", got, want)
		}
	}
	want(ask(now), "lost attempt 1, 0 failed")
	want(ask(now + 29))
	want(ask(now+100), "lost attempt 2, 0 failed", "kept attempt 1, 0 failed")
	late := outbox.Settlement{DeliveryID: lost, WebhookID: to.WebhookID, Attempt: 1, Result: outbox.Delivered,
		StartedAt: now, Status: 200}
	want(ask(now+101, late))
	if d := f.row(lost); d.State != outbox.Sending || d.Attempts != 2 || len(d.Log) != 1 ||
		d.Log[0].Error != string(outbox.Interrupted) {
		t.Fatalf("after an ending that came too late it is %+v", d)
	}
	// The ending of kept comes late as well, but before anybody looked.
	kept1 := outbox.Settlement{DeliveryID: kept, WebhookID: to.WebhookID, Attempt: 1, Result: outbox.Delivered,
		StartedAt: now + 100, Status: 200}
	want(ask(now+170, kept1))
	if d := f.row(kept); d.State != outbox.Succeeded {
		t.Fatalf("kept is %+v", d)
	}
	want(ask(now+175), "lost attempt 3, 0 failed") // at its retry_at, the second time
}

// drawClaim settles some of what was ever claimed, also what is long settled.
func drawClaim(rt *rapid.T, now int64, targets []*outbox.Target, claimed []outbox.Delivery) outbox.Claim {
	c := outbox.Claim{Now: now, Room: rapid.IntRange(0, 12).Draw(rt, "room"), Rooms: map[string]int{},
		LeaseUntil: now + rapid.Int64Range(0, 2_000_000).Draw(rt, "lease"),
		RetryAt:    []int64{now + 60, now + 120, now + 240}}
	if rapid.Bool().Draw(rt, "goes on") {
		c.After = rapid.SampledFrom(targets).Draw(rt, "after").WebhookID
	}
	for _, to := range targets {
		if rapid.Bool().Draw(rt, "named") {
			c.Rooms[to.WebhookID] = rapid.IntRange(0, 5).Draw(rt, "its room")
		}
	}
	for _, d := range claimed {
		if !rapid.Bool().Draw(rt, "ends") {
			continue
		}
		o := outbox.Settlement{DeliveryID: d.ID, WebhookID: d.To.WebhookID, Attempt: d.Attempt, StartedAt: now,
			MS: 1500, Status: 500,
			Class: outbox.BadStatus, Result: rapid.SampledFrom([]outbox.Result{outbox.Delivered, outbox.Retry,
				outbox.Retry, outbox.Dead, outbox.Released}).Draw(rt, "result"), NextAt: now + 60}
		if o.Result == outbox.Delivered {
			o.Status, o.Class = 200, ""
		}
		if o.Result == outbox.Retry && rapid.IntRange(0, 20).Draw(rt, "gone") == 0 {
			o.Status, o.Class, o.Disable = 410, outbox.EndpointGone, true
		}
		c.Settled = append(c.Settled, o)
	}
	return c
}

// The printed schedule on real code, a real file and fake time: requests at +0, 1,
// 3, 7, 15, 31 minutes, then dead; a replay has the same webhook-id.
func TestScheduleOnTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		f := newFile(t)
		b.cfg.Outbox = f.Engine
		to := b.target("x", 1, status(500))
		to.WebhookID = uuid.New(time.Now())
		to.Secret = b.sealer.Seal(secret.NewWebhookSecret(), secret.SealedFor(to.WebhookID))
		f.hook(to)
		began := time.Now()
		id, again := uuid.New(began), uuid.New(began)
		f.add(id, began.Unix(), to)
		b.start()
		time.Sleep(2 * time.Hour)
		want := []int{0, 1, 3, 7, 15, 31}
		got := b.net.times("x")
		if len(got) != len(want) {
			t.Fatalf("%d requests, want %d", len(got), len(want))
		}
		for i, at := range got {
			if at.Sub(began) != time.Duration(want[i])*time.Minute {
				t.Errorf("request %d at +%v, want +%d min", i+1, at.Sub(began), want[i])
			}
		}
		d := f.row(id)
		if d.State != outbox.DeadLettered || d.Attempts != 6 || len(d.Log) != 6 || d.LastStatus != 500 ||
			d.LastError != string(outbox.BadStatus) {
			t.Errorf("it is %+v", d)
		}
		for i, a := range d.Log {
			if trigger := map[bool]string{true: "event", false: "retry"}[i == 0]; a.N != i+1 || a.Trigger != trigger ||
				a.Status != 500 {
				t.Errorf("attempt %+v", a)
			}
		}
		b.net.hosts["x.example.com"] = status(200)
		d.ID, d.ReplayOf, d.NextAt, d.Cause = again, id, time.Now().Unix(), "replay"
		f.write(func(tx engine.Tx) error { return tx.InsertReplay(d) })
		b.sender.Nudge()
		time.Sleep(time.Minute)
		b.stop()
		seen := b.net.seen
		if len(seen) != 7 || seen[6].id != seen[0].id || seen[0].id != "evt_"+id {
			t.Errorf("the replay went out as %+v", seen[len(seen)-1])
		}
		if r := f.row(again); r.State != outbox.Succeeded || r.Attempts != 1 || r.ReplayOf != id ||
			r.Log[0].Trigger != "replay" || fmt.Sprint(f.row(id).State) != "dead" {
			t.Errorf("the replay is %+v", r)
		}
	})
}
