package access

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/engine/text"
	"qualifybase/engine/uuid"
)

// Key is an API key as it is stored: the hash, never the key.
type Key struct {
	ID             string
	Clinic         int64
	KeyID          string // the 8 characters after the family
	Family         secret.Family
	Name           string
	Hash           string // hex SHA-256 of the whole key
	Scopes         scope.Set
	RatePerMinute  *int // nil = the tier's; 0 = unlimited
	AllowedOrigins []string
	ExpiresAt      int64 // 0 = never
	RevokedAt      int64 // 0 = live; may lie ahead during a rotation's overlap
	RotatedTo      string
	CreatedAt      int64
	CreatedBy      string
	LastUsedAt     int64
	Secret         string // the key itself, once, in the reply that makes it
}

// Prefix is the visible part: "qbk_live_8fJ2kQ0a".
func (k Key) Prefix() string { return string(k.Family) + k.KeyID }

// WithoutSecret is the key as its idempotency record keeps it.
func (k Key) WithoutSecret() any { k.Secret = ""; return k }

// Ended says why the key admits nobody at the time now (UTC seconds): "revoked",
// "expired", or "" while it is live.
func (k Key) Ended(now int64) string {
	switch {
	case k.RevokedAt != 0 && k.RevokedAt <= now:
		return "revoked"
	case k.ExpiresAt != 0 && k.ExpiresAt <= now:
		return "expired"
	}
	return ""
}

// KeyDraft asks for a key.
type KeyDraft struct {
	Name           string
	Family         secret.Family
	Scopes         []string // either spelling; empty = the family's default
	AllowedOrigins []string
	ExpiresAt      int64 // UTC seconds; 0 = never
	RatePerMinute  *int
}

// The limits of a key besides the length of its name (MaxName).
const (
	MaxOrigins       = 50
	MaxRatePerMinute = 1_000_000
	MaxOverlapHours  = 168 // of a rotation
)

// familyScopes says what the keys of a family may hold (contract.md §2).
type familyScopes struct {
	usual   scope.Set // where the draft names no scope; empty = it must
	most    scope.Set // what it may name
	origins bool      // it names the pages that may use the key, and only then has any
}

var (
	klinivoScopes = scope.Of(scope.PatientsRead, scope.PatientsWrite, scope.AppointmentsRead, scope.AppointmentsWrite,
		scope.ProvidersRead,
		scope.ConsultationsRead, scope.WebhooksManage)
	researchScopes = scope.Of(scope.CampaignsRead, scope.CampaignsWrite, scope.CampaignsDelete, scope.CampaignsPublish,
		scope.InterviewsRead,
		scope.InterviewsWrite, scope.FindingsRead, scope.FindingsWrite, scope.GraphRead, scope.GraphShare, scope.TeamsRead,
		scope.TeamsWrite, scope.WebhooksManage, scope.AdminRead)
	clinicScopes = scope.Of(scope.LeadsRead, scope.LeadsWrite, scope.AvailabilityRead, scope.AppointmentsRead,
		scope.AppointmentsWrite, scope.WebhooksManage)
	publicScopes = scope.Of(scope.CampaignsRead, scope.InterviewsWrite)
	anyScope     = scope.All.Without(1 << scope.None)
)

// holdings has a line per family. Interview content is not public to QualifyBase's
// keys; a browser's key is fixed.
var holdings = map[secret.Family]familyScopes{
	secret.FamilyLive:    {usual: clinicScopes, most: anyScope.Without(scope.Of(scope.InterviewsRead))},
	secret.FamilyTest:    {usual: clinicScopes, most: anyScope.Without(scope.Of(scope.InterviewsRead))},
	secret.FamilySecret:  {usual: researchScopes, most: anyScope},
	secret.FamilyScoped:  {most: anyScope},
	secret.FamilyPublic:  {usual: publicScopes, most: publicScopes, origins: true},
	secret.FamilyKlinivo: {most: klinivoScopes},
}

// MostScopes is what a key of the family may hold.
func MostScopes(f secret.Family) scope.Set { return holdings[f].most }

// spelled spells scopes as a client of the family does.
func spelled(f secret.Family, s scope.Set) string {
	if f == secret.FamilyKlinivo {
		return strings.Join(s.KlinivoNames(), ", ")
	}
	return strings.Join(s.Names(), ", ")
}

