package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/outbox"
	"qualifybase/engine/people"
	"qualifybase/engine/record"
	"qualifybase/engine/scope"
)

// entity says how an entity is written and read.
type entity[E any] struct {
	unkept string                  // fields that no column holds
	fixed  string                  // fields that an update leaves as they are, in the order of the struct
	prep   func(t *tx, e *E) error // makes the row fit for its table, and others that it is read with
	insert func(t *tx, e *E) error
	read   func(t *tx, e E) (E, error)
	update func(t *tx, e E) error // nil = it is never changed
}

const (
	made = "ID Clinic Test CreatedAt CreatedBy" // the fields of a usual row that stay
	born = "ID Clinic CreatedAt CreatedBy"
)

func inserts[E any](insert func(*tx, E) error) func(*tx, *E) error {
	return func(t *tx, e *E) error { return insert(t, *e) }
}

// TestEveryFieldIsKept sets every field of every entity, also those that will be
// added, and demands them back; then it changes all that can change. A field that
// has no column, or one that an update forgets, is lost here and not in a clinic.
func TestEveryFieldIsKept(t *testing.T) {
	t.Parallel()
	h := openHouse(t, Options{})
	dropTriggersOf(t, h)
	keeps(t, h, "clinic", entity[directory.Clinic]{fixed: "N ID CreatedAt", insert: (*tx).InsertClinic,
		read:   func(t *tx, c directory.Clinic) (directory.Clinic, error) { return t.Clinic(c.N) },
		update: (*tx).UpdateClinic})
	keeps(t, h, "location", entity[directory.Location]{fixed: born, insert: (*tx).InsertLocation,
		read:   func(t *tx, l directory.Location) (directory.Location, error) { return t.Location(l.Clinic, l.ID) },
		update: (*tx).UpdateLocation})
	keeps(t, h, "provider", entity[directory.Provider]{fixed: "ID Clinic AssignedAt CreatedAt CreatedBy",
		insert: (*tx).InsertProvider, update: (*tx).UpdateProvider,
		read: func(t *tx, p directory.Provider) (directory.Provider, error) { return t.Provider(p.Clinic, p.ID) }})
	keeps(t, h, "service", entity[directory.Service]{fixed: born, insert: (*tx).InsertService,
		read:   func(t *tx, s directory.Service) (directory.Service, error) { return t.Service(s.Clinic, s.ID) },
		update: (*tx).UpdateService})
	keeps(t, h, "schedule", entity[directory.OwnedSchedule]{unkept: "CreatedBy", fixed: "Clinic Owner CreatedAt",
		insert: inserts((*tx).PutSchedule), update: (*tx).PutSchedule,
		read: func(t *tx, s directory.OwnedSchedule) (directory.OwnedSchedule, error) {
			return t.Schedule(s.Clinic, s.Owner)
		}})
	closure := entity[directory.Closure]{insert: inserts((*tx).InsertClosure),
		read: func(t *tx, c directory.Closure) (directory.Closure, error) { return t.Closure(c.Clinic, c.ID) }}
	closure.unkept = "Span"
	keeps(t, h, "closure by date", closure)
	closure.unkept = "ByDate FromDate ToDate"
	keeps(t, h, "closure by time", closure)
	keepsPeople(t, h)
	keepsVisits(t, h)
	keepsRecord(t, h)
	keepsAccess(t, h)
}

func keepsPeople(t *testing.T, h *house) {
	keeps(t, h, "lead", entity[people.Lead]{fixed: made, insert: inserts((*tx).InsertLead), update: (*tx).UpdateLead,
		read: func(t *tx, l people.Lead) (people.Lead, error) { return t.Lead(l.Clinic, l.Test, l.ID) }})
	keeps(t, h, "patient", entity[people.Patient]{fixed: made, insert: (*tx).InsertPatient, update: (*tx).UpdatePatient,
		read: func(t *tx, p people.Patient) (people.Patient, error) { return t.Patient(p.Clinic, p.Test, p.ID) }})
	keeps(t, h, "merge", entity[people.Merge]{
		insert: func(t *tx, m *people.Merge) error {
			if err := t.InsertMerge(*m); err != nil {
				return err
			}
			return t.CloseMerge(m.Clinic, m.ID, m.UnmergedAt, m.UnmergedBy)
		},
		read: func(t *tx, m people.Merge) (people.Merge, error) {
			list, err := t.MergesOf(m.Clinic, m.LoserID)
			return list[0], err
		}})
}

