package main

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // the scripts' SQL shell

	"qualifybase/cmd"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"qb": func() { os.Exit(cmd.Main(os.Args[1:], files)) },
	})
}

// TestScripts runs the transcripts of the command line: what a person types,
// what qb answers on which stream, and the exit code.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "cmd/testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit": exits, "mode": mode, "capture": capture, "prefix": prefix, "sql": shell,
			"port": port, "terminate": terminate, "call": call, "within": within,
		},
	})
}

// exits runs a command that must end with the code: "exit 2 qb config".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) >= 2, "exit CODE command [args...]")
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = failed.ExitCode()
	}
	if want, err := strconv.Atoi(args[0]); err != nil || code != want {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// mode wants the permissions of a file: "mode 0700 qb-data".
func mode(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "mode OCTAL file")
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// capture keeps the last standard output: "capture KEY", as KEY=$(…) does.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "capture NAME")
	ts.Setenv(args[0], strings.TrimRight(ts.ReadFile("stdout"), "\n"))
}

// prefix keeps the visible part of a key: "prefix PREFIX $KEY".
func prefix(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2 && len(args[1]) > 38, "prefix NAME KEY")
	ts.Setenv(args[0], args[1][:len(args[1])-38])
}

// shell runs SQL on a file, as a stock sqlite3 would: "sql qb-data/qb.db 'DELETE …'".
func shell(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "sql file statements")
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}

// terminate sends SIGTERM, as a service manager does, to what runs in the
// background; wait then wants its exit code 0.
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 0, "terminate")
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(syscall.SIGTERM))
	}
}

// port picks a free port of loopback and sets QB_HOST to it: "port PORT".
func port(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "port NAME")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	_, number, _ := net.SplitHostPort(l.Addr().String())
	ts.Setenv(args[0], number)
	ts.Setenv("QB_HOST", "http://127.0.0.1:"+number)
}

// call sends a request to QB_HOST with QB_KEY and wants a status; the reply's body
// is its standard output: "call 201 POST /leads '{…}'". Paths are below /api/v1
// unless they begin with two slashes.
func call(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && (len(args) == 3 || len(args) == 4), "call STATUS METHOD path [body]")
	got, body, err := send(ts, args[1:])
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), body)
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("status %d, want %s: %s", got, args[0], body)
	}
}

// within repeats a GET until it has the status and, if given, the text in its
// body: "within 5s 200 /leads ben@example.com".
func within(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && (len(args) == 3 || len(args) == 4), "within TIME STATUS path [text]")
	patience, err := time.ParseDuration(args[0])
	ts.Check(err)
	want := strings.Join(args[3:], "")
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		got, body, err := send(ts, []string{"GET", args[2]})
		if err == nil && strconv.Itoa(got) == args[1] && strings.Contains(body, want) {
			return
		}
		if time.Since(begin) > patience {
			ts.Fatalf("after %s: status %d, error %v: %s", patience, got, err, body)
		}
	}
}

func send(ts *testscript.TestScript, args []string) (status int, body string, err error) {
	url := ts.Getenv("QB_HOST") + "/api/v1" + args[1]
	if strings.HasPrefix(args[1], "//") {
		url = ts.Getenv("QB_HOST") + args[1][1:]
	}
	r, err := http.NewRequest(args[0], url, strings.NewReader(strings.Join(args[2:], "")))
	ts.Check(err)
	if len(args) == 3 {
		r.Header.Set("Content-Type", "application/json")
	}
	if key := ts.Getenv("QB_KEY"); key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return reply.StatusCode, string(text), err
}

