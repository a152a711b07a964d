package record

import (
	"math"
	"slices"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/text"
)

// Limits of a note beside those of text.
const (
	MaxCodes  = 50
	MaxVitals = 50
)

// noteFields are what a draft says of a note; its author is looked up by the acts.
var noteFields = act.Fields[Note, NoteDraft]{
	act.FieldOf("subjective", act.Cleaned(cleanPart),
		func(n *Note, d *NoteDraft) (*string, **string) { return &n.Subjective, &d.Subjective }),
	act.FieldOf("objective", act.Cleaned(cleanPart),
		func(n *Note, d *NoteDraft) (*string, **string) { return &n.Objective, &d.Objective }),
	act.FieldOf("assessment", act.Cleaned(cleanPart),
		func(n *Note, d *NoteDraft) (*string, **string) { return &n.Assessment, &d.Assessment }),
	act.FieldOf("plan", act.Cleaned(cleanPart),
		func(n *Note, d *NoteDraft) (*string, **string) { return &n.Plan, &d.Plan }),
	act.FieldOf("codes", act.CleanedList(cleanCodes),
		func(n *Note, d *NoteDraft) (*[]Code, **[]Code) { return &n.Codes, &d.Codes }),
	act.FieldOf("vitals", act.CleanedList(cleanVitals),
		func(n *Note, d *NoteDraft) (*[]Vital, **[]Vital) { return &n.Vitals, &d.Vitals }),
}

func cleanPart(x *act.Edit, field, sent string) string { return text.CleanSOAP(&x.Faults, field, sent) }

// check holds the draft's own values against their limits.
func (d *NoteDraft) check(f *fault.Faults) {
	var x act.Edit
	noteFields.Apply(&x, &Note{}, d)
	*f = append(*f, x.Faults...)
	if d.Status != "" && !slices.Contains(NoteStatuses, d.Status) {
		f.Add("status", "Must be %s", text.Or(NoteStatuses))
	}
	d.Reason = text.Clean(f, "reason", d.Reason, text.MaxText)
}

func cleanCodes(x *act.Edit, field string, sent []Code) []Code {
	if len(sent) > MaxCodes {
		x.Add(field, "At most %d; there are %d", MaxCodes, len(sent))
		return nil
	}
	codes := make([]Code, 0, len(sent))
	for i, c := range sent {
		at := fault.Indexed(field, i)
		c.System = text.Clean(&x.Faults, at+".system", c.System, text.MaxText)
		c.Code = text.Require(&x.Faults, at+".code", c.Code, text.MaxName)
		c.Display = text.Clean(&x.Faults, at+".display", c.Display, text.MaxTitle)
		if slices.ContainsFunc(codes, func(o Code) bool { return o.System == c.System && o.Code == c.Code && c.Code != "" }) {
			x.Add(at+".code", "Named twice; name each code once")
		}
		codes = append(codes, c)
	}
	return codes
}

// vitalRange is what a living body can show: outside of it a value was mistyped.
type vitalRange struct {
	unit   string
	lo, hi float64
}

// vitalRanges knows the common vital signs by our word and by their LOINC code,
// in their UCUM units. Another code, or another unit, is kept as it is said.
var vitalRanges = func() map[string][]vitalRange {
	m := map[string][]vitalRange{}
	for _, v := range []struct {
		names  string
		ranges []vitalRange
	}{
		{"heart_rate 8867-4", []vitalRange{{"/min", 0, 350}}},
		{"respiratory_rate 9279-1", []vitalRange{{"/min", 0, 150}}},
		{"body_temperature 8310-5", []vitalRange{{"Cel", 10, 47}, {"[degF]", 50, 117}}},
		{"systolic_blood_pressure 8480-6", []vitalRange{{"mm[Hg]", 0, 350}}},
		{"diastolic_blood_pressure 8462-4", []vitalRange{{"mm[Hg]", 0, 250}}},
		{"oxygen_saturation 2708-6 59408-5", []vitalRange{{"%", 0, 100}}},
		{"body_weight 29463-7", []vitalRange{{"kg", 0.1, 700}, {"g", 100, 700_000}, {"[lb_av]", 0.2, 1550}}},
		{"body_height 8302-2", []vitalRange{{"cm", 10, 300}, {"m", 0.1, 3}, {"[in_i]", 4, 120}}},
		{"bmi 39156-5", []vitalRange{{"kg/m2", 3, 250}}},
		{"pain_score 72514-3", []vitalRange{{"{score}", 0, 10}}},
		{"blood_glucose 2339-0", []vitalRange{{"mg/dL", 1, 2500}, {"mmol/L", 0.1, 140}}},
	} {
		for name := range strings.FieldsSeq(v.names) {
			m[name] = v.ranges
		}
	}
	return m
}()

// maxVital bounds values that no range is known for.
const maxVital = 1e9

func cleanVitals(x *act.Edit, field string, sent []Vital) []Vital {
	if len(sent) > MaxVitals {
		x.Add(field, "At most %d; there are %d", MaxVitals, len(sent))
		return nil
	}
	vitals := make([]Vital, 0, len(sent))
	for i, v := range sent {
		at := fault.Indexed(field, i)
		v.Code = text.Require(&x.Faults, at+".code", v.Code, text.MaxName)
		v.Unit = text.Require(&x.Faults, at+".unit", v.Unit, text.MaxName)
		if math.IsNaN(v.Value) || math.Abs(v.Value) > maxVital {
			x.Add(at+".value", "Must be a number between -1e9 and 1e9")
		}
		for _, r := range vitalRanges[v.Code] {
			if r.unit == v.Unit && (v.Value < r.lo || v.Value > r.hi) {
				x.Add(at+".value", "Must be %g to %g %s", r.lo, r.hi, r.unit)
			}
		}
		vitals = append(vitals, v)
	}
	return vitals
}

// empty tells a note that says nothing.
func (n *Note) empty() bool {
	return n.Subjective == "" && n.Objective == "" && n.Assessment == "" && n.Plan == "" && len(n.Codes) == 0 &&
		len(n.Vitals) == 0
}
