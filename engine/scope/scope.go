// Package scope names the rights of keys and people, and holds sets of them.
package scope

import (
	"sort"
	"strings"
)

// Scope is one right, from the one vocabulary of contract.md §3.
type Scope uint8

// The scopes, in the order in which they are listed to people.
const (
	None Scope = iota // a route that declares this is open to any authenticated caller
	PatientsRead
	PatientsWrite
	AppointmentsRead
	AppointmentsWrite
	ProvidersRead
	ConsultationsRead
	WebhooksManage
	LeadsRead
	LeadsWrite
	AvailabilityRead
	CampaignsRead
	CampaignsWrite
	CampaignsDelete
	CampaignsPublish
	InterviewsRead
	InterviewsWrite
	FindingsRead
	FindingsWrite
	GraphRead
	GraphShare
	TeamsRead
	TeamsWrite
	AdminRead
	ProvidersWrite
	ConsultationsWrite
	NotesSign
	AppointmentsOverride
	PatientsExport
	PatientsErase
	KeysManage
	AuditRead
	scopeCount
)

// spelling holds both spellings of each scope: ours, and Klinivo's where that document has one.
var spelling = [scopeCount]struct{ standard, klinivo string }{
	PatientsRead:         {"patients:read", "READ_PATIENTS"},
	PatientsWrite:        {"patients:write", "WRITE_PATIENTS"},
	AppointmentsRead:     {"appointments:read", "READ_APPOINTMENTS"},
	AppointmentsWrite:    {"appointments:write", "WRITE_APPOINTMENTS"},
	ProvidersRead:        {"providers:read", "READ_PROVIDERS"},
	ConsultationsRead:    {"consultations:read", "READ_CONSULTATIONS"},
	WebhooksManage:       {"webhooks:manage", "MANAGE_WEBHOOKS"},
	LeadsRead:            {"leads:read", ""},
	LeadsWrite:           {"leads:write", ""},
	AvailabilityRead:     {"availability:read", ""},
	CampaignsRead:        {"campaigns:read", ""},
	CampaignsWrite:       {"campaigns:write", ""},
	CampaignsDelete:      {"campaigns:delete", ""},
	CampaignsPublish:     {"campaigns:publish", ""},
	InterviewsRead:       {"interviews:read", ""},
	InterviewsWrite:      {"interviews:write", ""},
	FindingsRead:         {"findings:read", ""},
	FindingsWrite:        {"findings:write", ""},
	GraphRead:            {"graph:read", ""},
	GraphShare:           {"graph:share", ""},
	TeamsRead:            {"teams:read", ""},
	TeamsWrite:           {"teams:write", ""},
	AdminRead:            {"admin:read", ""},
	ProvidersWrite:       {"providers:write", ""},
	ConsultationsWrite:   {"consultations:write", ""},
	NotesSign:            {"notes:sign", ""},
	AppointmentsOverride: {"appointments:override", ""},
	PatientsExport:       {"patients:export", ""},
	PatientsErase:        {"patients:erase", ""},
	KeysManage:           {"keys:manage", ""},
	AuditRead:            {"audit:read", ""},
}

var scopeByName = func() map[string]Scope {
	m := make(map[string]Scope, 2*scopeCount)
	for s := None + 1; s < scopeCount; s++ {
		m[spelling[s].standard] = s
		m[s.Klinivo()] = s // what the flat form shows, it takes
	}
	return m
}()

// Parse reads either spelling.
func Parse(name string) (Scope, bool) {
	s, ok := scopeByName[name]
	return s, ok
}

// String is our spelling, "patients:read".
func (s Scope) String() string { return spelling[s].standard }

// Klinivo is the spelling of a caller of the flat wire form. Scopes which that
// document does not have keep their words in its manner: KEYS_MANAGE.
func (s Scope) Klinivo() string {
	if k := spelling[s].klinivo; k != "" {
		return k
	}
	return strings.ToUpper(strings.ReplaceAll(spelling[s].standard, ":", "_"))
}

// Set is a literal set of scopes: write does not imply read (contract.md §3).
type Set uint64

// Of makes a set.
func Of(list ...Scope) Set {
	var set Set
	for _, s := range list {
		set |= 1 << s
	}
	return set
}

// All is `*`, which only sessions hold.
const All = Set(1<<scopeCount - 1)

// Has reports whether the set grants the scope. availability:read is also given
// by appointments:read, the contract's one implication.
func (s Set) Has(x Scope) bool {
	if s&(1<<x) != 0 || x == None {
		return true
	}
	return x == AvailabilityRead && s&(1<<AppointmentsRead) != 0
}

// Without tells which scopes of s the set other lacks.
func (s Set) Without(other Set) Set { return s &^ other }

// List gives the members in the vocabulary's order.
func (s Set) List() []Scope {
	var out []Scope
	for x := None + 1; x < scopeCount; x++ {
		if s&(1<<x) != 0 {
			out = append(out, x)
		}
	}
	return out
}

// Names gives our spellings, in the vocabulary's order.
func (s Set) Names() []string {
	out := []string{}
	for _, x := range s.List() {
		out = append(out, x.String())
	}
	return out
}

// KlinivoNames gives the flat form's spellings, in the vocabulary's order.
func (s Set) KlinivoNames() []string {
	out := []string{}
	for _, x := range s.List() {
		out = append(out, x.Klinivo())
	}
	return out
}

// Names lists every scope in our spelling, sorted, for help texts and messages.
func Names() []string {
	names := All.Names()
	sort.Strings(names)
	return names
}
