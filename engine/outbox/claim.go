package outbox

// MaxInterrupted is how many attempts of one delivery may be cut off by the end of
// the process without using up its budget (webhooks.md "Tables and dispatcher").
const MaxInterrupted = 3

// LeaseLook is how often the outbox looks for claims whose lease has run out, in
// seconds: the look reads all that is open.
const LeaseLook = 60

// Claim is one question of the dispatcher.
//
// A delivery may be claimed if it is pending, next_at ≤ Now, and its endpoint is
// enabled and has room: as many more as Rooms says, or, for an endpoint that Rooms
// does not name, as many as its max_in_flight. Endpoints take turns, one delivery
// each, in ascending order of their id beginning after After and round again,
// until Room is used up; inside an endpoint the order is next_at, then seq, then id.
//
// Claiming writes, before anybody sends: state sending, attempts+1, lease_until
// LeaseUntil, and retry_at RetryAt[min(failures, last)], where failures =
// attempts before this one − interrupted; next_at stays as it was.
type Claim struct {
	Now        int64
	Settled    []Settlement
	Room       int            // deliveries wanted in all; 0 only settles
	Rooms      map[string]int // by webhook id; 0 = none now
	After      string         // the endpoint that was served last
	LeaseUntil int64
	RetryAt    []int64 // by number of failures so far; the last one repeats
}

// Delivery is what one attempt needs.
type Delivery struct {
	ID          string
	EventID     string // "evt_…", sent as webhook-id; the same for a replay
	EventType   string
	Row         DeliveryRow
	Body        []byte // frozen when the delivery was made; sent unchanged
	Attempt     int    // the number of this attempt, from 1, as just written
	Interrupted int    // attempts that did not use up the budget, 0 … MaxInterrupted
	DueAt       int64  // next_at as it was before the claim
	To          *Target
}

// DeliveryRow says where the row of a claimed delivery is, so that settling need not
// look for it. The dispatcher hands it back as it was.
type DeliveryRow struct {
	N, Webhook int64  // DeliveryEntry.N, Webhook.N; zero = to be looked for by the id
	Cause      string // of the attempt
}

// Failures is how many attempts have failed before this one and count.
func (d *Delivery) Failures() int { return max(0, d.Attempt-1-d.Interrupted) }

// Target is the endpoint of a delivery as it is now; deliveries of one Exchange to
// the same endpoint may share it.
type Target struct {
	WebhookID       string
	URL             string
	SignatureHeader string // the name of the hex signature's header; "" = X-QualifyBase-Signature
	Secret          []byte // sealed, see Sealer
	OldSecret       []byte // sealed; nil outside a rotation
	OldUntil        int64  // the rotation's end: the old secret signs before it
	MaxInFlight     int    // 1 … 8
}

// Result is what became of a claimed delivery.
type Result string

// The results, and what settling writes for each. Every result is written only
// where the row is still (sending, attempts = Settlement.Attempt): a delivery that was
// cancelled, dropped or deleted meanwhile stays so.
const (
	Delivered Result = "succeeded" // state succeeded
	Retry     Result = "pending"   // state pending, next_at = NextAt
	Dead      Result = "dead"      // state dead: the dead letter queue
	// claimed, not sent: state pending, attempts−1, next_at = NextAt, no attempt row, no streak
	Released Result = "released"
)

// Class is why an attempt failed, as coarse as the API may show it: the delivery
// log must be no port scanner (webhooks.md "Where it may send").
type Class string

// The classes.
const (
	ConnectFailed    Class = "connect_failed"    // no such name, refused, cut off
	TLSFailed        Class = "tls_failed"        // certificate or protocol version
	TimedOut         Class = "timeout"           // 5 s to connect, 15 s in all
	Blocked          Class = "blocked"           // the policy says no; nothing was sent
	Redirected       Class = "redirect"          // 3xx, never followed
	EndpointGone     Class = "gone"              // 410: the endpoint is disabled
	BadStatus        Class = "bad_status"        // any other status but 2xx
	SecretUnreadable Class = "secret_unreadable" // the key file does not open the secret
	Interrupted      Class = "interrupted"       // the process ended, or the lease; written by Reset and Exchange
	InternalFault    Class = "internal"          // ours; the log has it
)

// Settlement is the end of one claimed delivery. Unless the result is Released,
// settling also inserts the attempt row (Attempt, StartedAt, MS, Status, Error(),
// Response), copies Status and Error() to the delivery's last_status and
// last_error, and runs the endpoint's Streak over it in the order given.
type Settlement struct {
	DeliveryID string
	Row        DeliveryRow // as the claim gave it
	WebhookID  string
	Attempt    int
	Result     Result
	StartedAt  int64
	MS         int64  // milliseconds from start to end
	Status     int    // 0 = no reply
	Class      Class  // "" when delivered
	Hint       string // the way out, where there is one: "blocked" names the setting
	Response   string // at most 4 KiB, valid UTF-8; third-party text, never logged
	NextAt     int64  // Retry, Released
	Disable    bool   // disable the endpoint with reason EndpointGone
}

// Error is the text for attempt_log.error and last_error: the class, and the way
// out behind it.
func (o *Settlement) Error() string {
	if o.Hint == "" {
		return string(o.Class)
	}
	return string(o.Class) + ": " + o.Hint
}

// Streak is an endpoint's run of nothing but failures.
type Streak struct {
	Since    int64 // the first failure of the run; 0 = none
	Failures int
}

// The auto-disable rule (webhooks.md "Outcome").
const (
	HopelessAfter    = 5 * 24 * 60 * 60 // seconds
	HopelessAttempts = 20
)

// Add is the streak after one more attempt: any success ends it, what was not sent
// does not count.
func (s Streak) Add(o Settlement) Streak {
	switch o.Result {
	case Released:
		return s
	case Delivered:
		return Streak{}
	}
	if s.Since == 0 {
		s.Since = o.StartedAt
	}
	s.Failures++
	return s
}

// Hopeless tells that the endpoint is to be disabled: at least five days and at
// least twenty attempts of nothing but failure.
func (s Streak) Hopeless(now int64) bool {
	return s.Since != 0 && s.Failures >= HopelessAttempts && now-s.Since >= HopelessAfter
}

// Run is an endpoint's run of attempts while a batch of settlements is written.
type Run struct {
	Webhook   int64 // Webhook.N
	WebhookID string
	Clinic    int64
	Enabled   bool // when the batch began
	Was, Now  Streak
	Off       string // why the endpoint is to be disabled; "" = it is not
}

// add counts one more attempt and decides whether the endpoint is to be disabled.
func (r *Run) add(o Settlement) {
	r.Now = r.Now.Add(o)
	switch {
	case !r.Enabled || r.Off != "":
	case o.Disable:
		r.Off = DisabledGone
	case r.Now.Hopeless(o.StartedAt):
		r.Off = DisabledFailing
	}
}
