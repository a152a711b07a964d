package access

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/fault/faulttest"
	"qualifybase/engine/scope"
	"qualifybase/engine/secret"
	"qualifybase/engine/text"

	"pgregory.net/rapid"
)

// The table of contract.md §2, line by line.
func TestKeyFamilies(t *testing.T) {
	t.Parallel()
	const office = "leads:read leads:write availability:read appointments:read appointments:write webhooks:manage"
	for _, c := range []struct {
		family  secret.Family
		scopes  string
		origins string
		want    string // scopes, in any order
		faults  []string
	}{
		{secret.FamilyLive, "", "", office, nil},
		{secret.FamilyTest, "", "", office, nil},
		{secret.FamilyLive, "leads:read", "", "leads:read", nil},
		{secret.FamilyLive, "patients:erase keys:manage", "", "patients:erase keys:manage", nil},
		{secret.FamilyLive, "leads:read interviews:read", "", "", []string{"scopes"}},
		{secret.FamilyTest, "interviews:read", "", "", []string{"scopes"}},
		{secret.FamilyLive, "", "https://a.example", "", []string{"allowed_origins"}},
		{secret.FamilyLive, "leads:raed", "", "", []string{"scopes[0]"}},
		{secret.FamilySecret, "", "",
			"campaigns:read campaigns:write campaigns:delete campaigns:publish interviews:read interviews:write " +
				"findings:read findings:write graph:read graph:share teams:read teams:write webhooks:manage admin:read", nil},
		{secret.FamilySecret, "patients:read", "", "patients:read", nil},
		{secret.FamilyScoped, "", "", "", []string{"scopes"}},
		{secret.FamilyScoped, "graph:read findings:read graph:read", "", "graph:read findings:read", nil},
		{secret.FamilyKlinivo, "", "", "", []string{"scopes"}},
		{secret.FamilyKlinivo, "READ_PATIENTS WRITE_APPOINTMENTS", "", "patients:read appointments:write", nil},
		{secret.FamilyKlinivo, "patients:read", "", "patients:read", nil},
		{secret.FamilyKlinivo, "leads:read", "", "", []string{"scopes"}},
		{secret.FamilyPublic, "", "https://a.example", "campaigns:read interviews:write", nil},
		{secret.FamilyPublic, "interviews:write campaigns:read", "https://a.example", "campaigns:read interviews:write", nil},
		{secret.FamilyPublic, "campaigns:read", "https://a.example", "", []string{"scopes"}},
		{secret.FamilyPublic, "campaigns:read interviews:write teams:read", "https://a.example", "", []string{"scopes"}},
		{secret.FamilyPublic, "", "", "", []string{"allowed_origins"}},
		{secret.FamilyPublic, "", "https://*.example", "", []string{"allowed_origins[0]"}},
		{"qb_", "", "", "", []string{"family"}},
		{"", "", "", "", []string{"family"}},
	} {
		var f fault.Faults
		k := KeyDraft{Name: "n", Family: c.family, Scopes: strings.Fields(c.scopes),
			AllowedOrigins: strings.Fields(c.origins)}.cleaned(&f, 1000)
		if t.Run(string(c.family)+" "+c.scopes, func(t *testing.T) { faulttest.Want(t, f, c.faults...) }); len(c.faults) > 0 {
			continue
		}
		want := strings.Fields(c.want)
		got := k.Scopes.Names()
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) || k.Scopes&(1<<scope.None) != 0 {
			t.Errorf("%s with %q holds %v, want %v", c.family, c.scopes, got, want)
		}
	}
}

