package store

import (
	"sync"

	"qualifybase/engine/access"
	"qualifybase/engine/directory"
	"qualifybase/engine/secret"
)

// memory is what readers share with the writer instead of asking the file. It
// says what the last acknowledged commit said; another process's write is seen
// by the writer at its next group, and by readers within a second.
type memory struct {
	mu  sync.Mutex // installing and dropping plans and keys
	gen int64      // moves when something is dropped, so that no older load is installed

	plans sync.Map // clinic int64 → *directory.Plan
	keys  sync.Map // lookup → access.Key
	days  sync.Map // resourceKey → *resourceDays
	subs  sync.Map // clinic int64 → *outbox.Subscriptions
}

// lookup is how a key is found.
type lookup struct {
	family secret.Family
	id     string
}

// keyTouch is a key's new last_used_at.
type keyTouch struct {
	id string
	at int64
}

// generation is taken before a load begins and handed to install after it.
func (m *memory) generation() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gen
}

// install keeps what was loaded, unless something was dropped meanwhile.
func (m *memory) install(gen int64, into *sync.Map, key, value any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gen == gen {
		into.Store(key, value)
	}
}

// wrote drops what a commit has changed.
func (m *memory) wrote(plans map[int64]*directory.Plan, keys map[lookup]struct{}, touched []keyTouch,
	subs map[int64]struct{}) {
	if len(plans)+len(keys)+len(touched)+len(subs) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(plans)+len(keys)+len(subs) > 0 {
		m.gen++
	}
	for clinic := range plans {
		m.plans.Delete(clinic)
	}
	for l := range keys {
		m.keys.Delete(l)
	}
	for clinic := range subs {
		m.subs.Delete(clinic)
	}
	for _, t := range touched {
		m.keys.Range(func(l, v any) bool {
			if k := v.(access.Key); k.ID == t.id {
				k.LastUsedAt = t.at
				m.keys.Store(l, k)
				return false
			}
			return true
		})
	}
}

// dropAll forgets everything: another process wrote.
func (m *memory) dropAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gen++
	m.plans.Clear()
	m.keys.Clear()
	m.subs.Clear()
	m.days.Clear()
}

// refresh drops the memory if another process has written since the last look,
// and the occupancy when its first day lies too far back. Only between groups.
func (w *writer) refresh() error {
	version, err := w.c.number("PRAGMA data_version")
	if err != nil {
		return err
	}
	if version != w.version {
		w.version = version
		clear(w.counters)
		w.s.mem.dropAll()
		if told := w.s.foreign.Load(); told != nil {
			(*told)()
		}
	}
	if today := dayOf(w.s.o.Now().Unix()); today-w.today >= 7 || today < w.today {
		w.today = today
		w.s.mem.days.Clear()
	}
	return nil
}

// idle lets a running server see what a shell wrote although nobody writes here.
func (w *writer) idle() {
	if err := w.refresh(); err != nil {
		w.s.log.Error("looking for other processes' writes failed", "error", err.Error())
	}
	w.checkpoint()
	w.c.clearAborted() // no transaction is open that a fault could have ended
}

// Plan implements engine.Reader: the clinic's directory, compiled, from memory.
func (r *reads) Plan(clinic int64) (*directory.Plan, error) {
	if r.ended {
		return nil, errEnded
	}
	if r.tx != nil {
		if p, wrote := r.tx.w.plans[clinic]; wrote {
			if p != nil {
				return p, nil
			}
			p, err := r.compile(clinic)
			if err == nil {
				r.tx.w.plans[clinic] = p
			}
			return p, err
		}
	}
	if p, ok := r.s.mem.plans.Load(clinic); ok {
		return p.(*directory.Plan), nil
	}
	var plan *directory.Plan
	err := r.s.fresh(func(f *reads) (err error) {
		if p, ok := r.s.mem.plans.Load(clinic); ok { // somebody else was quicker
			plan = p.(*directory.Plan)
			return nil
		}
		gen := r.s.mem.generation()
		if plan, err = f.compile(clinic); err == nil {
			r.s.mem.install(gen, &r.s.mem.plans, clinic, plan)
		}
		return err
	})
	return plan, err
}

// compile reads a clinic's directory.
func (r *reads) compile(clinic int64) (*directory.Plan, error) {
	c, err := r.Clinic(clinic)
	if err != nil {
		return nil, err
	}
	providers, err := list(r, scanProvider, selectProvider+" WHERE clinic = ? ORDER BY created_at, id", clinic)
	if err != nil {
		return nil, err
	}
	locations, err := list(r, scanLocation, selectLocation+" WHERE clinic = ? ORDER BY created_at, id", clinic)
	if err != nil {
		return nil, err
	}
	services, err := list(r, scanService, selectService+" WHERE clinic = ? ORDER BY created_at, id", clinic)
	if err != nil {
		return nil, err
	}
	schedules, err := r.Schedules(clinic)
	if err != nil {
		return nil, err
	}
	closures, err := r.Closures(clinic, "")
	if err != nil {
		return nil, err
	}
	return directory.CompilePlan(c, providers, locations, services, schedules, closures)
}

// wrotePlan notes that the clinic's directory was written.
func (t *tx) wrotePlan(clinic int64) { t.w.plans[clinic] = nil }
