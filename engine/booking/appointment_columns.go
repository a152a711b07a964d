package booking

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/table"
	"qualifybase/engine/text"
)

// appointmentFieldNames are the columns that an import understands, as the wire
// names them, and a few that calendars export: date and time apart, a length,
// and names where there are no ids.
var appointmentFieldNames = []string{"id", "scheduled_at", "ends_at", "date", "time", "duration_minutes", "patient_id",
	"lead_id",
	"name", "email", "phone", "provider_id", "provider", "location_id", "location", "service_id", "service", "title",
	"notes", "status", "source"}

// appointmentAliases are other headings of these columns, folded and without
// anything but letters and digits.
var appointmentAliases = map[string]string{
	"start": "scheduled_at", "starttime": "scheduled_at", "startsat": "scheduled_at", "beginn": "scheduled_at",
	"begin": "scheduled_at",
	"end":   "ends_at", "endtime": "ends_at", "ende": "ends_at",
	"day": "date", "datum": "date", "tag": "date", "fecha": "date", "startdate": "date",
	"uhrzeit": "time", "zeit": "time", "heure": "time", "hora": "time",
	"minutes": "duration_minutes", "duration": "duration_minutes", "dauer": "duration_minutes",
	"minuten": "duration_minutes", "duree": "duration_minutes",
	"patientname": "name", "fullname": "name", "client": "name", "kunde": "name", "patient": "name", "nom": "name",
	"nombre":       "name",
	"emailaddress": "email", "mail": "email", "correo": "email", "courriel": "email",
	"telefon": "phone", "telephone": "phone", "mobile": "phone", "handy": "phone", "mobil": "phone", "telefono": "phone",
	"doctor": "provider", "arzt": "provider", "behandler": "provider", "practitioner": "provider", "staff": "provider",
	"mitarbeiter": "provider",
	"room":        "location", "raum": "location", "ort": "location", "standort": "location", "place": "location",
	"leistung": "service", "appointmenttype": "service", "terminart": "service", "treatment": "service",
	"behandlung": "service",
	"subject":    "title", "betreff": "title", "titel": "title", "summary": "title",
	"note": "notes", "comment": "notes", "comments": "notes", "notiz": "notes", "notizen": "notes", "bemerkung": "notes",
	"bemerkungen": "notes",
	"state":       "status", "quelle": "source",
}

// mapAppointmentColumns takes each heading for a field.
func mapAppointmentColumns(header []string) ([]table.Column, error) {
	columns := make([]table.Column, len(header))
	has := func(field string) bool {
		return slices.ContainsFunc(columns, func(c table.Column) bool { return c.Field == field })
	}
	for i, text := range header {
		columns[i] = table.Column{Header: text, Field: appointmentColumn(text)}
	}
	if !has("scheduled_at") && !has("date") {
		return columns, table.BadFile("Has no column that says when; the first line must name scheduled_at, or date and time")
	}
	if !has("patient_id") && !has("lead_id") && !has("name") && !has("email") && !has("phone") {
		return columns,
			table.BadFile("Has no column that says who; the first line must name patient_id, lead_id, name, email or phone")
	}
	return columns, table.Unambiguous(columns, "email", "phone")
}

func appointmentColumn(header string) string {
	plain := text.Fold(header)
	if name := strings.NewReplacer(" ", "_", "-", "_").Replace(plain); slices.Contains(appointmentFieldNames, name) {
		return name
	}
	plain = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, plain)
	if slices.Contains(appointmentFieldNames, plain) { // "E-Mail"
		return plain
	}
	return appointmentAliases[plain]
}

// appointmentCells is a row of an import.
type appointmentCells struct {
	Booking
	id     string
	status Status
	lead   people.LeadDraft // who, where no id says it
}

// names reports whether the row says who it is for without an id.
func (c *appointmentCells) names() bool {
	return c.lead.Name != nil || c.lead.Email != nil || c.lead.Phone != nil
}

