package act

// Emit notes the events of a change, in its order.
func (w *Act) Emit(what Change, fact Fact) {
	data := fact.JSON()
	for _, typ := range what {
		w.events = append(w.events, Event{
			Clinic: w.Caller.Clinic, Type: typ, Test: w.Caller.Test, CreatedAt: w.Now, Data: data,
		})
	}
}

// EmitNow is Emit for an act that goes on with the event: it is written at once.
func (w *Act) EmitNow(what Change, fact Fact) (Event, error) {
	w.Emit(what, fact)
	last := w.events[len(w.events)-1:]
	err := w.publish()
	return last[0], err
}

// publish writes the noted events, each with its deliveries, in the transaction of
// the change.
func (w *Act) publish() error {
	if len(w.events) == 0 {
		return nil
	}
	counters, err := w.Counters(w.Caller.Clinic)
	if err != nil {
		return err
	}
	for i := range w.events {
		counters.Event++
		ev := &w.events[i]
		ev.Seq, ev.ID = counters.Event, "evt_"+w.NewID()
		if err := w.InsertEvent(*ev); err != nil {
			return err
		}
		if err := w.k.deliver(w, ev); err != nil {
			return err
		}
	}
	w.events = nil
	return nil
}
