package access_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/engine/uuid"
)

// refusedKey checks the one refusal and that its reason is kept from its words.
func refusedKey(t *testing.T, c *enginetest.Clinic, text, why string) {
	t.Helper()
	_, err := c.Engine.AuthenticateKey(t.Context(), text)
	e := enginetest.Refused(t, err, fault.InvalidKey)
	if e.Message != "Invalid or expired API key" || e.Err == nil || !strings.Contains(e.Err.Error(), why) {
		t.Errorf("%q: refused by %q because of %v, want %s", text, e.Message, e.Err, why)
	}
	if len(text) > 20 && strings.Contains(err.Error(), text[9:30]) {
		t.Errorf("%v shows the key", err)
	}
}

func TestCreateKey(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ends := c.Clock.Now().Add(time.Hour).Unix()
	k := enginetest.IssueKey(t, c, access.KeyDraft{Name: " Website ", Family: secret.FamilyPublic,
		AllowedOrigins: []string{"https://Clinic.example:443"}, ExpiresAt: ends, RatePerMinute: new(0)})
	if k.Name != "Website" || !strings.HasPrefix(k.Secret, k.Prefix()) || len(k.Secret) != len("qual_pk_")+46 ||
		k.ExpiresAt != ends || *k.RatePerMinute != 0 ||
		k.CreatedBy != "cli:test" || k.CreatedAt != c.Clock.Now().Unix() || k.AllowedOrigins[0] != "https://clinic.example" {
		t.Errorf("the key is %+v", k)
	}
	enginetest.Traces(t, c, "", "key.create ok "+k.ID+" family:public,campaigns:read,interviews:write")
	c.Read(t, func(r engine.Reader) error {
		stored, err := r.Key(c.Row.N, k.ID)
		if stored.Secret != "" || strings.Contains(fmt.Sprintf("%+v", stored), k.Secret[len(k.Prefix()):]) {
			t.Error("the secret is stored")
		}
		k.Secret = ""
		if a, b := fmt.Sprint(stored, *stored.RatePerMinute), fmt.Sprint(k,
			*k.RatePerMinute); strings.Split(a, "0x")[0] != strings.Split(b, "0x")[0] {
			t.Errorf("answered %s\nkept     %s", b, a)
		}
		return err
	})
	if shown := k.WithoutSecret().(access.Key); shown.Secret != "" {
		t.Error("the idempotency record would hold the secret")
	}
}

func TestCreateKeyRefuses(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	office := c.Caller
	office.Scopes = scope.Of(scope.KeysManage, scope.LeadsRead)
	for _, x := range []struct {
		by     act.Caller
		draft  access.KeyDraft
		kind   fault.Kind
		fields []string
	}{
		{c.Shell, access.KeyDraft{}, fault.Invalid, []string{"name", "family"}},
		{c.Shell, access.KeyDraft{Name: "n", Family: secret.FamilyScoped}, fault.Invalid, []string{"scopes"}},
		{c.Shell, access.KeyDraft{Name: "n", Family: secret.FamilyLive, ExpiresAt: c.Clock.Now().Unix()}, fault.Invalid,
			[]string{"expires_at"}},
		// the family's usual scopes
		{office, access.KeyDraft{Name: "n", Family: secret.FamilyLive}, fault.Forbidden, []string{"scopes"}},
		{office, access.KeyDraft{Name: "n", Family: secret.FamilyLive, Scopes: []string{"leads:write"}}, fault.Forbidden,
			[]string{"scopes"}},
		{c.Test, access.KeyDraft{Name: "n", Family: secret.FamilyLive}, fault.Forbidden, []string{"family"}},
	} {
		_, err := c.Engine.CreateKey(ctx, x.by, x.draft)
		enginetest.Refused(t, err, x.kind, x.fields...)
	}
	enginetest.Traces(t, c, "", "key.create denied scope:appointments:read", "key.create denied scope:leads:write",
		"key.create denied error:INSUFFICIENT_SCOPE")
	nobody := c.Caller
	nobody.Scopes = scope.All.Without(scope.Of(scope.KeysManage))
	_, err := c.Engine.CreateKey(ctx, nobody, access.KeyDraft{Name: "n", Family: secret.FamilyLive})
	enginetest.Refused(t, err, fault.Forbidden)
	enginetest.Traces(t, c, "", "key.create denied scope:keys:manage")
	k, err := c.Engine.CreateKey(ctx, office, access.KeyDraft{Name: "n", Family: secret.FamilyLive,
		Scopes: []string{"leads:read"}})
	enginetest.Must(t, err)
	if _, err = c.Engine.CreateKey(ctx, c.Test, access.KeyDraft{Name: "n", Family: secret.FamilyTest}); err != nil {
		t.Errorf("a test key makes no test key: %v", err)
	}
	list, err := c.Engine.Keys(ctx, c.Caller, act.Page{})
	if err != nil || len(list.Items) != 2 || *list.Total != 2 || list.Items[1].ID != k.ID {
		t.Errorf("%d keys, %v", len(list.Items), err)
	}
}