func TestKeyDraftFaults(t *testing.T) {
	t.Parallel()
	zero, rate, low, high := 0, 500, -1, MaxRatePerMinute+1
	for _, c := range []struct {
		draft  KeyDraft
		faults []string
	}{
		{KeyDraft{Name: "n", ExpiresAt: 1001, RatePerMinute: &zero}, nil},
		{KeyDraft{Name: "n", RatePerMinute: &rate}, nil},
		{KeyDraft{Name: " "}, []string{"name"}},
		{KeyDraft{Name: strings.Repeat("x", text.MaxName+1)}, []string{"name"}},
		{KeyDraft{Name: "n", ExpiresAt: 1000}, []string{"expires_at"}},
		{KeyDraft{Name: "n", ExpiresAt: -5}, []string{"expires_at"}},
		{KeyDraft{Name: "n", RatePerMinute: &low}, []string{"rate_per_minute"}},
		{KeyDraft{Name: "a\nb", ExpiresAt: 1, RatePerMinute: &high, Scopes: []string{"x", "leads:read", "y"}},
			[]string{"name", "expires_at", "rate_per_minute", "scopes[0]", "scopes[2]"}},
	} {
		var f fault.Faults
		c.draft.Family = secret.FamilyLive
		c.draft.cleaned(&f, 1000)
		faulttest.Want(t, f, c.faults...)
	}
}

// No key can grant more than its creator holds.
func TestMayGrant(t *testing.T) {
	t.Parallel()
	key := func(f secret.Family, s ...scope.Scope) Key { return Key{Family: f, Scopes: scope.Of(s...)} }
	by := func(s ...scope.Scope) act.Caller {
		return act.Caller{Clinic: 1, Kind: act.ActorKey, Scopes: scope.Of(s...)}
	}
	for _, c := range []struct {
		name    string
		caller  act.Caller
		key     Key
		missing scope.Scope
		field   string
	}{
		{"the same", by(scope.KeysManage, scope.LeadsRead), key(secret.FamilyLive, scope.LeadsRead), scope.None, ""},
		{"less", by(scope.KeysManage, scope.LeadsRead), key(secret.FamilyLive), scope.None, ""},
		{"more", by(scope.KeysManage, scope.LeadsRead), key(secret.FamilyLive, scope.LeadsRead, scope.LeadsWrite,
			scope.PatientsRead), scope.PatientsRead, "scopes"},
		{"availability comes with appointments", by(scope.AppointmentsRead), key(secret.FamilyLive, scope.AvailabilityRead),
			scope.None, ""},
		{"not the other way round", by(scope.AvailabilityRead), key(secret.FamilyLive, scope.AppointmentsRead),
			scope.AppointmentsRead, "scopes"},
		{"the shell", act.Shell(1, "keys create"), key(secret.FamilySecret, scope.PatientsErase), scope.None, ""},
		{"an owner", User{Clinic: 1, Role: act.Owner}.caller(), key(secret.FamilySecret, scope.PatientsErase), scope.None,
			""},
		{"an admin, in spite of *", User{Clinic: 1, Role: act.Admin}.caller(), key(secret.FamilySecret, scope.PatientsErase),
			scope.PatientsErase, "scopes"},
		{"a test key makes no live key", act.Caller{Clinic: 1, Scopes: scope.All, Test: true},
			key(secret.FamilyLive, scope.LeadsRead), scope.None, "family"},
		{"a test key makes a test key", act.Caller{Clinic: 1, Scopes: scope.All, Test: true},
			key(secret.FamilyTest, scope.LeadsRead), scope.None, ""},
	} {
		err := mayGrant(c.caller, c.key)
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != fault.Forbidden || e.Missing != c.missing || len(e.Details) != 1 ||
			e.Details[0].Field != c.field {
			t.Errorf("%s: %v", c.name, err)
		}
		if ok && c.missing != scope.None && !strings.Contains(e.Details[0].Message, c.missing.String()) {
			t.Errorf("%s: %v does not name %s", c.name, err, c.missing)
		}
	}
	err := mayGrant(by(scope.KeysManage), key(secret.FamilyKlinivo, scope.PatientsRead, scope.WebhooksManage))
	if e, _ := errors.AsType[*fault.Error](err); e == nil ||
		!strings.Contains(e.Details[0].Message, "READ_PATIENTS, MANAGE_WEBHOOKS") {
		t.Errorf("a Klinivo key's scopes are not in its spelling: %v", err)
	}
}

func TestMayGrantNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sets := rapid.Uint64Range(0, uint64(anyScope)).Filter(func(s uint64) bool { return s&1 == 0 })
		c := act.Caller{Clinic: 1, Kind: act.ActorKey, Scopes: scope.Set(sets.Draw(t, "held"))}
		k := Key{Family: secret.FamilySecret, Scopes: scope.Set(sets.Draw(t, "asked"))}
		made := mayGrant(c, k) == nil
		for _, s := range anyScope.List() {
			if made && k.Scopes.Has(s) && !c.May(s) {
				t.Fatalf("the key may %s, its maker may not", s)
			}
		}
		if !made && k.Scopes.Without(c.Scopes) == 0 {
			t.Fatal("a key no wider than its maker was refused")
		}
	})
}

func TestKeyEnded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		expires, revoked int64
		want             string
	}{
		{0, 0, ""}, {1001, 0, ""}, {1000, 0, "expired"}, {0, 1001, ""}, {0, 1000, "revoked"}, {5, 6, "revoked"},
		{999, 1001, "expired"},
	} {
		if got := (Key{ExpiresAt: c.expires, RevokedAt: c.revoked}).Ended(1000); got != c.want {
			t.Errorf("expires %d, revoked %d: %q, want %q", c.expires, c.revoked, got, c.want)
		}
	}
}

func TestCleanOrigin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"https://clinic.example", "https://clinic.example"},
		{" HTTPS://Clinic.Example ", "https://clinic.example"},
		{"https://clinic.example:8443", "https://clinic.example:8443"},
		{"https://clinic.example:443", "https://clinic.example"},
		{"http://clinic.example:80", "http://clinic.example"},
		{"http://clinic.example:443", "http://clinic.example:443"},
		{"http://10.0.0.7:3000", "http://10.0.0.7:3000"},
		{"http://[2001:DB8::1]:3000", "http://[2001:db8::1]:3000"},
		{"http://localhost:*", "http://localhost:*"},
		{"http://localhost", "http://localhost"},
		{"https://xn--rzte-koa.example", "https://xn--rzte-koa.example"},
		{"", ""}, {"*", ""}, {"null", ""}, {"clinic.example", ""}, {"//clinic.example", ""}, {"ftp://clinic.example", ""},
		{"https://", ""}, {"https://clinic.example/", ""}, {"https://clinic.example/app", ""},
		{"https://clinic.example?x", ""},
		{"https://clinic.example#x", ""}, {"https://*.clinic.example", ""}, {"https://localhost:*", ""},
		{"http://localhost:*/", ""},
		{"https://clinic.example:", ""}, {"https://clinic.example:0", ""}, {"https://clinic.example:65536", ""},
		{"https://clinic.example:+80", ""}, {"https://clinic.example:080", ""}, {"https://user@clinic.example", ""},
		{"https://user:pw@clinic.example", ""}, {"https://ärzte.example", ""}, {"https://clinic..example", ""},
		{"https://-clinic.example", ""}, {"https://clinic.example.", ""}, {"https://[::1", ""}, {"https://[127.0.0.1]", ""},
		{"https://[fe80::1%25eth0]", ""}, {"https://clinic example", ""}, {"javascript://clinic.example", ""},
	} {
		got, fault := cleanOrigin(c.in)
		if got != c.want || (fault == "") != (c.want != "") {
			t.Errorf("cleanOrigin(%q) = %q, %q; want %q", c.in, got, fault, c.want)
		}
	}
	var f fault.Faults
	if got := cleanOrigins(&f, "o", []string{"https://a.example", "https://A.example:443",
		"https://b.example"}); len(f) > 0 || len(got) != 2 {
		t.Errorf("spellings of one origin count twice: %v, %v", got, f)
	}
	cleanOrigins(&f, "o", make([]string, MaxOrigins+1))
	faulttest.Want(t, f, "o")
}

