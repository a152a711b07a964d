package booking

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/table"
	"qualifybase/engine/text"
)

// appointmentHeadings are the columns that an import understands, as the wire names
// them, and a few that calendars export: date and time apart, a length, and names
// where there are no ids.
var appointmentHeadings = table.Headings{
	{Name: "id"},
	{Name: "scheduled_at", Aliases: "start starttime startsat beginn begin"},
	{Name: "ends_at", Aliases: "end endtime ende"},
	{Name: "date", Aliases: "day datum tag fecha startdate"},
	{Name: "time", Aliases: "uhrzeit zeit heure hora"},
	{Name: "duration_minutes", Aliases: "minutes duration dauer minuten duree"},
	{Name: "patient_id"},
	{Name: "lead_id"},
	{Name: "name", Aliases: "patientname fullname client kunde patient nom nombre"},
	{Name: "email", Aliases: "emailaddress mail correo courriel", Several: true},
	{Name: "phone", Aliases: "telefon telephone mobile handy mobil telefono", Several: true},
	{Name: "provider_id"},
	{Name: "provider", Aliases: "doctor arzt behandler practitioner staff mitarbeiter"},
	{Name: "location_id"},
	{Name: "location", Aliases: "room raum ort standort place"},
	{Name: "service_id"},
	{Name: "service", Aliases: "leistung appointmenttype terminart treatment behandlung"},
	{Name: "title", Aliases: "subject betreff titel summary"},
	{Name: "notes", Aliases: "note comment comments notiz notizen bemerkung bemerkungen"},
	{Name: "status", Aliases: "state"},
	{Name: "source", Aliases: "quelle"},
}

// takeAppointmentColumns takes each heading for a field.
func takeAppointmentColumns(header []string) ([]table.Column, error) {
	columns := appointmentHeadings.Take(header)
	has := func(fields ...string) bool {
		return slices.ContainsFunc(columns, func(c table.Column) bool { return slices.Contains(fields, c.Field) })
	}
	if !has("scheduled_at", "date") {
		return columns, table.BadFile("Has no column that says when; the first line must name scheduled_at, or date and time")
	}
	if !has("patient_id", "lead_id", "name", "email", "phone") {
		return columns,
			table.BadFile("Has no column that says who; the first line must name patient_id, lead_id, name, email or phone")
	}
	return columns, appointmentHeadings.Unambiguous(columns)
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
func appointmentOfCells(f *fault.Faults, plan *directory.Plan, get table.Cells) (out appointmentCells) {
	out.id, out.LeadID = get.Text("id"), get.Text("lead_id")
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
	out.Title, out.Notes, out.Source = get.Text("title"), get.Text("notes"), get.Text("source")
	if word := get.Text("status"); word != "" {
		out.status = Status(strings.NewReplacer(" ", "_", "-", "_").Replace(text.Fold(word)))
		if out.status != Scheduled && transitionTo(out.status) == nil {
			f.Add("status", "Must be scheduled, confirmed, completed or no_show")
		}
	}
	for field, at := range map[string]**string{"name": &out.lead.Name, "email": &out.lead.Email,
		"phone": &out.lead.Phone} {
		if v := get.Text(field); v != "" {
			*at = &v
		}
	}
	return out
}

// timesOfCells reads when a row begins and ends; the end may be a length.
func timesOfCells(f *fault.Faults, zone *time.Location, get table.Cells) (start, end int64) {
	field, text := "scheduled_at", get.Text("scheduled_at")
	if text == "" && get.Text("date") != "" {
		field, text = "date", strings.TrimSpace(get.Text("date")+" "+get.Text("time"))
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
	if text := get.Text("ends_at"); text != "" {
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
func numberOfCell(f *fault.Faults, get table.Cells, field string) int64 {
	text := get.Text(field)
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
func idOfCells[T any](f *fault.Faults, get table.Cells, field string, rows []*T,
	of func(*T) (int64, string)) (id int64) {
	if get.Text(field+"_id") != "" {
		return numberOfCell(f, get, field+"_id")
	}
	name := get.Text(field)
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
