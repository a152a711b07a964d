package store

import (
	"encoding/json"
	"strings"

	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
)

// What the JSON columns hold. Databases keep these names for years, so they stand here
// and not on the engine's types: those may be renamed, these change with a migration.
// Where the fields are the same, Go converts one into the other, also behind a pointer,
// and a field that is added on one side alone does not compile.

// settingsDoc is clinics.settings.
type settingsDoc struct {
	StepMinutes        int    `json:"step_minutes"`
	DefaultMinutes     int    `json:"default_minutes"`
	NoticeMinutes      int    `json:"notice_minutes"`
	HorizonDays        int    `json:"horizon_days"`
	BuffersInsideHours bool   `json:"buffers_inside_hours"`
	ReconfirmOnMove    bool   `json:"reconfirm_on_move"`
	Continuity         bool   `json:"continuity"`
	LateCancelHours    int    `json:"late_cancel_hours"`
	NoShowSweep        bool   `json:"no_show_sweep"`
	Tier               string `json:"tier,omitempty"`
}

// addressDoc is locations.address and patients.address.
type addressDoc struct {
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country,omitempty"`
}

// phoneDoc is an element of patients.phones.
type phoneDoc struct {
	Number string `json:"number"`
	E164   string `json:"e164,omitempty"`
	Label  string `json:"label,omitempty"`
}

func docOfPhone(p people.Phone) phoneDoc { return phoneDoc(p) }
func (d phoneDoc) phone() people.Phone   { return people.Phone(d) }

// identifierDoc is an element of patients.identifiers.
type identifierDoc struct {
	System string `json:"system"`
	Value  string `json:"value"`
}

func docOfIdentifier(n people.Identifier) identifierDoc { return identifierDoc(n) }
func (d identifierDoc) identifier() people.Identifier   { return people.Identifier(d) }

// contactDoc is patients.emergency_contact.
type contactDoc struct {
	Name         string `json:"name,omitempty"`
	Relationship string `json:"relationship,omitempty"`
	Phone        string `json:"phone,omitempty"`
}

// consentsDoc is patients.consents.
type consentsDoc struct {
	EmailReminders *consentDoc `json:"email_reminders,omitempty"`
	SMSReminders   *consentDoc `json:"sms_reminders,omitempty"`
	Marketing      *consentDoc `json:"marketing,omitempty"`
}

type consentDoc struct {
	Granted bool   `json:"granted"`
	At      int64  `json:"at"`
	Source  string `json:"source,omitempty"`
}

func docOfConsents(c people.Consents) consentsDoc {
	return consentsDoc{(*consentDoc)(c.EmailReminders), (*consentDoc)(c.SMSReminders), (*consentDoc)(c.Marketing)}
}

func (d consentsDoc) consents() people.Consents {
	return people.Consents{EmailReminders: (*people.Consent)(d.EmailReminders),
		SMSReminders: (*people.Consent)(d.SMSReminders), Marketing: (*people.Consent)(d.Marketing)}
}

// waiverDoc is appointments.override.
type waiverDoc struct {
	Overlap bool   `json:"overlap,omitempty"`
	Hours   bool   `json:"hours,omitempty"`
	Reason  string `json:"reason"`
}

// undoDoc is appointments.undo.
type undoDoc struct {
	Status      booking.Status `json:"status"`
	CheckedInAt int64          `json:"checked_in_at,omitempty"`
	Reason      string         `json:"reason,omitempty"`
	LateCancel  bool           `json:"late_cancel,omitempty"`
	At          int64          `json:"at"`
	StartsAt    int64          `json:"starts_at"`
	EndsAt      int64          `json:"ends_at"`
	ProviderID  int64          `json:"provider_id"`
	LocationID  int64          `json:"location_id,omitempty"`
}

// codeDoc is an element of notes.codes.
type codeDoc struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code"`
	Display string `json:"display,omitempty"`
}

func docOfCode(c record.Code) codeDoc { return codeDoc(c) }
func (d codeDoc) code() record.Code   { return record.Code(d) }

// vitalDoc is an element of notes.vitals.
type vitalDoc struct {
	Code  string  `json:"code"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

func docOfVital(v record.Vital) vitalDoc { return vitalDoc(v) }
func (d vitalDoc) vital() record.Vital   { return record.Vital(d) }

// scheduleDoc is schedules.doc. Clock times are texts like 09:00, in which 24:00 is the
// end of the day; a list of windows is never null, that of the overrides may be.
type scheduleDoc struct {
	Weekly    weekDoc       `json:"weekly"`
	Breaks    weekDoc       `json:"breaks"`
	Overrides []overrideDoc `json:"overrides"`
}

type weekDoc struct {
	Mon []windowDoc `json:"mon"`
	Tue []windowDoc `json:"tue"`
	Wed []windowDoc `json:"wed"`
	Thu []windowDoc `json:"thu"`
	Fri []windowDoc `json:"fri"`
	Sat []windowDoc `json:"sat"`
	Sun []windowDoc `json:"sun"`
}

type overrideDoc struct {
	Date    calendar.Date `json:"date"`
	Windows []windowDoc   `json:"windows"`
	Reason  string        `json:"reason,omitempty"`
}

type windowDoc struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func docOfSchedule(s calendar.Schedule) scheduleDoc {
	return scheduleDoc{docOfWeek(s.Weekly), docOfWeek(s.Breaks), each(s.Overrides, docOfOverride)}
}

func docOfOverride(o calendar.Override) overrideDoc {
	return overrideDoc{o.Date, docOfWindows(o.Windows), o.Reason}
}

func docOfWeek(w calendar.Week) (d weekDoc) {
	for day, list := range d.days() {
		*list = docOfWindows(w[day])
	}
	return d
}

func docOfWindows(list []calendar.Window) []windowDoc {
	out := make([]windowDoc, len(list))
	for i, w := range list {
		out[i] = windowDoc{calendar.ClockText(w.From), calendar.ClockText(w.To)}
	}
	return out
}

// days are the lists of the week, indexed by time.Weekday.
func (d *weekDoc) days() [7]*[]windowDoc {
	return [7]*[]windowDoc{&d.Sun, &d.Mon, &d.Tue, &d.Wed, &d.Thu, &d.Fri, &d.Sat}
}

// schedule reads schedules.doc. Unlike other documents it may hold no name that is not
// known: a day that is misspelled would be a closed one.
func (r *row) schedule() (s calendar.Schedule) {
	text := r.text()
	if text == "" || r.fault() != nil {
		return s
	}
	var d scheduleDoc
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		r.fail("is no JSON of the expected shape: %w", err)
		return s
	}
	s.Weekly, s.Breaks = r.week(d.Weekly), r.week(d.Breaks)
	s.Overrides = each(d.Overrides, func(o overrideDoc) calendar.Override {
		return calendar.Override{Date: o.Date, Windows: r.windows(o.Windows), Reason: o.Reason}
	})
	return s
}

// week gives a day without windows none, not an empty list.
func (r *row) week(d weekDoc) (w calendar.Week) {
	for day, list := range d.days() {
		if len(*list) > 0 {
			w[day] = r.windows(*list)
		}
	}
	return w
}

func (r *row) windows(list []windowDoc) []calendar.Window {
	return each(list, func(d windowDoc) calendar.Window {
		w, err := calendar.ParseWindow(d.From, d.To)
		if err != nil {
			r.fail("is no JSON of the expected shape: %w", err)
		}
		return w
	})
}

// each turns the elements of a list; nil stays nil.
func each[T, U any](list []T, turn func(T) U) []U {
	if list == nil {
		return nil
	}
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = turn(v)
	}
	return out
}
