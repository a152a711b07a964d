package httpapi

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"qualifybase/engine/access"
	"qualifybase/engine/act"
)

const password = "correct horse battery"

// withSessions is a world whose server signs and accepts tokens, with a user of
// that role and e-mail in the first clinic.
func withSessions(t *testing.T, role act.Role, email string) (*world, access.User) {
	t.Helper()
	w := newWorld(t)
	s, err := newServer(w.e, Options{AllowHTTP: true, FailuresPerMinute: 1000, Log: w.s.o.Log,
		JWT: JWT{Secret: bytes.Repeat([]byte("k"), MinJWTSecret), Issuer: "qb", Audience: "front", TTL: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	w.s = s
	u, err := w.e.CreateUser(t.Context(), w.ann, access.UserDraft{Email: email, Name: "Ada", Role: role,
		Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return w, u
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	w, u := withSessions(t, act.FrontDesk, "Ada@clinic.example")
	r := w.call("POST", "/session", `{"email":"ADA@clinic.example","password":"`+password+`"}`)
	r.has(200, `"Bearer"`, "data", "token_type")
	r.has(200, `"2026-04-27T07:00:00Z"`, "data", "expires_at")
	r.has(200, `"front_desk"`, "data", "role")
	r.has(200, `"`+u.ID+`"`, "data", "user_id")
	session := "Authorization: Bearer " + r.id("data", "token")

	w.call("GET", "/leads", "", session).is(200, `"data":[]`)
	w.call("GET", "/audit", "", session).is(403, "INSUFFICIENT_SCOPE") // what the role forbids stays forbidden
	if strings.Contains(w.log.String(), password) || strings.Contains(w.log.String(), "ada@") ||
		strings.Contains(w.log.String(), r.id("data", "token")) {
		t.Errorf("the log tells on people:\n%s", w.log)
	}

	w.now = w.now.Add(time.Hour + time.Second)
	w.call("GET", "/leads", "", session).is(401, "INVALID_TOKEN")
	w.now = w.now.Add(-2 * time.Second)
	w.call("GET", "/leads", "", session).is(200, "")
	if _, err := w.e.DisableUser(t.Context(), w.ann, u.ID); err != nil {
		t.Fatal(err)
	}
	w.call("GET", "/leads", "", session).is(401, "INVALID_TOKEN")
	w.call("POST", "/session", `{"email":"ada@clinic.example","password":"`+password+`"}`).is(401, "UNAUTHENTICATED")
}

// A new password and disabling end the sessions that were issued before, for good;
// a foreign token that does not say when it was issued lasts until it expires.
func TestOldSessionsEnd(t *testing.T) {
	t.Parallel()
	w, u := withSessions(t, act.FrontDesk, "ada@clinic.example")
	signIn := func(password string) string {
		return "Authorization: Bearer " + w.call("POST", "/session",
			`{"email":"ada@clinic.example","password":"`+password+`"}`).id("data", "token")
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256,
		jwt.MapClaims{"sub": u.ID, "iss": "qb", "aud": "front", "exp": w.now.Add(time.Hour).Unix()}).
		SignedString(w.s.o.JWT.Secret)
	if err != nil {
		t.Fatal(err)
	}
	foreign := "Authorization: Bearer " + text

	first := signIn(password)
	w.call("GET", "/leads", "", first).is(200, "")
	w.now = w.now.Add(time.Second)
	if _, err := w.e.SetPassword(t.Context(), w.ann, u.ID, "another long password"); err != nil {
		t.Fatal(err)
	}
	w.call("GET", "/leads", "", first).is(401, "INVALID_TOKEN")
	second := signIn("another long password")
	w.call("GET", "/leads", "", second).is(200, "")

	w.now = w.now.Add(time.Second)
	if _, err := w.e.DisableUser(t.Context(), w.ann, u.ID); err != nil {
		t.Fatal(err)
	}
	w.call("GET", "/leads", "", foreign).is(401, "INVALID_TOKEN")
	if _, err := w.e.EnableUser(t.Context(), w.ann, u.ID); err != nil {
		t.Fatal(err)
	}
	w.call("GET", "/leads", "", second).is(401, "INVALID_TOKEN")
	w.call("GET", "/leads", "", foreign).is(200, "")
	w.call("GET", "/leads", "", signIn("another long password")).is(200, "")
}

// TestFaultyBodySignsNobodyIn: a body with a fault is answered with the fault
// alone; the password in it is not tried.
func TestFaultyBodySignsNobodyIn(t *testing.T) {
	t.Parallel()
	w, u := withSessions(t, act.FrontDesk, "ada@clinic.example")
	signIns := func() int {
		list, err := w.e.AuditLog(t.Context(), w.ann, act.AuditQuery{Action: "user.sign_in", EntityID: u.ID},
			act.Page{})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	body := `{"email":"ada@clinic.example","password":"` + password + `"`
	w.call("POST", "/session", body+`,"remember":true}`).is(400, `"field":"remember"`)
	if n := signIns(); n != 0 {
		t.Errorf("%d sign-ins are in the audit after a 400", n)
	}
	w.call("POST", "/session", body+`}`).is(200, `"Bearer"`)
	if n := signIns(); n != 1 {
		t.Errorf("%d sign-ins are in the audit, want 1", n)
	}
}

// TestSignInRefusals: one answer for whatever does not fit, and the lock-out.
func TestSignInRefusals(t *testing.T) {
	t.Parallel()
	w, _ := withSessions(t, act.Owner, "ada@clinic.example")
	ask := func(email, password string) reply {
		return w.call("POST", "/session", `{"email":"`+email+`","password":"`+password+`"}`)
	}
	wrong := ask("ada@clinic.example", "wrong horse battery").is(401, `"UNAUTHENTICATED"`)
	unknown := ask("nobody@clinic.example", password).is(401, "")
	if wrong.Body.String() != unknown.Body.String() || wrong.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("%s and %s differ, or say no way in", wrong.Body, unknown.Body)
	}
	w.call("POST", "/session", `{"email":"ada@clinic.example","password":"`+password+
		`","clinic_slug":"lisbon-dental"}`).is(401, "")
	w.call("POST", "/session", `{}`).is(400, `{"field":"email","message":"Required"},{"field":"password",`+
		`"message":"Required"}`)
	w.call("POST", "/session", `{"email":7,"password":null}`).is(400, "VALIDATION_ERROR")
	for range 8 {
		ask("ada@clinic.example", "wrong horse battery").is(401, "")
	}
	locked := ask("ada@clinic.example", password)
	locked.is(429, "RATE_LIMIT_EXCEEDED")
	if n, err := strconv.Atoi(locked.Header().Get("Retry-After")); err != nil || n < 1 || n > 15*60 {
		t.Errorf("Retry-After %q", locked.Header().Get("Retry-After"))
	}
	w.now = w.now.Add(15*time.Minute + time.Second)
	ask("ada@clinic.example", password).is(200, "")

	off := newWorld(t)
	off.call("POST", "/session", `{"email":"ada@clinic.example","password":"`+password+`"}`).
		is(http.StatusNotFound, "auth.jwt_secret is not set")
}

// TestSignInOfTwoClinics: a person of two clinics names the one that is meant.
func TestSignInOfTwoClinics(t *testing.T) {
	t.Parallel()
	w, _ := withSessions(t, act.Owner, "ada@clinic.example")
	if _, err := w.e.CreateUser(t.Context(), w.bob,
		access.UserDraft{Email: "ada@clinic.example", Name: "Ada", Role: act.Auditor,
			Password: password}); err != nil {
		t.Fatal(err)
	}
	w.call("POST", "/session", `{"email":"ada@clinic.example","password":"`+password+`"}`).is(401, "name the clinic")
	r := w.call("POST", "/session", `{"email":"ada@clinic.example","password":"`+password+
		`","clinic_slug":"lisbon-dental"}`)
	r.has(200, `"auditor"`, "data", "role")
	w.call("GET", "/audit", "", "Authorization: Bearer "+r.id("data", "token")).is(200, "")
}