// need ends the script unless a command was used as it should be.
func need(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// TestDemo starts the demo as a person would, pastes the lines that it prints
// into a shell, and ends it with Ctrl-C.
func TestDemo(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the printed lines need curl, which is not installed")
	}
	temp := t.TempDir()
	c := exec.Command("qb", "demo")
	c.Env = append(os.Environ(), "TMPDIR="+temp)
	var complaints strings.Builder
	c.Stderr = &complaints
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	text := shown(t, out)
	t.Logf("ready after %s", time.Since(begin).Round(time.Millisecond))
	if !strings.Contains(text, "(Europe/Berlin): 4 providers, ") {
		t.Errorf("the demo is not in a zone of its own:\n%s", text)
	}
	var got []string
	calls := printedCalls(text)
	if len(calls) != 3 {
		t.Fatalf("%d curl lines:\n%s", len(calls), text)
	}
	for _, call := range append(calls, calls[1]) {
		pasted, err := exec.Command("sh", "-c",
			`curl() { command curl -o /dev/null -w "%{http_code}" "$@"; }`+"\n"+call).Output()
		if err != nil {
			t.Fatalf("%v: %s", err, call)
		}
		got = append(got, string(pasted))
	}
	if want := "200 201 200 409"; strings.Join(got, " ") != want {
		t.Errorf("the printed calls answer %v, want %s", got, want)
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil || complaints.Len() > 0 {
		t.Errorf("Ctrl-C: %v; it said %q", err, &complaints)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind: %v", left, err)
	}
}

// shown is what the demo prints, to its last line.
func shown(t *testing.T, out io.Reader) string {
	t.Helper()
	var b strings.Builder
	for in := bufio.NewScanner(out); in.Scan(); {
		fmt.Fprintln(&b, in.Text())
		if strings.HasPrefix(in.Text(), "qb --data ") {
			return b.String()
		}
	}
	t.Fatalf("the demo ended early:\n%s", &b)
	return ""
}

// printedCalls are the paragraphs of a text that call curl.
func printedCalls(text string) (calls []string) {
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if strings.Contains(paragraph, "\ncurl ") {
			calls = append(calls, paragraph)
		}
	}
	return calls
}

// TestCitations checks that every document which a comment or another document
// cites is in the tree, and has the section that is cited.
func TestCitations(t *testing.T) {
	n, faults := checkCitations(t, os.DirFS("."))
	for _, f := range faults {
		t.Error(f)
	}
	t.Logf("%d citations", n)
	if n < 300 {
		t.Errorf("only %d citations were found: the pattern does not see them", n)
	}
}

// TestCitationsAreChecked checks the check: a tree of one document, cited rightly
// and wrongly. The name is put together, so that it is no citation here.
func TestCitationsAreChecked(t *testing.T) {
	const rules = "rules" + ".md"
	text := "# Rules\n\n## 1. Overlap\n\n1. one\n5a. more\n\n## 2. Tests\n\n| R1 | kill |\n| 2 | time |\n" +
		"\n```\n## 9. No heading\n```\n\n## How it ends\n"
	for _, c := range []struct {
		cited string
		n     int // citations
		wrong string
	}{
		{"// (RULES)", 1, ""},
		{"// (RULES §1): so", 2, ""},
		{"// RULES §1.5a, §2, \"How it ends\" and \"Overlap\".", 5, ""},
		{"// in RULES §§1, 2 and RULES §1–§2", 6, ""},
		{"-- as RULES\n-- §2.2 has it", 2, ""},
		{"// RULES \"How it\n// ends\"", 2, ""},
		{"# (RULES R1)", 2, ""},
		{"see [RULES](docs/RULES), `RULES` §1, https://example.com/x/RULES", 4, ""},
		{"// RULES §3", 2, "§3"},
		{"// RULES §1.2", 2, "§1.2"},
		{"// (RULES §1, §9)", 3, "§9"},
		{"// RULES §§1–3", 4, "§3"},
		{"// RULES R2", 2, "R2"},
		{"// RULES \"How it begins\"", 2, `"How it begins"`},
		{"// see other_RULES", 1, "other_" + rules},
		{"// see old/RULES", 1, "old/" + rules},
	} {
		n, faults := checkCitations(t, fstest.MapFS{
			"docs/" + rules: {Data: []byte(text)},
			"a/b.go":        {Data: []byte(strings.ReplaceAll(c.cited, "RULES", rules) + "\npackage b\n")},
		})
		good := len(faults) == 0
		if c.wrong != "" {
			good = len(faults) == 1 && strings.Contains(faults[0], " "+c.wrong)
		}
		if n != c.n || !good {
			t.Errorf("%q: %d citations, want %d; faults %q, want one of %q", c.cited, n, c.n, faults, c.wrong)
		}
	}
}