func TestAuthenticateKey(t *testing.T) {
	t.Parallel()
	c := enginetest.NewWith(t, engine.Options{RatePerMinute: 77})
	rival, _ := c.Rival(t)
	now := c.Clock.Now()
	live := enginetest.IssueKey(t, c, access.KeyDraft{Family: secret.FamilyLive, ExpiresAt: now.Add(time.Hour).Unix()})
	test := enginetest.IssueKey(t, c, access.KeyDraft{Family: secret.FamilyTest, RatePerMinute: new(5)})
	free := enginetest.IssueKey(t, c, access.KeyDraft{Family: secret.FamilyKlinivo, Scopes: []string{"READ_PATIENTS"},
		RatePerMinute: new(0)})
	theirs, err := c.Engine.CreateKey(t.Context(), act.Shell(rival.Clinic, "keys"),
		access.KeyDraft{Name: "n", Family: secret.FamilyLive})
	enginetest.Must(t, err)
	for _, x := range []struct {
		key    access.Key
		clinic int64
		rate   int
		test   bool
	}{{live, c.Row.N, 77, false}, {test, c.Row.N, 5, true}, {free, c.Row.N, 0, false}, {theirs, rival.Clinic, 77, false}} {
		id, err := c.Engine.AuthenticateKey(t.Context(), x.key.Secret)
		enginetest.Must(t, err)
		by := id.Caller
		if by.Clinic != x.clinic || by.Kind != act.ActorKey || by.ID != x.key.ID || by.Label != x.key.Prefix() ||
			by.Scopes != x.key.Scopes ||
			by.Test != x.test || id.PerMinute != x.rate || id.Key.ID != x.key.ID || by.Role != "" {
			t.Errorf("%s is %+v", x.key.Prefix(), id)
		}
	}
	stranger := secret.New(secret.FamilyLive).Text()
	refusedKey(t, c, stranger, "unknown")
	refusedKey(t, c, "", "no key")
	typo := "0"
	if strings.HasSuffix(live.Secret, typo) {
		typo = "1"
	}
	refusedKey(t, c, live.Secret[:len(live.Secret)-1]+typo, "no key")
	refusedKey(t, c, strings.Replace(live.Secret, "qbk_live_", "qbk_test_", 1), "no key")
	c.Clock.Add(time.Hour)
	refusedKey(t, c, live.Secret, "expired")
}

// A key whose id is known but whose secret is not, with a right checksum: anybody can compute it.
func TestAuthenticateKeyForged(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	k := enginetest.IssueKey(t, c, access.KeyDraft{Family: secret.FamilyLive})
	forged := secret.New(secret.FamilyLive)
	c.Write(t, func(tx engine.Tx) error { // the stranger's id now belongs to k's hash
		k.ID, k.KeyID, k.Secret = uuid.New(c.Clock.Now()), forged.ID, ""
		return tx.InsertKey(k)
	})
	refusedKey(t, c, forged.Text(), "wrong secret")
}

