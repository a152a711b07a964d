package engine

// Service is what is booked: a consultation, a cleaning.
type Service struct {
	ID               int64
	Clinic           int64
	Name             string
	DurationMinutes  int
	BufferBefore     int // minutes
	BufferAfter      int
	Step             int // minutes; 0 = the clinic's
	Align            Align
	LocationKind     LocationKind // "" = any
	MinNotice        int          // minutes; -1 = the clinic's
	HorizonDays      int          // -1 = the clinic's
	DailyCap         int          // 0 = none
	AutoConfirm      bool
	IntakeCampaignID string
	Active           bool
	ProviderIDs      []int64 // empty = every provider offers it
	Meta
}

// Align is how the grid of offered starts is laid (booking.md §5).
type Align string

// The alignments.
const (
	AlignStart Align = "start" // from the start of each effective interval
	AlignClock Align = "clock" // on the local clock: full hours, halves, quarters
	AlignPack  Align = "pack"  // from the end of the footprint before
)

// ServiceDraft is an unsaved service: nil is "not sent".
type ServiceDraft struct {
	Name            *string
	DurationMinutes *int
	BufferBefore    *int
	BufferAfter     *int
	Step            *int
	Align           *Align
	LocationKind    *LocationKind
	MinNotice       *int
	HorizonDays     *int
	DailyCap        *int
	AutoConfirm     *bool
	Active          *bool
	ProviderIDs     *[]int64
}