// appointmentOfCells reads a row; an empty cell is "not sent". Times without an
// offset are those of the clinic's clock.
func appointmentOfCells(f *fault.Faults, plan *directory.Plan, columns []table.Column,
	cells []string) (out appointmentCells) {
	get := map[string]string{}
	for i, cell := range cells {
		if cell, field := strings.TrimSpace(cell), columns[i].Field; cell != "" && field != "" && get[field] == "" {
			get[field] = cell
		}
	}
	out.id, out.LeadID = get["id"], get["lead_id"]
	out.StartsAt, out.EndsAt = timesOfCells(f, plan.Zone, get)
	out.PatientID = numberOfCell(f, get, "patient_id")
	out.ProviderID = idOfCells(f, get, "provider", plan.Providers, func(p *directory.Provider) (int64, string) {
		return p.ID, p.DisplayName
	})
	out.LocationID = idOfCells(f, get, "location", plan.Locations, func(l *directory.Location) (int64, string) {
		return l.ID, l.Name
	})
	out.ServiceID = idOfCells(f, get, "service", plan.Services, func(s *directory.Service) (int64, string) {
		return s.ID, s.Name
	})
	out.Title, out.Notes, out.Source = get["title"], get["notes"], get["source"]
	if word := get["status"]; word != "" {
		out.status = Status(strings.NewReplacer(" ", "_", "-", "_").Replace(text.Fold(word)))
		if out.status != Scheduled && towards(out.status) == nil {
			f.Add("status", "Must be scheduled, confirmed, completed or no_show")
		}
	}
	for field, at := range map[string]**string{"name": &out.lead.Name, "email": &out.lead.Email,
		"phone": &out.lead.Phone} {
		if v := get[field]; v != "" {
			*at = &v
		}
	}
	return out
}

// timesOfCells reads when a row begins and ends; the end may be a length.
func timesOfCells(f *fault.Faults, zone *time.Location, get map[string]string) (start, end int64) {
	field, text := "scheduled_at", get["scheduled_at"]
	if text == "" && get["date"] != "" {
		field, text = "date", strings.TrimSpace(get["date"]+" "+get["time"])
	}
	if text == "" {
		f.Add("scheduled_at", "Required")
		return 0, 0
	}
	start, ok := timeOfCell(zone, text)
	if !ok {
		f.Add(field, "%s", howTimesLook)
		return 0, 0
	}
	if text := get["ends_at"]; text != "" {
		if end, ok = timeOfCell(zone, text); !ok {
			f.Add("ends_at", "%s", howTimesLook)
		}
		return start, end
	}
	if minutes := numberOfCell(f, get, "duration_minutes"); minutes > 0 {
		end = start + min(minutes, 100_000)*60
	}
	return start, end
}

const howTimesLook = "Must be a time like 2026-04-27T09:00:00+02:00, or on the clinic's clock 2026-04-27 09:00 " +
	"or 27.04.2026 09:00"

// timeOfCell reads RFC 3339, or a date and a time of the zone's clock.
func timeOfCell(zone *time.Location, text string) (int64, bool) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.Unix(), t.Year() >= 1 && t.Year() <= 9999
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05",
		"2.1.2006 15:04", "2.1.2006 15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1 {
			d := calendar.NewDate(t.Year(), t.Month(), t.Day())
			return calendar.Instant(zone, d, t.Hour()*60+t.Minute()) + int64(t.Second()), true
		}
	}
	return 0, false
}

// numberOfCell reads an id or a count; 0 = not sent.
func numberOfCell(f *fault.Faults, get map[string]string, field string) int64 {
	text := get[field]
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		f.Add(field, "Must be a whole number above 0")
		return 0
	}
	return n
}

// idOfCells reads the id of a column, else looks its name up; only one may have it.
func idOfCells[T any](f *fault.Faults, get map[string]string, field string, rows []*T,
	of func(*T) (int64, string)) (id int64) {
	if get[field+"_id"] != "" {
		return numberOfCell(f, get, field+"_id")
	}
	name := get[field]
	if name == "" {
		return 0
	}
	found := 0
	for _, row := range rows {
		if n, known := of(row); text.Fold(known) == text.Fold(name) {
			id = n
			found++
		}
	}
	switch found {
	case 1:
		return id
	case 0:
		f.Add(field, "There is no %s of this name; say its %s_id", field, field)
	default:
		f.Add(field, "There are %d of this name; say the %s_id", found, field)
	}
	return 0
}
