package engine

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestImportLaws locks the house (CONTRIBUTING.md "Rooms"): the engine stands on the
// standard library and two golang.org/x modules; only the command and the test
// helpers know the store; no face knows another; what is reserved is imported by
// its owners alone.
func TestImportLaws(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	for _, broken := range [][2]string{
		{"engine/people", "qualifybase/engine/booking"}, {"engine/text", "qualifybase/engine/act"},
		{"engine/fault", "qualifybase/engine/text/x"},
		{"engine/act", "qualifybase/engine/directory"}, {"engine/newroom", "qualifybase/engine/act"},
		{"engine/act", "qualifybase/engine"},
		{"engine/record", "net/http"}, {"engine/people", "qualifybase/store"}, {"engine/booking", "github.com/x/y"},
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
	case room == "engine" && isOurs:
		return outlawedRoom(strings.TrimPrefix(pkg, "engine/"), strings.TrimPrefix(ours, "engine/"))
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

// The rooms of the engine. Leaves import leaves; act imports leaves; each further
// room may import act, leaves and the rooms before it.
var (
	leaves = strings.Fields("fault scope text phone table ical secret calendar uuid flat panics")
	rooms  = strings.Fields("act directory people booking record rights access outbox engine")
)

// outlawedRoom says why a room of the engine may not import another; "" = it may.
func outlawedRoom(room, imp string) string {
	from, to := slices.Index(rooms, room), slices.Index(rooms, imp)
	switch {
	case slices.Contains(leaves, imp):
		return ""
	case slices.Contains(leaves, room):
		return "a leaf imports leaves alone"
	case from < 0:
		return "the room has no place in the list of rooms; give it one"
	case to < 0:
		return "the imported room has no place in the list of rooms"
	case to >= from:
		return "a room stands on those before it in the list"
	}
	return ""
}

// No room of the engine is so large that it should be two, and no interface but the
// composed ones asks for more than a reader can keep in mind.
func TestRoomsStaySmall(t *testing.T) {
	t.Parallel()
	const most, methods = 4_000, 25
	lines := map[string]int{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if dir == "../engine" || strings.HasPrefix(dir, "../engine/") {
			lines[dir] += strings.Count(string(text), "\n")
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if face, ok := spec.Type.(*ast.InterfaceType); ok && len(face.Methods.List) > methods {
				t.Errorf("%s: interface %s has %d methods, more than %d", path, spec.Name, len(face.Methods.List), methods)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, n := range lines {
		if n > most {
			t.Errorf("%s has %d lines, more than %d: it should be two rooms", dir, n, most)
		}
	}
	if len(lines) < 15 {
		t.Fatalf("found %d rooms only", len(lines))
	}
}

// The engine knows no format: a tag on a field, or a type that writes itself as JSON,
// would put one that databases or callers keep into a type that is renamed at will.
// What is stored is named in store, what is answered in httpapi and cmd; events and
// digests are said field by field (act.Fact).
func TestTheEngineNamesNoFormat(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		files++
		for _, pos := range formatsIn(file) {
			t.Errorf("%s names a format", fset.Position(pos))
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Fatalf("%d files were read: %v", files, err)
	}
}

func TestFormatsAreSeen(t *testing.T) {
	t.Parallel()
	const text = "package x\ntype A struct{ B, C int `json:\"b\"` }\n" +
		"func (A) MarshalJSON() ([]byte, error) { return nil, nil }\n" +
		"func f() { var _ struct{ D []struct{ E int `doc:\"e\"` } } }\ntype G struct{ H int }"
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(formatsIn(file)); n != 3 {
		t.Errorf("%d formats were seen, want 3", n)
	}
}

// formatsIn finds the tags of fields and the methods by which types write and read
// themselves as JSON.
func formatsIn(file *ast.File) (list []token.Pos) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			if n.Tag != nil {
				list = append(list, n.Tag.Pos())
			}
		case *ast.FuncDecl:
			if n.Recv != nil && (n.Name.Name == "MarshalJSON" || n.Name.Name == "UnmarshalJSON") {
				list = append(list, n.Pos())
			}
		}
		return true
	})
	return list
}
