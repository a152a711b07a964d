package httpapi

import (
	"encoding/json"

	"qualifybase/engine/calendar"
	"qualifybase/httpapi/wire"
)

// Week are the windows of each weekday. A reply has all seven, a closed one as an
// empty list; a day that a request leaves out is closed.
type Week struct {
	Mon []Hours `json:"mon,omitzero"`
	Tue []Hours `json:"tue,omitzero"`
	Wed []Hours `json:"wed,omitzero"`
	Thu []Hours `json:"thu,omitzero"`
	Fri []Hours `json:"fri,omitzero"`
	Sat []Hours `json:"sat,omitzero"`
	Sun []Hours `json:"sun,omitzero"`
}

// Hours are one window of a day, on the clock on the wall.
type Hours struct {
	From string `json:"from" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" example:"09:00"`
	To   string `json:"to" pattern:"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$" example:"12:30" doc:"Not after from = on the next day"`
}

// Override replaces the hours of one date; no windows = closed.
type Override struct {
	Date    calendar.Date `json:"date"`
	Windows []Hours       `json:"windows"`
	Reason  string        `json:"reason,omitempty"`
}

// UnmarshalJSON also checks that the two are times of a day.
func (h *Hours) UnmarshalJSON(b []byte) error {
	type plain Hours
	if err := json.Unmarshal(b, (*plain)(h)); err != nil {
		return err
	}
	_, err := calendar.ParseWindow(h.From, h.To)
	return err
}

func hoursOf(w calendar.Window) Hours {
	return Hours{calendar.ClockText(w.From), calendar.ClockText(w.To)}
}

// window is the zero one where the times were refused.
func (h Hours) window() calendar.Window {
	w, _ := calendar.ParseWindow(h.From, h.To)
	return w
}

// days are the lists of the week, indexed by time.Weekday.
func (w *Week) days() [7]*[]Hours {
	return [7]*[]Hours{&w.Sun, &w.Mon, &w.Tue, &w.Wed, &w.Thu, &w.Fri, &w.Sat}
}

func weekOf(from calendar.Week) (w Week) {
	for day, list := range w.days() {
		*list = wire.Each(from[day], hoursOf)
	}
	return w
}

func (w Week) week() (out calendar.Week) {
	for day, list := range w.days() {
		if len(*list) > 0 {
			out[day] = wire.Each(*list, Hours.window)
		}
	}
	return out
}

func overrideOf(o calendar.Override) Override {
	return Override{o.Date, wire.Each(o.Windows, hoursOf), o.Reason}
}

func (o Override) override() calendar.Override {
	return calendar.Override{Date: o.Date, Windows: wire.Each(o.Windows, Hours.window), Reason: o.Reason}
}
