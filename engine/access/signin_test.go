package access_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/access"
	"qualifybase/engine/act"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
)

const goodPassword = "korrekt pferd batterie"

// hire makes a user or ends the test.
func hire(t *testing.T, c *enginetest.Clinic, by act.Caller, email string, role act.Role) access.User {
	t.Helper()
	u, err := c.Engine.CreateUser(t.Context(), by, access.UserDraft{Email: email, Name: "Somebody", Role: role,
		Password: goodPassword})
	enginetest.Must(t, err)
	return u
}

func stored(t *testing.T, c *enginetest.Clinic, id string) (u access.User) {
	t.Helper()
	c.Write(t, func(engine.Tx) error { return nil }) // takes along what Enqueue queued
	c.Read(t, func(r engine.Reader) (err error) { u, err = r.User(id); return err })
	return u
}

func TestCreateUser(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	u := hire(t, c, c.Shell, " Ada@Clinic.example ", act.Owner)
	if u.Email != "Ada@Clinic.example" || u.EmailKey != "ada@clinic.example" || u.Version != 1 || u.Clinic != c.Row.N ||
		!strings.HasPrefix(u.PasswordHash, "$argon2id$") {
		t.Errorf("the user is %+v", u)
	}
	if got := stored(t, c, u.ID); got != u {
		t.Errorf("answered %+v\nkept     %+v", u, got)
	}
	enginetest.Traces(t, c, "", "user.create ok "+u.ID+" role:owner")
	foreign, err := c.Engine.CreateUser(ctx, c.Shell, access.UserDraft{Email: "jwt@clinic.example", Name: "N",
		Role: act.Auditor})
	if err != nil || foreign.PasswordHash != "" {
		t.Errorf("a user without a password: %+v, %v", foreign, err)
	}
	c.Since(t)
	admin := act.Caller{Clinic: c.Row.N, Kind: act.ActorUser, ID: u.ID, Role: act.Admin, Scopes: scope.All}
	for _, x := range []struct {
		by     act.Caller
		draft  access.UserDraft
		kind   fault.Kind
		fields []string
	}{
		{c.Shell, access.UserDraft{}, fault.Invalid, []string{"email", "name", "role"}},
		{c.Shell, access.UserDraft{Email: "x", Name: "a\nb", Role: "boss", Password: "short"}, fault.Invalid,
			[]string{"email", "name", "role", "password"}},
		{c.Shell, access.UserDraft{Email: "long.enough@clinic.example", Name: "N", Role: act.Owner,
			Password: "Long.Enough@Clinic.example"}, fault.Invalid, []string{"password"}},
		{c.Shell, access.UserDraft{Email: "ADA@clinic.EXAMPLE", Name: "N", Role: act.Owner}, fault.Conflict,
			[]string{"email"}},
		{admin, access.UserDraft{Email: "boss@clinic.example", Name: "N", Role: act.Owner}, fault.Forbidden,
			[]string{"role"}},
	} {
		_, err := c.Engine.CreateUser(ctx, x.by, x.draft)
		enginetest.Refused(t, err, x.kind, x.fields...)
	}
	enginetest.Traces(t, c, "", "user.create failed error:CONFLICT", "user.create denied scope:patients:erase")
	desk := admin
	desk.Role = act.FrontDesk
	_, err = c.Engine.CreateUser(ctx, desk, access.UserDraft{Email: "x@clinic.example", Name: "N", Role: act.FrontDesk})
	enginetest.Refused(t, err, fault.Forbidden)
	if _, err = c.Engine.CreateUser(ctx, admin, access.UserDraft{Email: "x@clinic.example", Name: "N",
		Role: act.Admin}); err != nil {
		t.Errorf("an admin makes no admin: %v", err)
	}
	rival, _ := c.Rival(t)
	hire(t, c, rival, "ada@clinic.example", act.Owner) // the same person, there
	all, err := c.Engine.Users(ctx, c.Caller)
	if err != nil || len(all) != 3 {
		t.Errorf("%d users, %v", len(all), err)
	}
	_, err = c.Engine.Users(ctx, desk)
	enginetest.Refused(t, err, fault.Forbidden)
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	u := hire(t, c, c.Shell, "ada@clinic.example", act.Admin)
	foreign, err := c.Engine.CreateUser(ctx, c.Shell, access.UserDraft{Email: "jwt@clinic.example", Name: "N",
		Role: act.Auditor})
	enginetest.Must(t, err)
	c.Since(t)
	for _, clinic := range []string{"", "praxis", c.Row.ID} {
		got, home, err := c.Engine.SignIn(ctx, "192.0.2.9", " ADA@clinic.example", goodPassword, clinic)
		if err != nil || got.ID != u.ID || home.N != c.Row.N || home.Slug != "praxis" {
			t.Errorf("at %q: %+v, %+v, %v", clinic, got, home, err)
		}
		enginetest.Traces(t, c, "", "user.sign_in ok "+u.ID)
	}
	for _, x := range []struct{ email, password, clinic, audit string }{
		{"ada@clinic.example", "korrekt pferd batteriE", "", "user.sign_in denied " + u.ID},
		{"ada@clinic.example", "", "", "user.sign_in denied " + u.ID},
		{"ada@clinic.example", goodPassword, "elsewhere", ""},
		{"ada@clinic.example", goodPassword, "0196c1e2-0000-7000-8000-000000000000", ""},
		{"nobody@clinic.example", goodPassword, "", ""},
		{"", goodPassword, "", ""},
		{"jwt@clinic.example", "", "", "user.sign_in denied " + foreign.ID},
		{strings.Repeat("x", 300) + "@clinic.example", goodPassword, "", ""},
		{"ada@clinic.example", strings.Repeat("x", 5000), "", ""},
	} {
		_, _, err := c.Engine.SignIn(ctx, "192.0.2.9", x.email, x.password, x.clinic)
		if e := enginetest.Refused(t, err,
			fault.Unauthenticated); e.Error() != "UNAUTHENTICATED: Wrong e-mail or password; a person of several clinics "+
			"must name the clinic" {
			t.Errorf("%q is told %v", x.email, e)
		}
		if x.audit == "" {
			enginetest.Traces(t, c, "")
		} else {
			enginetest.Traces(t, c, "", x.audit)
		}
	}
	if got := stored(t, c, u.ID); got.Failures != 2 || got.FirstFailureAt != c.Clock.Now().Unix() {
		t.Errorf("the failures are counted as %+v", got)
	}
	if _, _, err = c.Engine.SignIn(ctx, "192.0.2.9", "ada@clinic.example", goodPassword, ""); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, c, u.ID); got.Failures != 0 || got.FirstFailureAt != 0 || got.Version != u.Version {
		t.Errorf("success leaves %+v", got)
	}
}