func keepsVisits(t *testing.T, h *house) {
	keeps(t, h, "appointment", entity[booking.Appointment]{
		fixed: made,
		prep: func(t *tx, a *booking.Appointment) error { // its footprint is in its occupancy
			o, err := t.OccupancyOf(a.ID, "")
			if err != nil {
				return err
			}
			row := booking.Occupancy{Clinic: a.Clinic, Resource: booking.ProviderResource(a.ProviderID),
				Footprint: a.Footprint, AppointmentID: a.ID}
			if len(o) == 0 {
				return t.InsertOccupancy(&row)
			}
			row.Row = o[0].Row
			return t.UpdateOccupancy(row)
		},
		insert: inserts((*tx).InsertAppointment), update: (*tx).UpdateAppointment,
		read: func(t *tx, a booking.Appointment) (booking.Appointment, error) {
			return t.Appointment(a.Clinic, a.Test, a.ID)
		}})
	keeps(t, h, "hold", entity[booking.Hold]{unkept: "Token", insert: inserts((*tx).InsertHold), update: (*tx).UpdateHold,
		fixed: "ID Clinic Test Caller TokenHash ProviderID LocationID ServiceID StartsAt EndsAt CreatedAt",
		read:  func(t *tx, o booking.Hold) (booking.Hold, error) { return t.Hold(o.Clinic, o.Test, o.ID) }})
	keeps(t, h, "occupancy", entity[booking.Occupancy]{fixed: "Row Clinic", insert: (*tx).InsertOccupancy,
		update: (*tx).UpdateOccupancy,
		read: func(t *tx, o booking.Occupancy) (booking.Occupancy, error) {
			list, err := t.OccupancyOf(o.AppointmentID, "")
			return list[0], err
		}})
}

func keepsRecord(t *testing.T, h *house) {
	// under puts a consultation of a patient above what stands under it.
	under := func(t *tx, id string, clinic, patient int64) error {
		v := record.Consultation{ID: id, Clinic: clinic, PatientID: patient}
		if _, err := t.Consultation(clinic, false, id); err == nil {
			return t.UpdateConsultation(v)
		}
		return t.InsertConsultation(v)
	}
	keeps(t, h, "consultation", entity[record.Consultation]{
		fixed:  "ID Clinic Test AppointmentID ProviderID StartedAt CreatedAt CreatedBy",
		insert: inserts((*tx).InsertConsultation), update: (*tx).UpdateConsultation,
		read: func(t *tx, v record.Consultation) (record.Consultation, error) {
			return t.Consultation(v.Clinic, v.Test, v.ID)
		}})
	keeps(t, h, "note", entity[record.Note]{
		fixed: "ID Row N Supersedes Clinic Test ConsultationID AddendumTo AmendReason CreatedAt CreatedBy",
		prep: func(t *tx, n *record.Note) error {
			return under(t, n.ConsultationID, n.Clinic, n.PatientID)
		},
		insert: inserts((*tx).InsertNote), update: (*tx).UpdateNote,
		read: func(t *tx, n record.Note) (record.Note, error) { return t.Note(n.Clinic, n.Test, n.ID) }})
	keeps(t, h, "prescription", entity[record.Prescription]{
		fixed: "ID Clinic Test ConsultationID CreatedAt CreatedBy",
		prep: func(t *tx, p *record.Prescription) error {
			return under(t, p.ConsultationID, p.Clinic, p.PatientID)
		},
		insert: inserts((*tx).InsertPrescription), update: (*tx).UpdatePrescription,
		read: func(t *tx, p record.Prescription) (record.Prescription, error) {
			return t.Prescription(p.Clinic, p.Test, p.ID)
		}})
}