func TestRevokeKey(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	rival, _ := c.Rival(t)
	k := enginetest.IssueKey(t, c, access.KeyDraft{Family: secret.FamilyLive})
	if _, err := c.Engine.AuthenticateKey(ctx, k.Secret); err != nil {
		t.Fatal(err)
	}
	c.Since(t)
	_, err := c.Engine.RevokeKey(ctx, rival, k.ID)
	enginetest.Refused(t, err, fault.NotFound)
	_, err = c.Engine.RevokeKey(ctx, c.Test, k.ID)
	enginetest.Refused(t, err, fault.Forbidden)
	if _, err = c.Engine.AuthenticateKey(ctx, k.Secret); err != nil {
		t.Errorf("refused revocations revoked: %v", err)
	}
	enginetest.Traces(t, c, "", "key.revoke denied "+k.ID+" error:INSUFFICIENT_SCOPE")
	got, err := c.Engine.RevokeKey(ctx, c.Caller, k.ID)
	enginetest.Must(t, err)
	if got.RevokedAt != c.Clock.Now().Unix() || got.Secret != "" {
		t.Errorf("the key is %+v", got)
	}
	refusedKey(t, c, k.Secret, "revoked")
	enginetest.Traces(t, c, "", "key.revoke ok "+k.ID+" revoked_at")
	c.Clock.Add(time.Minute)
	again, err := c.Engine.RevokeKey(ctx, c.Caller, k.ID)
	if err != nil || again.RevokedAt != got.RevokedAt {
		t.Errorf("revoked twice: %+v, %v", again, err)
	}
	enginetest.Traces(t, c, "")
	for _, id := range []string{"", "x", "0196c1e2-0000-7000-8000-000000000000"} {
		_, err = c.Engine.RevokeKey(ctx, c.Caller, id)
		enginetest.Refused(t, err, fault.NotFound)
	}
}

func TestRotateKey(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	old := enginetest.IssueKey(t, c, access.KeyDraft{Name: "CRM", Family: secret.FamilyPublic,
		AllowedOrigins: []string{"https://a.example"},
		RatePerMinute:  new(9), ExpiresAt: c.Clock.Now().Add(1000 * time.Hour).Unix()})
	c.Since(t)
	for _, hours := range []int{-1, 169} {
		_, err := c.Engine.RotateKey(ctx, c.Caller, old.ID, hours)
		enginetest.Refused(t, err, fault.Invalid, "overlap_hours")
	}
	narrow := c.Caller
	narrow.Scopes = scope.Of(scope.KeysManage, scope.CampaignsRead)
	_, err := c.Engine.RotateKey(ctx, narrow, old.ID, 1) // it would be handed the key's text
	enginetest.Refused(t, err, fault.Forbidden, "scopes")
	enginetest.Traces(t, c, "", "key.rotate denied "+old.ID+" scope:interviews:write")

	fresh, err := c.Engine.RotateKey(ctx, c.Caller, old.ID, 24)
	enginetest.Must(t, err)
	if fresh.ID == old.ID || fresh.Secret == old.Secret || fresh.Name != "CRM" || fresh.Scopes != old.Scopes ||
		*fresh.RatePerMinute != 9 ||
		fresh.ExpiresAt != old.ExpiresAt || !slices.Equal(fresh.AllowedOrigins, old.AllowedOrigins) || fresh.RevokedAt != 0 ||
		fresh.RotatedTo != "" {
		t.Errorf("%+v became %+v", old, fresh)
	}
	enginetest.Traces(t, c, "", "key.rotate ok "+old.ID+" rotated_to,revoked_at")
	_, err = c.Engine.RotateKey(ctx, c.Caller, old.ID, 24)
	enginetest.Refused(t, err, fault.Conflict)
	both := func(want bool) {
		t.Helper()
		if _, err := c.Engine.AuthenticateKey(ctx, fresh.Secret); err != nil {
			t.Errorf("the new key: %v", err)
		}
		if _, err := c.Engine.AuthenticateKey(ctx, old.Secret); (err == nil) != want {
			t.Errorf("the old key: %v", err)
		}
	}
	both(true)
	c.Clock.Add(24*time.Hour - time.Second)
	both(true)
	c.Clock.Add(time.Second)
	both(false)
	next, err := c.Engine.RotateKey(ctx, c.Caller, fresh.ID, 0) // at once
	enginetest.Must(t, err)
	refusedKey(t, c, fresh.Secret, "revoked")
	_, err = c.Engine.RevokeKey(ctx, c.Caller, next.ID)
	enginetest.Must(t, err)
	_, err = c.Engine.RotateKey(ctx, c.Caller, next.ID, 1)
	enginetest.Refused(t, err, fault.Conflict)
}

