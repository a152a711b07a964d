package engine

import (
	"strconv"
	"time"
)

// OwnerRef names whose hours or closures are meant: the clinic "c", location "l1", provider "p1", service "s1".
type OwnerRef string

// The owners of schedules and closures.
const ClinicOwner OwnerRef = "c"

// OwnedBy makes the reference of a location ('l'), provider ('p') or service ('s').
func OwnedBy(kind byte, id int64) OwnerRef {
	return OwnerRef(string(kind) + strconv.FormatInt(id, 10))
}

// OwnedSchedule is the schedule of one owner as it is stored.
type OwnedSchedule struct {
	Clinic int64
	Owner  OwnerRef
	Schedule
	Meta
}

// Closure shuts an owner for a time: a holiday, time off. Either instants or
// local dates (both ends included) of the owner's zone.
type Closure struct {
	ID       string
	Clinic   int64
	Owner    OwnerRef
	Span     Span // instants; zero when it is by dates
	ByDate   bool
	FromDate Date
	ToDate   Date
	Reason   string
	Change   int64
	Created  int64
	By       string
}

// In is the closed time, with local dates read in a zone, both ends included.
func (c Closure) In(zone *time.Location) Span {
	if c.ByDate {
		return DaySpan(zone, c.FromDate, c.ToDate)
	}
	return c.Span
}

// ClosureDraft is an unsaved closure: instants in RFC 3339, or local dates.
type ClosureDraft struct {
	StartsAt *int64
	EndsAt   *int64
	FromDate *Date
	ToDate   *Date
	Reason   *string
}

// Stranded is a booked appointment that a change of hours or a closure leaves outside of them.
type Stranded struct {
	ID       string
	StartsAt int64
	EndsAt   int64
	Provider int64
}