func keepsAccess(t *testing.T, h *house) {
	keeps(t, h, "key", entity[access.Key]{unkept: "Secret",
		fixed:  "ID Clinic KeyID Family Hash CreatedAt CreatedBy LastUsedAt",
		insert: inserts((*tx).InsertKey), update: (*tx).UpdateKey,
		read: func(t *tx, k access.Key) (access.Key, error) { return t.Key(k.Clinic, k.ID) }})
	keeps(t, h, "user", entity[access.User]{fixed: "ID Clinic CreatedAt",
		insert: inserts((*tx).InsertUser), update: (*tx).UpdateUser,
		read: func(t *tx, u access.User) (access.User, error) { return t.User(u.ID) }})
	keeps(t, h, "webhook", entity[outbox.Webhook]{unkept: "Secret DeletedAt",
		fixed:  "N ID Clinic Test Flat CreatedAt CreatedBy",
		insert: (*tx).InsertWebhook, update: (*tx).UpdateWebhook,
		read: func(t *tx, w outbox.Webhook) (outbox.Webhook, error) { return t.Webhook(w.Clinic, w.Test, w.ID) }})
	keeps(t, h, "deleted webhook", entity[outbox.Webhook]{unkept: "Secret", insert: (*tx).InsertWebhook,
		read: func(t *tx, w outbox.Webhook) (outbox.Webhook, error) {
			return one(&t.reads, "webhook", scanWebhook, selectWebhook+" WHERE id = ?", w.ID)
		}})
	keeps(t, h, "event", entity[act.Event]{insert: inserts((*tx).InsertEvent),
		read: func(t *tx, ev act.Event) (act.Event, error) {
			list, err := t.Events(ev.Clinic, ev.Test, ev.Seq-1, ev.Type, 1)
			return list[0], err
		}})
	keeps(t, h, "audit", entity[act.AuditEntry]{unkept: "Respelled", insert: inserts((*tx).InsertAudit),
		read: func(t *tx, a act.AuditEntry) (act.AuditEntry, error) {
			list, err := t.AuditChain(a.Clinic, a.Seq-1, 1)
			return list[0], err
		}})
}

