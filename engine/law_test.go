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
// helpers know the store; no face knows another; what is reserved is imported by
// its owners alone.
func TestImportLaws(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command here to list the imports with")
	}
	const format = `{{.ImportPath}}|{{join .Imports " "}}|{{join .TestImports " "}} {{join .XTestImports " "}}`
	out, err := exec.Command("go", "list", "-f", format, "qualifybase/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		parts := strings.Split(strings.TrimSpace(line), "|")
		pkg := strings.TrimPrefix(parts[0], "qualifybase/")
		for _, imp := range strings.Fields(parts[1]) {
			why := usurped(pkg, imp)
			if why == "" && !strings.HasSuffix(path.Base(pkg), "test") {
				why = outlawed(pkg, imp)
			}
			if why != "" {
				t.Errorf("%s imports %s: %s", pkg, imp, why)
			}
		}
		for _, imp := range strings.Fields(parts[2]) {
			if why := usurped(pkg+" [test]", imp); why != "" {
				t.Errorf("the tests of %s import %s: %s", pkg, imp, why)
			}
		}
	}
}

func TestImportLawsBite(t *testing.T) {
	for _, broken := range [][2]string{
		{"engine", "net/http"}, {"engine", "database/sql"}, {"engine", "qualifybase/store"}, {"engine", "github.com/x/y"},
		{"httpapi", "qualifybase/store"}, {"webhook", "qualifybase/httpapi"}, {"store", "qualifybase/httpapi"},
		{"httpapi", "qualifybase/cmd"}, {"qualifybase", "qualifybase/store"}, {"engine/x", "net/http"},
		{"store/sqlite", "qualifybase/engine"}, {"store/sqlite", "github.com/x/y"},
		{"store/sqlite/disk", "qualifybase/store"},
		{"qualifybase", "qualifybase/cmd/upkeep"}, {"store", "qualifybase/cmd/config"}, {"cmd/upkeep", "qualifybase/cmd"},
	} {
		if outlawed(broken[0], broken[1]) == "" {
			t.Errorf("%s may import %s", broken[0], broken[1])
		}
	}
	for _, broken := range [][2]string{
		{"store", "modernc.org/sqlite/lib"}, {"store", "modernc.org/libc"}, {"cmd", "modernc.org/sqlite"},
		{"store/sqlite", "modernc.org/sqlite"}, {"store/sqlitex", "modernc.org/libc"},
		{"store [test]", "modernc.org/sqlite/lib"},
		{"cmd", "qualifybase/store/sqlite"}, {"store/storetest", "qualifybase/store/sqlite/disk"},
	} {
		if usurped(broken[0], broken[1]) == "" {
			t.Errorf("%s may import %s", broken[0], broken[1])
		}
	}
}

// reserved are the imports that only their owners may write: a path stands for
// everything below it, and the longest that fits decides. "x [test]" are the test
// files of x, "... [test]" all test files.
var reserved = []struct {
	imp    string
	owners []string
	why    string
}{
	{"modernc.org", []string{"store/sqlite", "store/sqlite/disk"}, "SQLite is called in store/sqlite alone"},
	{"modernc.org/sqlite", []string{"... [test]"}, "the database/sql driver is the SQL shell of tests"},
	{"modernc.org/sqlite/lib", []string{"store/sqlite", "store/sqlite/disk"}, "SQLite is called in store/sqlite alone"},
	{"qualifybase/store/sqlite", []string{"store", "store [test]"}, "SQL is written in store alone"},
	{"qualifybase/store/sqlite/disk", []string{"... [test]"}, "the disk that fails is for tests"},
}

// usurped says why a package may not import what is reserved; "" = it may.
func usurped(pkg, imp string) string {
	why, longest := "", ""
	for _, r := range reserved {
		if imp != r.imp && !strings.HasPrefix(imp, r.imp+"/") || len(r.imp) < len(longest) {
			continue
		}
		why, longest = r.why, r.imp
		if slices.Contains(r.owners, pkg) || slices.Contains(r.owners, "... [test]") && strings.HasSuffix(pkg, " [test]") {
			why = ""
		}
	}
	return why
}

// outlawed says why a package of the house may not import another; "" = it may.
func outlawed(pkg, imp string) string {
	room := strings.Split(pkg, "/")[0]
	ours, isOurs := strings.CutPrefix(imp, "qualifybase/")
	target := strings.Split(ours, "/")[0]
	isForeign := !isOurs && strings.Contains(strings.Split(imp, "/")[0], ".")
	switch {
	case room == "engine" && slices.Contains([]string{"database/sql", "database/sql/driver", "net/http"}, imp):
		return "the engine asks its Store, and speaks to faces alone"
	case room == "engine" && isOurs && target != "engine":
		return "the engine is the ground floor"
	case room == "engine" && isForeign &&
		!strings.HasPrefix(imp, "golang.org/x/text/") && !strings.HasPrefix(imp, "golang.org/x/crypto/"):
		return "the engine stands on std and golang.org/x/{text,crypto} alone"
	case strings.HasPrefix(pkg+"/", "store/sqlite/") && (isOurs || isForeign && !strings.HasPrefix(imp, "modernc.org/")):
		return "store/sqlite knows SQLite and no clinic"
	case isOurs && target == "store" && room != "store" && room != "cmd":
		return "only cmd opens the store"
	case isOurs && target == "cmd" && (room != "qualifybase" || ours != "cmd") && (room != "cmd" || ours == "cmd"):
		return "nobody but main calls cmd, and nobody but cmd its rooms"
	case isOurs && slices.Contains([]string{"httpapi", "webhook", "store"}, room) && target != room && target != "engine":
		return "a face knows the engine and itself"
	}
	return ""
}