func TestSignInOfTwoClinics(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	rival, _ := c.Rival(t)
	here, there := hire(t, c, c.Shell, "ada@clinic.example", act.Owner), hire(t, c, rival, "ada@clinic.example", act.Owner)
	in := func(clinic string) string {
		u, _, err := c.Engine.SignIn(ctx, "", "ada@clinic.example", goodPassword, clinic)
		if err != nil {
			return string(fault.KindOf(err))
		}
		return map[string]string{here.ID: "here", there.ID: "there"}[u.ID]
	}
	if a, b, z := in("praxis"), in("rival"), in(""); a != "here" || b != "there" || z != "UNAUTHENTICATED" {
		t.Errorf("%s %s %s", a, b, z)
	}
	hire(t, c, c.Shell, "other@clinic.example", act.Owner)
	_, err := c.Engine.DisableUser(ctx, c.Shell, here.ID)
	enginetest.Must(t, err)
	if a, z := in("praxis"), in(""); a != "UNAUTHENTICATED" || z != "there" {
		t.Errorf("after leaving one clinic: %s %s", a, z)
	}
}

// Ten failures in 15 minutes lock an e-mail, known or not, in the same words.
func TestSignInLocks(t *testing.T) {
	t.Parallel()
	for _, email := range []string{"ada@clinic.example", "nobody@clinic.example"} {
		t.Run(email, func(t *testing.T) {
			c := enginetest.New(t)
			u := hire(t, c, c.Shell, "ada@clinic.example", act.Owner)
			try := func(e *engine.Engine, i int, password string) error {
				_, _, err := e.SignIn(t.Context(), fmt.Sprintf("192.0.2.%d", i), email, password, "")
				return err
			}
			for i := range 10 {
				enginetest.Refused(t, try(c.Engine, i, "wrong"), fault.Unauthenticated)
				c.Clock.Add(time.Second)
			}
			for _, password := range []string{"wrong", goodPassword} {
				e := enginetest.Refused(t, try(c.Engine, 99, password), fault.RateLimited)
				if e.RetryAfter != 890*time.Second || e.Message != "Too many failed attempts; try again later" {
					t.Errorf("wait %s: %v", e.RetryAfter, e)
				}
			}
			if email == u.Email { // the lock outlasts the process
				if got := stored(t, c, u.ID); got.Failures != 10 {
					t.Errorf("%d failures are stored", got.Failures)
				}
				again := engine.New(c.Store, c.Options)
				enginetest.Refused(t, try(again, 99, goodPassword), fault.RateLimited)
			}
			c.Clock.Add(890 * time.Second)
			if err := try(c.Engine, 99, goodPassword); (err == nil) != (email == u.Email) {
				t.Errorf("after the window: %v", err)
			}
		})
	}
}