const item = `\d+(?:\.\d+[a-z]?)?` // of a § citation: 1, 1.5a

var (
	cited   = regexp.MustCompile(`[\w./-]*\w\.md\b`)
	section = regexp.MustCompile(`^,?(?: and)? (?:("[^"]+")|§§(` + item + `(?:(?:, |–)` + item + `)*)` +
		`|§(` + item + `(?:–§?` + item + `)?)|(R\d+)\b)`)
	heading   = regexp.MustCompile(`^#+ (?:(\d+)\. )?(.+)$`)
	label     = regexp.MustCompile(`^(?:(\d+[a-z]?)\. |\| *(\w+) *\|)`)
	continued = regexp.MustCompile(`\n[ \t]*(?://|--|#+)?[ \t]*`) // a comment goes on in the next line
)

// checkCitations looks through the sources and documents of a tree. It counts
// the documents and sections that they cite, and says which are not there.
func checkCitations(t *testing.T, tree fs.FS) (n int, faults []string) {
	t.Helper()
	texts := map[string]string{}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "dist", "qb-data"}, name):
			return fs.SkipDir
		case d.IsDir() || !citing(name):
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		texts[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		flat := continued.ReplaceAllString(text, " ")
		for _, at := range cited.FindAllStringIndex(flat, -1) {
			document := flat[at[0]:at[1]]
			if strings.Contains(document, "//") || path.IsAbs(document) { // in a URL, or on a machine
				continue
			}
			n++
			found, ok := lookUp(texts, name, document)
			if !ok {
				faults = append(faults, fmt.Sprintf("%s cites %s, which is not in the tree", name, document))
				continue
			}
			has := sectionsOf(texts[found])
			for _, s := range sectionsCited(strings.TrimPrefix(flat[at[1]:], "`")) {
				n++
				if !has[s] {
					faults = append(faults, fmt.Sprintf("%s cites %s %s, which %s does not have", name, document, s, found))
				}
			}
		}
	}
	slices.Sort(faults)
	return n, faults
}

// citing reports whether a file is one whose citations are checked.
func citing(name string) bool {
	switch path.Ext(name) {
	case ".go", ".sql", ".toml", ".md", ".sh", ".txtar", ".yml", ".yaml", ".service":
		return true
	}
	return path.Dir(name) == ".ci" || path.Base(name) == "Makefile"
}

// lookUp finds the one document that a file means: by its path from the file or
// from the top, or by its name alone.
func lookUp(texts map[string]string, from, document string) (string, bool) {
	for _, name := range []string{path.Join(path.Dir(from), document), path.Clean(document)} {
		if _, ok := texts[name]; ok {
			return name, true
		}
	}
	found := ""
	for name := range texts {
		if path.Base(name) == document {
			if found != "" {
				return "", false // two of that name
			}
			found = name
		}
	}
	return found, found != ""
}

// sectionsOf names what can be cited of a document: "Title", §1, the items and
// table rows of a numbered section as §1.2, and rows such as R4.
func sectionsOf(text string) map[string]bool {
	out, number, fenced := map[string]bool{}, "", false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		fenced = fenced != strings.HasPrefix(line, "```")
		if fenced {
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			number = m[1]
			out[strconv.Quote(m[2])], out["§"+number] = true, true
		} else if m := label.FindStringSubmatch(line); m != nil {
			out["§"+number+"."+m[1]+m[2]], out[m[2]] = true, true
		}
	}
	return out
}

// sectionsCited reads the sections that follow the name of a document.
func sectionsCited(rest string) (list []string) {
	for {
		m := section.FindStringSubmatch(rest)
		if m == nil {
			return list
		}
		rest = rest[len(m[0]):]
		if title := m[1] + m[4]; title != "" {
			list = append(list, title)
			continue
		}
		for part := range strings.SplitSeq(m[2]+m[3], ", ") {
			first, last, isRange := strings.Cut(strings.ReplaceAll(part, "§", ""), "–")
			if !isRange {
				list = append(list, "§"+first)
				continue
			}
			from, _ := strconv.Atoi(first)
			to, _ := strconv.Atoi(last)
			for i := from; i <= to; i++ {
				list = append(list, "§"+strconv.Itoa(i))
			}
		}
	}
}
