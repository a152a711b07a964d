package httpapi_test

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qualifybase/engine"
	"qualifybase/httpapi"
)

var update = flag.Bool("update", false, "rewrite the files under testdata that tests compare with")

// TestOpenAPIDocuments compares the document of each wire form with its file, so
// that every change of the contract is a diff that somebody reads.
// After a change that is meant: go test ./httpapi -run TestOpenAPIDocuments -update
func TestOpenAPIDocuments(t *testing.T) {
	t.Parallel()
	e := engine.New(nil, engine.Options{})
	s, err := httpapi.New(e, httpapi.Options{AllowHTTP: true, Version: "0.0.0", More: httpapi.Further(e)})
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"standard", "flat"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/openapi.json?form="+form, nil))
		if w.Code != 200 {
			t.Fatalf("%s: status %d %s", form, w.Code, w.Body)
		}
		document, err := parseTree(w.Body.String())
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		golden(t, filepath.Join("testdata", "openapi."+form+".json"), document.String()+"\n")
	}
}

// golden compares text with the file, or writes the file under -update.
func golden(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := firstDifference(string(want), text); diff != "" {
		t.Errorf("%s is not what the program says; if the change is meant, run this test with -update\n%s", file, diff)
	}
}

// firstDifference shows where two texts part, after the lines before it; "" if they are equal.
func firstDifference(want, got string) string {
	if want == got {
		return ""
	}
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	line := func(lines []string) string {
		if i < len(lines) {
			return lines[i]
		}
		return "(the end)"
	}
	before := strings.Join(a[max(0, i-3):i], "\n  ")
	return fmt.Sprintf("line %d:\n  %s\n- %s\n+ %s", i+1, before, line(a), line(b))
}
