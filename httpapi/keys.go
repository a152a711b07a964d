package httpapi

import (
	"context"

	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/httpapi/wire"
)

// Key is an API key, everywhere the same object (contract.md §2).
type Key struct {
	ID             string        `json:"id" format:"uuid"`
	Name           string        `json:"name"`
	Family         secret.Family `json:"family"`
	KeyPrefix      string        `json:"key_prefix" doc:"The visible part"`
	Scopes         []string      `json:"scopes" doc:"In the caller's spelling"`
	RatePerMinute  *int          `json:"rate_per_minute" doc:"null = the default; 0 = unlimited"`
	AllowedOrigins []string      `json:"allowed_origins"`
	ExpiresAt      *wire.Instant `json:"expires_at"`
	RevokedAt      *wire.Instant `json:"revoked_at" doc:"May lie ahead during a rotation"`
	CreatedAt      wire.Instant  `json:"created_at"`
	LastUsedAt     *wire.Instant `json:"last_used_at" doc:"Written at most once a minute"`
	Key            string        `json:"key,omitempty" doc:"The key itself, once, in the reply that makes it"`
}

// KeyOf is a key on the wire.
func KeyOf(k access.Key) Key {
	return Key{
		ID: k.ID, Name: k.Name, Family: k.Family, KeyPrefix: k.Prefix(), Scopes: k.Scopes.Names(),
		RatePerMinute: k.RatePerMinute, AllowedOrigins: wire.List(k.AllowedOrigins), ExpiresAt: wire.At(k.ExpiresAt),
		RevokedAt: wire.At(k.RevokedAt), CreatedAt: wire.Instant(k.CreatedAt), LastUsedAt: wire.At(k.LastUsedAt),
		Key: k.Secret,
	}
}

// KeyDraft asks for a key.
type KeyDraft struct {
	Name           string        `json:"name" maxLength:"100"`
	Family         secret.Family `json:"family"`
	Scopes         []string      `json:"scopes,omitempty" doc:"In either spelling; the family's default without them"`
	AllowedOrigins []string      `json:"allowed_origins,omitempty" doc:"Required of qual_pk_ keys, and only theirs"`
	ExpiresAt      *wire.Instant `json:"expires_at,omitempty"`
	RatePerMinute  *int          `json:"rate_per_minute,omitempty" doc:"0 = unlimited"`
}

// Rotation says how long the old key goes on.
type Rotation struct {
	OverlapHours int `json:"overlap_hours,omitempty" minimum:"0" maximum:"168"`
}

func (s *Server) keyRows() []Row {
	create := func(ctx context.Context, c act.Caller, in wire.Create[KeyDraft]) (access.Key, error) {
		b := in.Body
		return s.e.CreateKey(ctx, c, access.KeyDraft{Name: b.Name, Family: b.Family, Scopes: b.Scopes,
			AllowedOrigins: b.AllowedOrigins, ExpiresAt: b.ExpiresAt.Seconds(), RatePerMinute: b.RatePerMinute})
	}
	find := func(ctx context.Context, c act.Caller, in wire.Paged) (act.List[access.Key], error) {
		return s.e.Keys(ctx, c, in.Page())
	}
	revoke := func(ctx context.Context, c act.Caller, in wire.ByID) error {
		_, err := s.e.RevokeKey(ctx, c, in.ID)
		return err
	}
	rotate := func(ctx context.Context, c act.Caller, in wire.Action[Rotation]) (access.Key, error) {
		return s.e.RotateKey(ctx, c, in.ID, in.Body.OverlapHours)
	}
	const manage = scope.KeysManage
	return []Row{
		{Method: "GET", Path: "/api-keys", Scope: manage, Tag: "Keys", ID: "listKeys", Summary: "List keys",
			Status: 200, Op: List(find, KeyOf)},
		{Method: "POST", Path: "/api-keys", Scope: manage, Tag: "Keys", ID: "createKey", Summary: "Create a key",
			Status: 201, Doc: "The key is in this reply and never again. No key can hold more than its maker.",
			Example: `{"name":"Website","family":"qbk_live_","scopes":["leads:write","availability:read"]}`,
			Op:      Op(create, KeyOf)},
		{Method: "DELETE", Path: "/api-keys/:id", Scope: manage, Tag: "Keys", ID: "revokeKey", Summary: "Revoke a key",
			Status: 204, Op: Drop(revoke)},
		{Method: "POST", Path: "/api-keys/:id/rotate", Scope: manage, Tag: "Keys", ID: "rotateKey",
			Summary: "Replace a key", Status: 201,
			Doc:     "A new key with the same rights; the old one ends after the overlap.",
			Errors:  []fault.Kind{fault.Conflict},
			Example: `{"overlap_hours":24}`, Op: Op(rotate, KeyOf)},
	}
}
