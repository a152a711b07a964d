package act

import (
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/engine/text"
)

// ActorKind is what sort of somebody acts (records.md §5).
type ActorKind string

// The kinds of actors.
const (
	ActorKey    ActorKind = "key"    // an API key
	ActorUser   ActorKind = "user"   // a person with a session
	ActorCLI    ActorKind = "cli"    // the shell on the machine itself
	ActorSystem ActorKind = "system" // qb on its own: housekeeping, no-shows, drills
	ActorLink   ActorKind = "link"   // the bearer of an interview link
)

// ActorKinds lists them.
var ActorKinds = []ActorKind{ActorKey, ActorUser, ActorCLI, ActorSystem, ActorLink}

// Words lists the values as text.
func (ActorKind) Words() []string { return text.Words(ActorKinds) }

// Role is what a session's user is in the clinic.
type Role string

// The roles (contract.md §4): what a role forbids stays forbidden although sessions hold `*`.
const (
	Owner     Role = "owner"
	Admin     Role = "admin"
	Clinician Role = "provider"
	FrontDesk Role = "front_desk"
	Auditor   Role = "auditor"
)

// Roles lists them, the most powerful first.
var Roles = []Role{Owner, Admin, Clinician, FrontDesk, Auditor}

// Words lists the values as text.
func (Role) Words() []string { return text.Words(Roles) }

// rights says what each role may at most.
var rights = map[Role]scope.Set{
	Owner: scope.All,
	Admin: scope.All.Without(scope.Of(scope.PatientsErase)),
	Clinician: scope.Of(scope.PatientsRead, scope.PatientsWrite, scope.PatientsExport, scope.AppointmentsRead,
		scope.AppointmentsWrite, scope.AppointmentsOverride,
		scope.AvailabilityRead, scope.ProvidersRead, scope.LeadsRead, scope.LeadsWrite, scope.ConsultationsRead,
		scope.ConsultationsWrite, scope.NotesSign,
		scope.CampaignsRead, scope.InterviewsRead, scope.InterviewsWrite, scope.FindingsRead, scope.FindingsWrite,
		scope.GraphRead, scope.TeamsRead),
	FrontDesk: scope.Of(scope.PatientsRead, scope.PatientsWrite, scope.AppointmentsRead, scope.AppointmentsWrite,
		scope.AppointmentsOverride,
		scope.AvailabilityRead, scope.ProvidersRead, scope.LeadsRead, scope.LeadsWrite, scope.CampaignsRead,
		scope.InterviewsWrite, scope.TeamsRead),
	Auditor: scope.Of(scope.PatientsRead, scope.AppointmentsRead, scope.AvailabilityRead, scope.ProvidersRead,
		scope.LeadsRead, scope.AuditRead, scope.AdminRead),
}

// Valid reports whether the role is one of ours.
func (r Role) Valid() bool { _, ok := rights[r]; return ok }

// Rights is what the role may at most.
func (r Role) Rights() scope.Set { return rights[r] }

// Caller is who asks, and all that a use case may know of the asking: tenant and
// rights are arguments, never context values (CONTRIBUTING.md "The laws"). The zero Caller
// may nothing.
type Caller struct {
	Clinic int64 // the tenant; every query is bound to it
	Kind   ActorKind
	ID     string // of the key or user; the verb for the shell
	Label  string // the key prefix, the user's role: what an auditor may read without looking further
	Role   Role   // of a session's user
	Scopes scope.Set
	Test   bool          // a test key: sees and writes test rows only (booking.md §1.5a)
	Family secret.Family // of an API key; "" otherwise

	IP        string
	RequestID string

	// Rehearsal is set when the face has found faults already: the act is tried, so
	// that its own faults come back in the same list, and undone whatever it says.
	Rehearsal bool

	// Idempotency is set when the request carried a key (contract.md §6).
	Idempotency *Idempotency
	// Encode makes the reply of a result or refusal. The engine calls it inside the
	// transaction, so that the stored reply is the sent reply; needed only with Idempotency.
	Encode func(result any, err error) Reply
}

// Idempotency is a request's key and what it was used for.
type Idempotency struct {
	Key         string
	Fingerprint string // hex SHA-256 of method, path, query and canonical JSON body
}

// Reply is an answer as the face will send it; opaque to the engine.
type Reply struct {
	Status int
	Header map[string]string // Location and ETag: the headers a replay must repeat
	Body   []byte
}

// Replay is not a fault: it says that this idempotency key was answered before,
// and how. Every act may return it; the face sends the Reply as it is.
type Replay struct{ Reply Reply }

func (*Replay) Error() string { return "replayed reply" }

// Secretive is a result that shows a secret once. Its idempotency record is
// made from WithoutSecret (contract.md §6).
type Secretive interface{ WithoutSecret() any }

// Name is the caller in created_by columns and in idempotency records: "key:0196…".
func (c Caller) Name() string { return string(c.Kind) + ":" + c.ID }

// May reports whether the caller holds the scope and, for a user, whether the role allows it.
func (c Caller) May(s scope.Scope) bool {
	if c.Kind == ActorUser && !c.Role.Rights().Has(s) {
		return false
	}
	return c.Scopes.Has(s)
}

// Grants is everything the caller may pass on: no key can hold more than its maker.
func (c Caller) Grants() scope.Set {
	if c.Kind == ActorUser {
		return c.Scopes & c.Role.Rights()
	}
	return c.Scopes
}

// Shell is the caller of the command line: whoever can write the file may do everything.
func Shell(clinic int64, verb string) Caller {
	return Caller{Clinic: clinic, Kind: ActorCLI, ID: verb, Label: "qb " + verb, Scopes: scope.All}
}

// System is qb itself, acting without being asked.
func System(clinic int64, task string) Caller {
	return Caller{Clinic: clinic, Kind: ActorSystem, ID: task, Label: task, Scopes: scope.All}
}

// Operator reports who may ask beyond one tenant: the shell of the machine and qb
// itself. No credential of the wire is ever of these kinds.
func (c Caller) Operator() bool { return c.Kind == ActorCLI || c.Kind == ActorSystem }

// ErrNotOperator refuses everybody else.
var ErrNotOperator = fault.Fail(fault.Forbidden,
	"Clinics can only be made and listed on the machine itself, with qb init")

// Lacks is the refusal of a caller without a right.
func (c Caller) Lacks(s scope.Scope) *fault.Error {
	who := "caller"
	if c.Kind == ActorKey {
		who = "key"
	}
	return &fault.Error{Kind: fault.Forbidden, Message: "The " + who + " lacks a required permission", Missing: s}
}
