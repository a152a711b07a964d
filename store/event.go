package store

import (
	"encoding/json"

	"qualifybase/engine/act"
)

func eventColumns(c *columns, ev *act.Event) {
	c.fixed("clinic").int(&ev.Clinic)
	c.fixed("seq").int(&ev.Seq)
	c.fixed("id").text(&ev.ID)
	c.fixed("type").text(&ev.Type)
	c.fixed("test").bool(&ev.Test)
	c.fixed("created_at").int(&ev.CreatedAt)
	c.fixed("data").raw(&ev.Data)
}

var eventTable = newTable("events", "event", "", eventColumns)

func scanEvent(r *row) (ev act.Event) {
	eventColumns(scanning(r), &ev)
	return ev
}

// raw holds JSON as it was encoded by somebody else.
func (c *columns) raw(p *json.RawMessage) {
	if c.scans() {
		*p = json.RawMessage(c.row.text())
	} else if !c.off {
		c.args = append(c.args, string(*p))
	}
}

// Events implements engine.Reader.
func (r *reads) Events(clinic int64, test bool, afterSeq int64, typ string, limit int) ([]act.Event, error) {
	w := newWhere("clinic = ? AND seq > ? AND test = ?", clinic, afterSeq, test)
	w.andText("type", typ)
	text := eventTable.selects + w.order("seq", limit)
	return list(r, scanEvent, text, w.args...)
}

// InsertEvent implements engine.Tx.
func (t *tx) InsertEvent(ev act.Event) error {
	c := t.inserting()
	eventColumns(c, &ev)
	_, err := t.insert(eventTable, c)
	return err
}