// Tries side by side count before their outcome is known.
func TestSignInLocksACrowd(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	hire(t, c, c.Shell, "ada@clinic.example", act.Owner)
	var mu sync.Mutex
	var all sync.WaitGroup
	kinds := map[fault.Kind]int{}
	for i := range 25 {
		all.Go(func() {
			_, _, err := c.Engine.SignIn(t.Context(), fmt.Sprintf("192.0.2.%d", i), "ada@clinic.example", "wrong", "")
			mu.Lock()
			kinds[fault.KindOf(err)]++
			mu.Unlock()
		})
	}
	all.Wait()
	if kinds[fault.Unauthenticated] != 10 || kinds[fault.RateLimited] != 15 {
		t.Errorf("the answers are %v", kinds)
	}
}

func TestSignInThrottlesAnAddress(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	hire(t, c, c.Shell, "ada@clinic.example", act.Owner)
	try := func(ip, email, password string) error {
		_, _, err := c.Engine.SignIn(t.Context(), ip, email, password, "")
		return err
	}
	for i := range 30 { // one /64 is one address
		enginetest.Refused(t, try(fmt.Sprintf("2001:db8::%x", i+1), fmt.Sprintf("n%d@clinic.example", i), "wrong"),
			fault.Unauthenticated)
	}
	e := enginetest.Refused(t, try("2001:db8::ffff", "ada@clinic.example", goodPassword), fault.RateLimited)
	if e.RetryAfter != time.Minute {
		t.Errorf("wait %s", e.RetryAfter)
	}
	if err := try("2001:db8:0:1::1", "ada@clinic.example", goodPassword); err != nil {
		t.Errorf("a neighbour is shut out: %v", err)
	}
	c.Clock.Add(time.Minute)
	for range 40 { // success does not count
		if err := try("2001:db8::ffff", "ada@clinic.example", goodPassword); err != nil {
			t.Fatal(err)
		}
	}
}

// Wrong password and unknown user do the same work. The ratio is wide, for the
// machine is shared; leaving the hash out would make it a thousand.
func TestSignInTakesAsLongForNobody(t *testing.T) {
	c := enginetest.NewWith(t, engine.Options{LockoutFailures: 1000})
	hire(t, c, c.Shell, "ada@clinic.example", act.Owner)
	var took [2]time.Duration
	for i := range 10 {
		for who, email := range []string{"ada@clinic.example", "nobody@clinic.example"} {
			start := time.Now()
			_, _, err := c.Engine.SignIn(t.Context(), fmt.Sprintf("192.0.2.%d", i), email, "wrong password", "")
			if d := time.Since(start); took[who] == 0 || d < took[who] {
				took[who] = d
			}
			enginetest.Refused(t, err, fault.Unauthenticated)
		}
	}
	if r := float64(took[0]) / float64(took[1]); r < 0.5 || r > 2 {
		t.Errorf("known %s, unknown %s", took[0], took[1])
	}
}

