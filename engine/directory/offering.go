package directory

import (
	"slices"

	"qualifybase/engine/fault"
)

// serve makes the services that name a provider be exactly the asked ones; nil is
// "not sent". Two traps lie here, for a service that names nobody is offered by
// everybody:
//
// Naming a provider in such a service would take it from all others. So the
// service first names all whom it had, and then the new one.
//
// Taking the last named provider out of a service would give it to everybody.
// That is refused with Conflict: deactivate the service, or name somebody else.
func (w *Act) serve(plan *Plan, p *Provider, asked *[]int64) error {
	if asked == nil {
		return nil
	}
	var touched []int64
	for _, s := range plan.Services {
		want, has := slices.Contains(*asked, s.ID), slices.Contains(s.ProviderIDs, p.ID)
		if want == has {
			continue
		}
		row := *s
		row.ProviderIDs = slices.DeleteFunc(slices.Clone(s.ProviderIDs), func(id int64) bool { return id == p.ID })
		if want {
			if len(s.ProviderIDs) == 0 {
				for _, other := range plan.Providers {
					if other.ID != p.ID {
						row.ProviderIDs = append(row.ProviderIDs, other.ID)
						touched = append(touched, other.ID)
					}
				}
			}
			row.ProviderIDs = append(row.ProviderIDs, p.ID)
			slices.Sort(row.ProviderIDs)
		}
		if len(row.ProviderIDs) == 0 {
			return fault.Fail(fault.Conflict,
				"Service %d would have no provider left, so that every provider would offer it", s.ID).
				On("service_ids", "Keep service %d, or first deactivate it or name another provider in its provider_ids", s.ID)
		}
		if err := w.Stamp(&row.Meta); err != nil {
			return err
		}
		if err := w.UpdateService(row); err != nil {
			return err
		}
	}
	p.ServiceIDs = slices.Sorted(slices.Values(*asked))
	return w.touchProviders(touched)
}

// touchProviders gives a new version to providers whose service_ids changed from
// the service's side, so that their ETag says so.
func (w *Act) touchProviders(ids []int64) error {
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		row, err := w.Provider(w.Caller.Clinic, id)
		if err != nil {
			return err
		}
		if err := w.Stamp(&row.Meta); err != nil {
			return err
		}
		if err := w.UpdateProvider(row); err != nil {
			return err
		}
	}
	return nil
}

// unlike lists the ids that are in one of the two lists alone.
func unlike(a, b []int64) (out []int64) {
	for _, id := range a {
		if !slices.Contains(b, id) {
			out = append(out, id)
		}
	}
	for _, id := range b {
		if !slices.Contains(a, id) {
			out = append(out, id)
		}
	}
	return out
}