// cleaned is the draft as a row without its secret, as of now (UTC seconds).
func (d KeyDraft) cleaned(f *fault.Faults, now int64) Key {
	k := Key{Family: d.Family, ExpiresAt: d.ExpiresAt, RatePerMinute: d.RatePerMinute, AllowedOrigins: []string{}}
	k.Name = text.Require(f, "name", d.Name, text.MaxName)
	if d.ExpiresAt != 0 && d.ExpiresAt <= now {
		f.Add("expires_at", "Must be in the future; leave it out for a key that does not expire")
	}
	if r := d.RatePerMinute; r != nil && (*r < 0 || *r > MaxRatePerMinute) {
		f.Add("rate_per_minute", "Must be 0 (unlimited) to %d requests a minute", MaxRatePerMinute)
	}
	rule, known := holdings[d.Family]
	if !known {
		f.Add("family", "Must be one of %s", strings.Join(familyTexts(), ", "))
		return k
	}
	k.Scopes = d.scopes(f, rule)
	switch {
	case rule.origins:
		k.AllowedOrigins = cleanOrigins(f, "allowed_origins", d.AllowedOrigins)
	case len(d.AllowedOrigins) > 0:
		f.Add("allowed_origins", "Only %s keys have origins; keys of other families must not be used in a browser",
			secret.FamilyPublic)
	}
	return k
}

func (d KeyDraft) scopes(f *fault.Faults, rule familyScopes) scope.Set {
	if len(d.Scopes) == 0 {
		if rule.usual == 0 {
			f.Add("scopes", "Required: a %s key holds exactly the scopes listed", d.Family)
		}
		return rule.usual
	}
	before := len(*f)
	set := ParseScopes("scopes", d.Scopes, f)
	if beyond := set.Without(rule.most); beyond != 0 {
		f.Add("scopes", "A %s key cannot hold %s", d.Family, spelled(d.Family, beyond))
	}
	if len(*f) == before && rule.origins && set != rule.most {
		f.Add("scopes", "A %s key always holds %s; leave the scopes out", d.Family, spelled(d.Family, rule.most))
	}
	return set
}

func familyTexts() []string {
	var all []string
	for _, f := range secret.Families() {
		all = append(all, string(f))
	}
	return all
}

// mayGrant refuses a key that could do what the caller cannot (contract.md §2):
// other scopes, or live rows for a test key.
func mayGrant(c act.Caller, k Key) error {
	if c.Test && k.Family != secret.FamilyTest {
		return fault.Fail(fault.Forbidden, "A test key manages test keys only").On("family", "Must be %s", secret.FamilyTest)
	}
	held, wider := c.Grants(), scope.Set(0)
	for _, s := range k.Scopes.List() {
		if !held.Has(s) {
			wider |= 1 << s
		}
	}
	if wider == 0 {
		return nil
	}
	err := fault.Fail(fault.Forbidden, "A key cannot hold more scopes than its maker")
	err.Missing = wider.List()[0]
	return err.On("scopes", "You do not hold %s", spelled(k.Family, wider))
}

// CreateKey makes a key; Secret in the result is its text, which nobody sees
// again (contract.md §2). Needs keys:manage. Forbidden names the scopes that the
// caller does not hold and so cannot pass on.
func (e *Engine) CreateKey(ctx context.Context, c act.Caller, d KeyDraft) (Key, error) {
	return act.Do(ctx, e.Room, c, act.Define("key.create", scope.KeysManage), func(w *Act) (Key, error) {
		var f fault.Faults
		k := d.cleaned(&f, w.Now)
		if err := f.Err(); err != nil {
			return Key{}, err
		}
		if err := mayGrant(c, k); err != nil {
			return Key{}, err
		}
		w.Fields = append([]string{"family:" + k.Family.Name()}, k.Scopes.Names()...)
		return w.issue(k)
	})
}

// issue gives a key its secret and its row.
func (w *Act) issue(k Key) (Key, error) {
	for {
		secret := secret.New(k.Family)
		_, err := w.KeyByLookup(k.Family, secret.ID)
		if err == nil {
			continue // one in 2·10¹⁴
		}
		if fault.KindOf(err) != fault.NotFound {
			return Key{}, err
		}
		hash := secret.Hash()
		k.ID, k.KeyID, k.Hash, k.Secret = w.NewID(), secret.ID, hex.EncodeToString(hash[:]), secret.Text()
		break
	}
	k.Clinic, k.CreatedAt, k.CreatedBy = w.Caller.Clinic, w.Now, w.Caller.Name()
	k.RevokedAt, k.RotatedTo, k.LastUsedAt = 0, "", 0
	w.EntityID = k.ID
	stored := k
	stored.Secret = ""
	return k, w.InsertKey(stored)
}