// A hash of an old cost is replaced at the next sign-in, not at a failed one.
func TestSignInRehashes(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	u := hire(t, c, c.Shell, "ada@clinic.example", act.Owner)
	const old = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$PeiCl2K2lsLJwJwpch/sI1zEMZUvDZAPuACmxMux4fY"
	hashOf := func() string { return stored(t, c, u.ID).PasswordHash }
	c.Write(t, func(tx engine.Tx) error { u.PasswordHash = old; return tx.UpdateUser(u) })
	_, _, err := c.Engine.SignIn(t.Context(), "", "ada@clinic.example", "wrong", "")
	enginetest.Refused(t, err, fault.Unauthenticated)
	if hashOf() != old {
		t.Error("a failure changed the hash")
	}
	_, _, err = c.Engine.SignIn(t.Context(), "", "ada@clinic.example", goodPassword, "")
	enginetest.Must(t, err)
	if got := hashOf(); got == old || !strings.Contains(got, "m=19456,t=2,p=1") {
		t.Errorf("the hash is %s", got)
	}
	_, _, err = c.Engine.SignIn(t.Context(), "", "ada@clinic.example", goodPassword, "")
	enginetest.Must(t, err)
}

func TestDisableUser(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	rival, _ := c.Rival(t)
	owner, desk := hire(t, c, c.Shell, "ada@clinic.example", act.Owner), hire(t, c, c.Shell, "ben@clinic.example",
		act.FrontDesk)
	c.Since(t)
	_, err := c.Engine.DisableUser(ctx, rival, desk.ID)
	enginetest.Refused(t, err, fault.NotFound)
	_, err = c.Engine.DisableUser(ctx, c.Shell, owner.ID)
	enginetest.Refused(t, err, fault.Conflict)
	enginetest.Traces(t, c, "", "user.disable failed "+owner.ID+" error:CONFLICT")
	admin := act.Caller{Clinic: c.Row.N, Kind: act.ActorUser, ID: "a", Role: act.Admin, Scopes: scope.All}
	_, err = c.Engine.DisableUser(ctx, admin, owner.ID) // nobody above oneself
	enginetest.Refused(t, err, fault.Forbidden, "role")
	_, err = c.Engine.SetPassword(ctx, admin, owner.ID, "another long password")
	enginetest.Refused(t, err, fault.Forbidden, "role")
	if stored(t, c, owner.ID) != owner {
		t.Error("a refusal changed the owner")
	}
	enginetest.Traces(t, c, "", "user.disable denied "+owner.ID+" scope:patients:erase",
		"user.password denied "+owner.ID+" scope:patients:erase")

	got, err := c.Engine.DisableUser(ctx, admin, desk.ID)
	enginetest.Must(t, err)
	if got.DisabledAt != c.Clock.Now().Unix() || got.Version != 2 || stored(t, c, desk.ID) != got {
		t.Errorf("the user is %+v", got)
	}
	enginetest.Traces(t, c, "", "user.disable ok "+desk.ID+" disabled_at")
	_, _, err = c.Engine.SignIn(ctx, "", "ben@clinic.example", goodPassword, "")
	enginetest.Refused(t, err, fault.Unauthenticated)
	c.Since(t)
	if again, err := c.Engine.DisableUser(ctx, admin, desk.ID); err != nil || again.Version != 2 {
		t.Errorf("disabled twice: %+v, %v", again, err)
	}
	enginetest.Traces(t, c, "")
	_, err = c.Engine.EnableUser(ctx, admin, desk.ID)
	enginetest.Must(t, err)
	if _, _, err = c.Engine.SignIn(ctx, "", "ben@clinic.example", goodPassword, ""); err != nil {
		t.Errorf("enabled again, but %v", err)
	}
}

func TestSetPassword(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	u := hire(t, c, c.Shell, "ada@clinic.example", act.FrontDesk)
	other := hire(t, c, c.Shell, "ben@clinic.example", act.FrontDesk)
	c.Since(t)
	self := act.Caller{Clinic: c.Row.N, Kind: act.ActorUser, ID: u.ID, Role: act.FrontDesk, Scopes: scope.All}
	_, err := c.Engine.SetPassword(ctx, self, u.ID, "short")
	enginetest.Refused(t, err, fault.Invalid, "password")
	_, err = c.Engine.SetPassword(ctx, self, other.ID, "another long password")
	enginetest.Refused(t, err, fault.Forbidden)
	c.Since(t)
	_, err = c.Engine.SetPassword(ctx, self, u.ID, "another long password")
	enginetest.Must(t, err)
	enginetest.Traces(t, c, "", "user.password ok "+u.ID+" password")
	_, _, err = c.Engine.SignIn(ctx, "", "ada@clinic.example", goodPassword, "")
	enginetest.Refused(t, err, fault.Unauthenticated)
	if _, _, err = c.Engine.SignIn(ctx, "", "ada@clinic.example", "another long password", ""); err != nil {
		t.Error(err)
	}
}

