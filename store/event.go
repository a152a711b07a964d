package store

import (
	"encoding/json"

	"qualifybase/engine/act"
)

func scanEvent(r *row) act.Event {
	return act.Event{
		Clinic: r.int(), Seq: r.int(), ID: r.text(), Type: r.text(), Test: r.bool(), CreatedAt: r.int(),
		Data: json.RawMessage(r.text()),
	}
}

// Events implements engine.Reader.
func (r *reads) Events(clinic int64, test bool, afterSeq int64, typ string, limit int) ([]act.Event, error) {
	w := newWhere("clinic = ? AND seq > ? AND test = ?", clinic, afterSeq, test)
	w.andText("type", typ)
	text := "SELECT clinic, seq, id, type, test, created_at, data FROM events" + w.order("seq", limit)
	return list(r, scanEvent, text, w.args...)
}

// InsertEvent implements engine.Tx.
func (t *tx) InsertEvent(ev act.Event) error {
	_, _, err := t.exec("INSERT INTO events (clinic, seq, id, type, test, created_at, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
		ev.Clinic, ev.Seq, ev.ID, ev.Type, ev.Test, ev.CreatedAt, string(ev.Data))
	return err
}