// A revocation during the overlap ends the old key now.
func TestRevokeRotatedKey(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	old := enginetest.IssueKey(t, c, access.KeyDraft{Family: secret.FamilyLive})
	_, err := c.Engine.RotateKey(t.Context(), c.Caller, old.ID, 168)
	enginetest.Must(t, err)
	_, err = c.Engine.RevokeKey(t.Context(), c.Caller, old.ID)
	enginetest.Must(t, err)
	refusedKey(t, c, old.Secret, "revoked")
}

func TestKeyLastUsed(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	k := enginetest.IssueKey(t, c, access.KeyDraft{Family: secret.FamilyLive})
	used := func() int64 {
		t.Helper()
		c.Since(t) // takes along what Enqueue queued
		var at int64
		c.Read(t, func(r engine.Reader) error {
			row, err := r.Key(c.Row.N, k.ID)
			at = row.LastUsedAt
			return err
		})
		return at - c.Clock.Now().Unix()
	}
	if got := used(); got != -c.Clock.Now().Unix() {
		t.Errorf("used %d s ago before its first use", -got)
	}
	for _, x := range []struct {
		pass time.Duration
		want int64
	}{{0, 0}, {30 * time.Second, -30}, {29 * time.Second, -59}, {time.Second, 0}, {time.Hour, 0}, {time.Second, -1}} {
		c.Clock.Add(x.pass)
		for range 3 {
			if _, err := c.Engine.AuthenticateKey(t.Context(), k.Secret); err != nil {
				t.Fatal(err)
			}
		}
		if got := used(); got != x.want {
			t.Errorf("after %s: last used %d s ago, want %d", x.pass, -got, -x.want)
		}
	}
}

func TestPublicOrigins(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ends := c.Clock.Now().Add(time.Hour).Unix()
	enginetest.IssueKey(t, c, access.KeyDraft{Family: secret.FamilyPublic,
		AllowedOrigins: []string{"https://a.example", "http://localhost:*"}})
	enginetest.IssueKey(t, c, access.KeyDraft{Family: secret.FamilyPublic, AllowedOrigins: []string{"https://b.example"},
		ExpiresAt: ends})
	gone := enginetest.IssueKey(t, c, access.KeyDraft{Family: secret.FamilyPublic,
		AllowedOrigins: []string{"https://c.example"}})
	_, err := c.Engine.RevokeKey(t.Context(), c.Shell, gone.ID)
	enginetest.Must(t, err)
	got, err := c.Engine.PublicOrigins(t.Context())
	enginetest.Must(t, err)
	slices.Sort(got)
	if text := strings.Join(got, " "); text != "http://localhost:* https://a.example https://b.example" {
		t.Errorf("the origins are %s", text)
	}
	c.Clock.Add(2 * time.Hour)
	got, err = c.Engine.PublicOrigins(t.Context())
	if err != nil || slices.Contains(got, "https://b.example") || len(got) != 2 {
		t.Errorf("after the end of a key the origins are %v, %v", got, err)
	}
}

// The fast path of every request; a figure beside its floor, the SHA-256 of the key.
func BenchmarkAuthenticateKey(b *testing.B) {
	c := enginetest.New(b)
	k := enginetest.IssueKey(b, c, access.KeyDraft{Family: secret.FamilyLive})
	ctx := context.Background()
	b.Run("whole", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Engine.AuthenticateKey(ctx, k.Secret); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sha256", func(b *testing.B) {
		for b.Loop() {
			secret.Hash(k.Secret)
		}
	})
}
