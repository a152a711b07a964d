package table

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"qualifybase/engine/fault"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"
)

func TestReadCSVEncodings(t *testing.T) {
	t.Parallel()
	const table = "Name;Ort\r\nMüller “x”;Köln\r\n"
	utf16 := func(e unicode.Endianness) string {
		s, err := unicode.UTF16(e, unicode.UseBOM).NewEncoder().String(table)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	windows, err := charmap.Windows1252.NewEncoder().String(table)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"UTF-8": table, "UTF-8 with BOM": "\ufeff" + table, "Windows-1252": windows,
		"UTF-16 LE": utf16(unicode.LittleEndian), "UTF-16 BE": utf16(unicode.BigEndian),
		"no line end at the end": strings.TrimSuffix(table, "\r\n"),
		"line feeds":             strings.ReplaceAll(table, "\r\n", "\n"),
		"carriage returns":       strings.ReplaceAll(table, "\r\n", "\r"),
		"empty lines":            "\r\n" + strings.ReplaceAll(table, "\r\n", "\r\n\r\n"),
	} {
		header, rows, err := Read(strings.NewReader(file), 0)
		if err != nil || !slices.Equal(header, []string{"Name", "Ort"}) || len(rows) != 1 ||
			!slices.Equal(rows[0].Cells, []string{"Müller “x”", "Köln"}) {
			t.Errorf("%s: %q, %+v, %v", name, header, rows, err)
		}
	}
}

func TestReadCSVDelimiters(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][]string{
		"a,b\n":                  {"a", "b"},
		"a;b\n":                  {"a", "b"},
		"a\tb\n":                 {"a", "b"},
		"a|b\n":                  {"a", "b"},
		"a\n":                    {"a"},
		"a,b;c;d\n":              {"a,b", "c", "d"},
		"\"a,b,c\";d\n":          {"a,b,c", "d"},
		"\"a\"\",,,\"\"b\";d\n":  {`a",,,"b`, "d"},
		"\"a\nb,c,d\";e\n":       {"a\nb,c,d", "e"},
		" a , b \n":              {"a", "b"},
		"sep=;\r\na,b;c\r\n":     {"a,b", "c"},
		"\ufeffsep=\t\na,b\tc\n": {"a,b", "c"},
		"'=a,'b\n":               {"=a", "'b"},
	} {
		if header, _, err := Read(strings.NewReader(file), 0); err != nil || !slices.Equal(header, want) {
			t.Errorf("%q: %q, %v; want %q", file, header, err, want)
		}
	}
}

