package engine

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestImportLaws locks the house (CONTRIBUTING.md "Rooms"): the engine stands on the
// standard library and two golang.org/x modules; only the command and the test
// helpers know the store; no face knows another.
func TestImportLaws(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command here to list the imports with")
	}
	const format = "{{.ImportPath}} {{.Standard}} {{join .Imports \" \"}}"
	out, err := exec.Command("go", "list", "-deps", "-f", format, "qualifybase/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg, imports := words[0], words[2:]
		room := strings.Split(strings.TrimPrefix(pkg, "qualifybase/"), "/")[0]
		if pkg != "qualifybase" && !strings.HasPrefix(pkg, "qualifybase/") || strings.HasSuffix(path.Base(pkg), "test") {
			continue
		}
		for _, imp := range imports {
			if why := outlawed(room, imp); why != "" {
				t.Errorf("%s imports %s: %s", pkg, imp, why)
			}
		}
	}
}

func TestImportLawsBite(t *testing.T) {
	for _, broken := range [][2]string{
		{"engine", "net/http"}, {"engine", "database/sql"}, {"engine", "qualifybase/store"}, {"engine", "github.com/x/y"},
		{"httpapi", "qualifybase/store"}, {"webhook", "qualifybase/httpapi"}, {"store", "qualifybase/httpapi"},
		{"httpapi", "qualifybase/cmd"}, {"qualifybase", "qualifybase/store"},
	} {
		if outlawed(broken[0], broken[1]) == "" {
			t.Errorf("%s may import %s", broken[0], broken[1])
		}
	}
}

// outlawed says why a room of the house may not import a package; "" = it may.
func outlawed(room, imp string) string {
	ours, isOurs := strings.CutPrefix(imp, "qualifybase/")
	target := strings.Split(ours, "/")[0]
	switch {
	case room == "engine" && slices.Contains([]string{"database/sql", "database/sql/driver", "net/http"}, imp):
		return "the engine asks its Store, and speaks to faces alone"
	case room == "engine" && isOurs && target != "engine":
		return "the engine is the ground floor"
	case room == "engine" && strings.Contains(strings.Split(imp, "/")[0], ".") &&
		!strings.HasPrefix(imp, "golang.org/x/text/") && !strings.HasPrefix(imp, "golang.org/x/crypto/"):
		return "the engine stands on std and golang.org/x/{text,crypto} alone"
	case isOurs && target == "store" && room != "store" && room != "cmd":
		return "only cmd opens the store"
	case isOurs && target == "cmd" && room != "qualifybase":
		return "nobody but main calls cmd"
	case isOurs && slices.Contains([]string{"httpapi", "webhook", "store"}, room) && target != room && target != "engine":
		return "a face knows the engine and itself"
	}
	return ""
}
