package httpapi

import (
	"net/http/httptest"
	"testing"
)

// CheckReply holds a reply against the OpenAPI document.
func CheckReply(t testing.TB, s *Server, method, path string, r *httptest.ResponseRecorder) {
	t.Helper()
	describe(t, s).check(t, s, method, path, r)
}