// A faulty line is told with its number, and the others are read.
func TestReadCSVFaultyLines(t *testing.T) {
	t.Parallel()
	const file = "sep=,\n" + // 1
		"name,phone\n" + // 2
		"Anna,1\n" + // 3
		"Ben\n" + // 4: short
		"\n" + // 5
		"\"Cleo\nof two lines\",2\n" + // 6 and 7
		"Dora,3,4\n" + // 8: long
		"5\" pipe,5\n" + // 9: a bare quote
		"\"Emil\" x,6\n" + // 10: a quote that ends too early
		"Frida,'+49 30 1\n" + // 11
		",\n" + // 12
		"\"Gerd,7\nHanna,8\n" // 13: never closed
	header, rows, err := Read(strings.NewReader(file), 0)
	if err != nil || len(header) != 2 {
		t.Fatal(header, err)
	}
	var got []string
	for _, r := range rows {
		if (r.Fault == "") != (len(r.Cells) == len(header)) {
			t.Errorf("%+v is neither a row nor a fault", r)
		}
		got = append(got, fmt.Sprintf("%d %v %q", r.Line, r.Fault != "", r.Cells))
	}
	want := []string{
		`3 false ["Anna" "1"]`, `4 true []`, `6 false ["Cleo\nof two lines" "2"]`, `8 true []`, `9 true []`, `10 true []`,
		`11 false ["Frida" "+49 30 1"]`, `12 false ["" ""]`, `13 true []`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if f := rows[1].Fault; f != "1 cell in the line, but 2 columns in the header" {
		t.Errorf("%q", f)
	}
	if !strings.Contains(rows[4].Fault, "quotation mark") || !rows[7].Blank() || rows[0].Blank() || rows[1].Blank() {
		t.Errorf("%+v", rows)
	}
}

func TestReadCSVRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, want string
		kind             fault.Kind
	}{
		{"nothing", "", "empty", fault.Invalid},
		{"a BOM", "\ufeff", "empty", fault.Invalid},
		{"empty lines", "\n\r\n\n", "empty", fault.Invalid},
		{"xlsx", "PK\x03\x04\x14\x00", "spreadsheet", fault.Invalid},
		{"xls", "\xd0\xcf\x11\xe0\xa1", "spreadsheet", fault.Invalid},
		{"binary", "a,b\n\x00,1\n", "binary", fault.Invalid},
		{"10,000 columns", strings.Repeat("a,", 9_999) + "a\n", "Has 10000 columns, at most 200", fault.Invalid},
		{"201 columns", strings.Repeat("a;", 200) + "a\n", "Has 201 columns", fault.Invalid},
		{"100,001 rows", "a\n" + strings.Repeat("1\n", MaxRows+1), "more than 100000 rows", fault.Invalid},
		{"a bad header", "a,\"b\n1,2\n", "Line 1", fault.Invalid},
		{"a bad header below sep", "sep=,\n\na,b\"\n1,2\n", "Line 3", fault.Invalid},
		{"another separator", "sep=x\naxb\n", "comma, semicolon", fault.Invalid},
		{"one byte too many", strings.Repeat("a", 2<<20+1), "at most 2097152 bytes", fault.TooLarge},
	} {
		header, rows, err := Read(strings.NewReader(c.file), 2<<20)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != c.kind || len(e.Details) != 1 || e.Details[0].Field != "file" ||
			!strings.Contains(e.Details[0].Message, c.want) || header != nil || rows != nil {
			t.Errorf("%s: %v; want %s with %q", c.name, err, c.kind, c.want)
		}
	}
	if _, rows, err := Read(strings.NewReader("a\n"+strings.Repeat("1\n", MaxRows)),
		0); err != nil || len(rows) != MaxRows {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if header, _, err := Read(strings.NewReader(strings.Repeat("a,", 199)+"a\n"), 0); err != nil || len(header) != 200 {
		t.Errorf("%d columns, %v", len(header), err)
	}
	broken := errors.New("the disk")
	if _, _, err := Read(iotest.ErrReader(broken), 0); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestWriteCSVGuards(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	rows := [][]string{
		{`=HYPERLINK("http://evil.example","x")`, "+49 30 1", "-1", "@SUM(A1)"},
		{"\t=1", "\r=1", "'=1", "＝1"},
		{"'quoted'", "a=b", "", "Müller, \"Anna\"\r\nx"},
	}
	if err := Write(&b, []string{"a", "=b", "c", "d"}, slices.Values(rows)); err != nil {
		t.Fatal(err)
	}
	want := "a,'=b,c,d\n" +
		`"'=HYPERLINK(""http://evil.example"",""x"")",'+49 30 1,'-1,'@SUM(A1)` + "\n" +
		"'\t=1,\"'\r=1\",''=1,'＝1\n" +
		"'quoted',a=b,,\"Müller, \"\"Anna\"\"\nx\"\n"
	if b.String() != want {
		t.Errorf("got\n%q\nwant\n%q", b.String(), want)
	}
	if err := Write(failingWriter{}, []string{"a"}, slices.Values([][]string{{""}})); err == nil {
		t.Error("a full disk is no error")
	}
	if err := Write(failingWriter{}, []string{"a"}, slices.Values([][]string{{"b"}})); err == nil {
		t.Error("a full disk is no error")
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("full") }

// What is exported can be imported, whatever the cells hold; and no cell of the
// file begins like a formula.
func TestCSVRoundTrip(t *testing.T) {
	cell := rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`'{0,3}[=+@\t\r\n-]?[a",;|'\r\n ]{0,6}`),
		rapid.SampledFrom([]string{"", "'", "+49 30 123", "=1+1", "sep=;", "\r\r\n", "\xff", "\x00", "＝x", `\.`}),
	)
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 5).Draw(t, "width")
		header := rapid.SliceOfN(rapid.StringMatching(`[a-z_]{1,8}`), width, width).Draw(t, "header")
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, width, width), 0, 8).Draw(t, "rows")
		var b strings.Builder
		if err := Write(&b, header, slices.Values(rows)); err != nil {
			t.Fatal(err)
		}
		gotHeader, got, err := Read(strings.NewReader(b.String()), 0)
		if err != nil || !slices.Equal(gotHeader, header) || len(got) != len(rows) {
			t.Fatalf("%q: %q, %d rows of %d, %v", b.String(), gotHeader, len(got), len(rows), err)
		}
		for i, row := range rows {
			for j, want := range row {
				if got[i].Fault != "" || got[i].Cells[j] != plainBreaks(want) {
					t.Fatalf("%q came back as %+v in %q", want, got[i], b.String())
				}
				if g := guard(want); g != "" && strings.ContainsRune(formulaStart, []rune(g)[0]) {
					t.Fatalf("%q is written as %q", want, g)
				}
			}
		}
	})
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n3\n\"x\n"))
	f.Add([]byte("\xff\xfea\x00;\x00b\x00\n\x00"))
	f.Add([]byte("sep=|\r\na|b\r\n'=1|\"2\"\r\n"))
	f.Add([]byte("M\xfcller\rx"))
	f.Fuzz(func(t *testing.T, file []byte) {
		header, rows, err := Read(strings.NewReader(string(file)), 1<<16)
		if err != nil {
			if _, ok := errors.AsType[*fault.Error](err); !ok || header != nil || rows != nil {
				t.Fatalf("%v beside %q, %v", err, header, rows)
			}
			return
		}
		if len(header) == 0 || len(header) > MaxColumns {
			t.Fatalf("%d columns", len(header))
		}
		last, lines := 0, strings.Count(string(file), "\n")+strings.Count(string(file), "\r")+1
		for _, r := range rows {
			if r.Line <= last || r.Line > lines || (r.Fault == "") != (len(r.Cells) == len(header)) {
				t.Fatalf("%+v after line %d of %d with %d columns", r, last, lines, len(header))
			}
			last = r.Line
		}
	})
}

// A fault of quotation marks says what is wrong: one left open swallows the file.
func TestQuoteFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a,b\n1,\"2\n3,4\n":          "never closed",
		"a,b\n1,2\n3,\"4":            "never closed",
		"a,b\n1,\"2\"x\n3,4\n":       "in the wrong place",
		"a,b\n1,2\"x\n3,4\n":         "in the wrong place",
		"a,b\n3,\"4\"x":              "in the wrong place",
		"sep=;\na;b\n1;\"2\n3;4\n\n": "never closed",
	} {
		_, rows, err := Read(strings.NewReader(text), 0)
		if err != nil || len(rows) == 0 || !slices.ContainsFunc(rows, func(r Row) bool {
			return strings.Contains(r.Fault, want)
		}) {
			t.Errorf("%q: %+v, %v; want %q", text, rows, err, want)
		}
	}
	if _, _, err := Read(strings.NewReader("a,\"b\n1,2\n"),
		0); err == nil || !strings.Contains(err.Error(), "never closed") {
		t.Errorf("the header: %v", err)
	}
}