func TestAuthenticateClaims(t *testing.T) {
	t.Parallel()
	c := enginetest.NewWith(t, engine.Options{UserPerMinute: 55})
	ctx := t.Context()
	rival, _ := c.Rival(t)
	owner := hire(t, c, c.Shell, "ada@clinic.example", act.Owner)
	gone := hire(t, c, c.Shell, "gone@clinic.example", act.FrontDesk)
	_, err := c.Engine.DisableUser(ctx, c.Shell, gone.ID)
	enginetest.Must(t, err)
	both := hire(t, c, c.Shell, "both@clinic.example", act.FrontDesk)
	there := hire(t, c, rival, "both@clinic.example", act.Auditor)
	const foreign = "7d7e1c2a-0000-4000-8000-000000000000" // another issuer's id
	for _, x := range []struct {
		claims access.Claims
		want   string // user id; "" = refused
	}{
		{access.Claims{Subject: owner.ID}, owner.ID},
		{access.Claims{Subject: strings.ToUpper(owner.ID)}, owner.ID},
		{access.Claims{Subject: owner.ID, Clinic: "praxis"}, owner.ID},
		{access.Claims{Subject: owner.ID, Clinic: c.Row.ID}, owner.ID},
		{access.Claims{Subject: owner.ID, Clinic: "rival"}, ""},
		{access.Claims{Subject: owner.ID, Email: "both@clinic.example"}, owner.ID}, // sub goes first
		{access.Claims{Subject: foreign, Email: "ADA@clinic.example"}, owner.ID},
		{access.Claims{Subject: "auth0|7", Email: "ada@clinic.example"}, owner.ID},
		{access.Claims{Email: "ada@clinic.example", Clinic: "rival"}, ""},
		{access.Claims{Email: "ada@clinic.example", Clinic: "nowhere"}, ""},
		{access.Claims{Subject: foreign}, ""},
		{access.Claims{}, ""},
		{access.Claims{Email: "nobody@clinic.example"}, ""},
		{access.Claims{Email: "both@clinic.example"}, ""},
		{access.Claims{Email: "both@clinic.example", Clinic: "praxis"}, both.ID},
		{access.Claims{Email: "both@clinic.example", Clinic: "rival"}, there.ID},
		{access.Claims{Subject: gone.ID}, ""},
		{access.Claims{Subject: gone.ID, Email: "ada@clinic.example"}, ""},
		{access.Claims{Email: "gone@clinic.example"}, ""},
	} {
		id, err := c.Engine.AuthenticateClaims(ctx, x.claims)
		if x.want == "" {
			if e := enginetest.Refused(t, err, fault.InvalidToken); e.Message != "Invalid or expired token" || e.Err == nil {
				t.Errorf("%+v: %v", x.claims, e)
			}
			continue
		}
		if err != nil || id.Caller.ID != x.want || id.Caller.Kind != act.ActorUser || id.Caller.Scopes != scope.All ||
			id.Key != nil || id.PerMinute != 55 || id.Caller.Test {
			t.Errorf("%+v: %+v, %v", x.claims, id, err)
		}
	}
	id, err := c.Engine.AuthenticateClaims(ctx, access.Claims{Subject: there.ID})
	enginetest.Must(t, err)
	if by := id.Caller; by.Clinic != rival.Clinic || by.Label != "auditor" ||
		!by.May(scope.AuditRead) || by.May(scope.LeadsWrite) {
		t.Errorf("the auditor is %+v", by)
	}
	// What the role forbids stays forbidden although sessions hold *.
	_, err = c.Engine.PutLead(ctx, id.Caller, people.LeadDraft{Name: new("A")})
	enginetest.Refused(t, err, fault.Forbidden)
}