// Keys lists the clinic's keys, newest first, ended ones included. Needs keys:manage.
func (e *Engine) Keys(ctx context.Context, c act.Caller, p act.Page) (act.List[Key], error) {
	return act.Read(ctx, e.Room, c, act.Define("key.list", scope.KeysManage), func(r Reader) (act.List[Key], error) {
		return act.Listing[Key]{
			Filter: act.FilterOf("keys", c.Clinic),
			Place:  func(k Key) act.Position { return act.Position{CreatedAt: k.CreatedAt, ID: k.ID} },
			Count:  func() (int64, error) { return r.CountKeys(c.Clinic) },
			Rows:   func(after act.Position, limit int) ([]Key, error) { return r.Keys(c.Clinic, after, limit) },
		}.Page(p)
	})
}

// RevokeKey ends a key now; on a running server it stops within a second.
// Revoking an ended key changes nothing. Needs keys:manage.
func (e *Engine) RevokeKey(ctx context.Context, c act.Caller, id string) (Key, error) {
	return act.Do(ctx, e.Room, c, act.Define("key.revoke", scope.KeysManage), func(w *Act) (Key, error) {
		k, err := w.ownKey(id)
		if err != nil {
			return Key{}, err
		}
		if c.Test && k.Family != secret.FamilyTest {
			return Key{}, fault.Fail(fault.Forbidden, "A test key manages test keys only")
		}
		if k.RevokedAt != 0 && k.RevokedAt <= w.Now {
			w.Quiet = true
			return k, nil
		}
		k.RevokedAt = w.Now
		w.Fields = []string{"revoked_at"}
		return k, w.UpdateKey(k)
	})
}

// RotateKey replaces a key by one with the same name, scopes, origins, rate and
// end. The old one goes on for overlap hours, 0 to 168 (contract.md §2). Needs
// keys:manage and every scope of the key, since its text is handed out anew. A
// key that has ended, or was rotated before, is a Conflict.
func (e *Engine) RotateKey(ctx context.Context, c act.Caller, id string, overlap int) (Key, error) {
	return act.Do(ctx, e.Room, c, act.Define("key.rotate", scope.KeysManage), func(w *Act) (Key, error) {
		if overlap < 0 || overlap > MaxOverlapHours {
			return Key{}, fault.BadField("overlap_hours", "Must be 0 to 168 hours")
		}
		old, err := w.ownKey(id)
		if err != nil {
			return Key{}, err
		}
		if err := mayGrant(c, old); err != nil {
			return Key{}, err
		}
		if ended := old.Ended(w.Now); ended != "" {
			return Key{}, fault.Fail(fault.Conflict, "The key is %s; make a new one", ended)
		}
		if old.RotatedTo != "" {
			return Key{}, fault.Fail(fault.Conflict, "The key was rotated already; rotate the key that replaced it")
		}
		fresh, err := w.issue(old)
		if err != nil {
			return Key{}, err
		}
		old.RotatedTo, old.RevokedAt = fresh.ID, w.Now+int64(overlap)*3600
		w.EntityID, w.Fields = old.ID, []string{"rotated_to", "revoked_at"}
		return fresh, w.UpdateKey(old)
	})
}

// ownKey loads a key of the caller's clinic and names it in the audit.
func (w *Act) ownKey(id string) (Key, error) {
	w.EntityID = ""
	if !uuid.Valid(id) {
		return Key{}, fault.Absent("key")
	}
	k, err := w.Key(w.Caller.Clinic, id)
	if err == nil {
		w.EntityID = id
		k.AllowedOrigins = slices.Clone(k.AllowedOrigins) // the store may keep the row in memory
	}
	return k, err
}

// ParseScopes reads names in either spelling; every unknown one is a fault of the field.
func ParseScopes(field string, names []string, f *fault.Faults) scope.Set {
	var set scope.Set
	for i, name := range names {
		s, ok := scope.Parse(strings.TrimSpace(name))
		if !ok {
			f.Add(fault.Indexed(field, i), "Unknown scope; known are %s", strings.Join(scope.Names(), ", "))
			continue
		}
		set |= 1 << s
	}
	return set
}