func FuzzCleanOrigin(f *testing.F) {
	f.Add("https://clinic.example:8443")
	f.Add("http://localhost:*")
	f.Add("http://[::1]:80")
	f.Fuzz(func(t *testing.T, text string) {
		got, fault := cleanOrigin(text)
		if (got == "") == (fault == "") {
			t.Fatalf("%q: %q and %q", text, got, fault)
		}
		if got == "" {
			return
		}
		if again, _ := cleanOrigin(got); again != got {
			t.Errorf("%q became %q, and that %q", text, got, again)
		}
		if strings.Count(got, "/") != 2 || strings.ContainsAny(got, " @?#\r\n,") || got != anyLocalhost &&
			strings.Contains(got, "*") {
			t.Errorf("%q is no exact origin", got)
		}
	})
}

func TestOriginAllowed(t *testing.T) {
	t.Parallel()
	allowed := []string{"https://clinic.example", "http://localhost:*"}
	for origin, want := range map[string]bool{
		"https://clinic.example": true, "http://localhost:3000": true, "http://localhost": true,
		"": false, "null": false, "https://clinic.example:8443": false, "http://clinic.example": false,
		"https://CLINIC.example":              false,
		"https://clinic.example.evil.example": false, "http://localhost:": false, "http://localhost:*": false,
		"http://localhost:99999":        false,
		"http://localhost.evil.example": false, "http://localhost:80.evil.example": false, "https://localhost:3000": false,
	} {
		if got := OriginAllowed(allowed, origin); got != want {
			t.Errorf("%q: %v, want %v", origin, got, want)
		}
	}
	if OriginAllowed([]string{"https://clinic.example"}, "http://localhost:3000") ||
		OriginAllowed(nil, "https://clinic.example") {
		t.Error("an origin that no key names passes")
	}
}

func TestCheckKeyText(t *testing.T) {
	t.Parallel()
	const whole = "qbk_live_8fJ2kQ0aZx81Lm0s9dTgUeW3bVn4cYpRtGhKjMqN4QVNUO"
	for _, c := range []struct {
		text   string
		family secret.Family
		prefix string
		fault  string
	}{
		{whole, secret.FamilyLive, "qbk_live_8fJ2kQ0a", ""},
		{"kv_8fJ2kQ0aZx81Lm0s9dTgUeW3bVn4cYpRtGhKjMqN46rvDV", secret.FamilyKlinivo, "kv_8fJ2kQ0a", ""},
		{whole[:len(whole)-1], secret.FamilyLive, "", "cut off"},
		{whole + "x", secret.FamilyLive, "", "too many"},
		{strings.Replace(whole, "Zx81", "Zx18", 1), secret.FamilyLive, "", "wrong"},
		{"qbk_live_", secret.FamilyLive, "", "cut off"},
		{"sk_live_whatever", "", "", "begin as a key"},
		{"", "", "", "begin as a key"},
	} {
		got := CheckKeyText(c.text)
		if got.Family != c.family || got.Prefix != c.prefix || (got.Fault == "") != (c.fault == "") ||
			!strings.Contains(got.Fault, c.fault) {
			t.Errorf("%q: %+v", c.text, got)
		}
		if strings.Contains(got.Fault+got.Prefix, "Zx81") {
			t.Errorf("%+v gives the secret away", got)
		}
	}
}

func TestSameHash(t *testing.T) {
	t.Parallel()
	a, b := secret.New(secret.FamilyLive), secret.New(secret.FamilyLive)
	k := Key{Hash: hexOf(a.Hash())}
	if !sameHash(a, k.Hash) || sameHash(b, k.Hash) || sameHash(a, nobody) || sameHash(a, "") ||
		sameHash(a, strings.ToUpper(k.Hash)) {
		t.Error("a hash is compared wrongly")
	}
}

func hexOf(b [32]byte) string {
	const digits = "0123456789abcdef"
	out := []byte{}
	for _, x := range b {
		out = append(out, digits[x>>4], digits[x&15])
	}
	return string(out)
}