// dropTriggersOf takes the triggers from the file: here only columns matter.
func dropTriggersOf(t *testing.T, h *house) {
	c, err := dial(h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	var drops []string
	err = c.query("SELECT name FROM sqlite_schema WHERE type = 'trigger'", func(r *row) error {
		drops = append(drops, "DROP TRIGGER "+r.text())
		return nil
	})
	if err == nil {
		err = c.script(strings.Join(drops, "; "))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// keeps checks one entity in a transaction that is undone, without the constraints
// of its table: the values are of no sense, but each is another one.
func keeps[E any](t *testing.T, h *house, name string, as entity[E]) {
	t.Run(name, func(t *testing.T) {
		unkept, fixed := strings.Fields(as.unkept), strings.Fields(as.fixed)
		err := engine.Update(context.Background(), h, func(etx engine.Tx) error {
			x := etx.(*tx)
			for _, pragma := range []string{"ignore_check_constraints", "defer_foreign_keys"} {
				if _, _, err := x.exec("PRAGMA " + pragma + " = ON"); err != nil {
					return err
				}
			}
			first, second := filled[E](1, unkept), filled[E](2, unkept)
			if err := as.insert(x, &first); err != nil {
				return err
			}
			if err := as.same(t, x, first); err != nil || as.update == nil {
				return orUndo(err)
			}
			was, will := reflect.ValueOf(&first).Elem(), reflect.ValueOf(&second).Elem()
			for _, f := range fields(will.Type()) {
				switch {
				case slices.Contains(fixed, f.Name):
					will.FieldByIndex(f.Index).Set(was.FieldByIndex(f.Index))
				case slices.Contains(unkept, f.Name):
				case reflect.DeepEqual(was.FieldByIndex(f.Index).Interface(), will.FieldByIndex(f.Index).Interface()):
					t.Errorf("this test does not change %s", f.Name)
				}
			}
			if err := as.update(x, second); err != nil {
				return err
			}
			return orUndo(as.same(t, x, second))
		})
		if !errors.Is(err, errUndo) {
			t.Error(err)
		}
	})
}

func orUndo(err error) error {
	if err != nil {
		return err
	}
	return errUndo
}

// same names every field that is read otherwise than it was written.
func (as entity[E]) same(t *testing.T, x *tx, e E) error {
	t.Helper()
	if as.prep != nil {
		if err := as.prep(x, &e); err != nil {
			return err
		}
	}
	got, err := as.read(x, e)
	if err != nil {
		return err
	}
	w, g := reflect.ValueOf(e), reflect.ValueOf(got)
	for _, f := range fields(w.Type()) {
		if w, g := w.FieldByIndex(f.Index).Interface(), g.FieldByIndex(f.Index).Interface(); !reflect.DeepEqual(w, g) {
			t.Errorf("%s\nread    %#v\nwritten %#v", f.Name, g, w)
		}
	}
	return nil
}

// fields are the fields of a struct, with those of act.Meta in its place.
func fields(of reflect.Type) (list []reflect.StructField) {
	for _, f := range reflect.VisibleFields(of) {
		meta := f.Type == reflect.TypeFor[act.Meta]()
		if len(f.Index) == 1 && !meta || len(f.Index) == 2 && of.Field(f.Index[0]).Type == reflect.TypeFor[act.Meta]() {
			list = append(list, f)
		}
	}
	return list
}

// filled is an entity with every field set but the unkept ones, in two variants
// that have no value in common.
func filled[E any](variant int, unkept []string) (e E) {
	v, n := reflect.ValueOf(&e).Elem(), variant*1000
	for _, f := range fields(v.Type()) {
		if !slices.Contains(unkept, f.Name) {
			fill(v.FieldByIndex(f.Index), variant, &n)
		}
	}
	return e
}

// formed are the values of types that not every number or text is a value of.
func formed(of reflect.Type, variant, n int) any {
	switch of {
	case reflect.TypeFor[calendar.Date]():
		return calendar.Date(20000 + n)
	case reflect.TypeFor[calendar.Schedule]():
		windows := []calendar.Window{{From: n % 60, To: 600}}
		return calendar.Schedule{Weekly: calendar.Week{1: windows}, Breaks: calendar.Week{2: windows},
			Overrides: []calendar.Override{{Date: calendar.Date(n), Windows: windows, Reason: "r"}}}
	case reflect.TypeFor[booking.Resource]():
		return booking.Resource{Kind: "pl"[variant-1], ID: int64(n)}
	case reflect.TypeFor[scope.Set]():
		return scope.Of([]scope.Scope{scope.LeadsRead, scope.LeadsWrite}[variant-1])
	case reflect.TypeFor[json.RawMessage]():
		return json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))
	case reflect.TypeFor[map[string]any]():
		return map[string]any{"k": json.Number(fmt.Sprint(n))}
	}
	return nil
}

// fill sets a value, and within it all there is to set. Booleans are true in the
// first variant and false in the second.
func fill(v reflect.Value, variant int, n *int) {
	*n++
	if f := formed(v.Type(), variant, *n); f != nil {
		v.Set(reflect.ValueOf(f))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", *n))
	case reflect.Bool:
		v.SetBool(variant == 1)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(variant))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), variant, n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), variant, n)
		fill(v.Index(1), variant, n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, variant, n)
		fill(value, variant, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for _, f := range fields(v.Type()) {
			fill(v.FieldByIndex(f.Index), variant, n)
		}
	default:
		panic("no value of " + v.Type().String())
	}
}
