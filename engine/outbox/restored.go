package outbox

import (
	"context"
	"strconv"

	"qualifybase/engine/act"
	"qualifybase/engine/scope"
)

// Recovery is what became of a clinic's database when it was restored.
type Recovery struct {
	Clinic  string // slug
	Shelved int    // deliveries that are not sent again by themselves
}

// restoredDelivery stands in last_error of a delivery that a restore shelved.
const restoredDelivery = "restored: may have been delivered after the backup was made; retry to send it again"

// changeLeap is how far a restore moves the change numbers on. What was written
// between the backup and the disaster is gone, but its numbers are in the cursors
// of other systems: without the leap their next sync would begin beyond the new
// rows that get the same numbers again, and pass over them.
const changeLeap = 1_000_000_000

// numberLeap is the same for the numbers of patients, providers, locations and
// services, and for MRNs: other systems and printed pages may name somebody by a
// number that the restored database has not given yet. Nobody else gets it.
const numberLeap = 10_000

var clinicRestore = act.Define("clinic.restore", scope.ProvidersWrite)

// Restored readies a database that came out of a backup, before anybody is served
// from it; madeAt is when the backup was made. It is for the shell alone.
//
// Deliveries that were on their way then may have been delivered since: nothing
// in the backup can tell. They become dead letters that say so, and are sent
// again only when somebody asks (`qb webhooks retry`), under the same webhook-id,
// by which a receiver knows what it had. Delivered ones stay delivered. Change
// numbers, and those of people and things, leap beyond all that were given after
// the backup, and each clinic's audit says that it was restored, from when, and how much was shelved.
//
// Errors: Forbidden, and what the store answers. It may be called again.
func (e *Engine) Restored(ctx context.Context, c act.Caller, madeAt int64) ([]Recovery, error) {
	clinics, err := e.directory.Clinics(ctx, c)
	if err == nil {
		err = act.Batch(ctx, e.Room, c, func(w *Act) error { return w.LeapNumbers(numberLeap) })
	}
	if err != nil {
		return nil, err
	}
	var out []Recovery
	for _, clinic := range clinics {
		c.Clinic = clinic.N
		r, err := act.Do(ctx, e.Room, c, clinicRestore, func(w *Act) (Recovery, error) {
			counters, err := w.Counters(clinic.N)
			if err != nil {
				return Recovery{}, err
			}
			counters.Change += changeLeap
			counters.MRN += numberLeap
			n, err := w.ShelveDeliveries(clinic.N, restoredDelivery, w.Now)
			w.EntityID = clinic.ID
			w.Fields = []string{"backup:" + strconv.FormatInt(madeAt, 10), "deliveries:" + strconv.Itoa(n)}
			return Recovery{clinic.Slug, n}, err
		})
		if err != nil {
			return out, err
		}
		out = append(out, r)
	}
	return out, nil
}
