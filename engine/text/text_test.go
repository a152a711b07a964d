package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"qualifybase/engine/fault"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":                        "",
		"  Anna   MÜLLER ":        "anna muller",
		"Mu\u0308ller":            "muller",
		"Straße":                  "strasse",
		"STRASSE":                 "strasse",
		"José\u00a0Ñúñez":         "jose nunez",
		"ｆｕｌｌ　ｗｉｄｔｈ":              "full width",
		"ﬁne":                     "fine",
		"İSTANBUL":                "istanbul",
		"ΣΊΣΥΦΟΣ":                 "σισυφοσ",
		"Σίσυφος":                 "σισυφοσ",
		"Nguyễn Thị":              "nguyen thi",
		"Ёлкин":                   "елкин",
		"שָׁלוֹם":                 "שלום",
		"مُحَمَّد":                "محمد",
		"हिन्दी":                  "हिन्दी",
		"がんこ":                     "がんこ",
		"ｶﾞ":                      "ガ",
		"น้ำ":                     norm.NFKC.String("น้ํา"),
		"한글":                      "한글",
		"so\u00adft\u200b hyphen": "soft hyphen",
		"a\tb\r\nc":               "a b c",
		"❤\ufe0f x":               "❤ x",
		"\xffA":                   "\ufffda",
		"x\x00Y":                  "xy",
	} {
		if got := Fold(s); got != want {
			t.Errorf("Fold(%q) = %q (%+q), want %q", s, got, got, want)
		}
	}
	for _, pair := range [][2]string{{"か", "が"}, {"कि", "क"}, {"Anna", "Anne"}, {"a b", "ab"}} {
		if Fold(pair[0]) == Fold(pair[1]) {
			t.Errorf("%q and %q are two names", pair[0], pair[1])
		}
	}
}

// checkFold holds for every text: stable, valid, and blind to case and composition.
func checkFold(t interface{ Fatalf(string, ...any) }, s string) {
	once := Fold(s)
	if Fold(once) != once {
		t.Fatalf("Fold(%+q) = %+q, and again %+q", s, once, Fold(once))
	}
	if !utf8.ValidString(once) {
		t.Fatalf("Fold(%+q) is not UTF-8", s)
	}
	if strings.TrimSpace(once) != once || strings.Contains(once, "  ") {
		t.Fatalf("Fold(%+q) = %+q has loose spaces", s, once)
	}
	if v := strings.ToValidUTF8(s, "\ufffd"); Fold(norm.NFD.String(v)) != Fold(norm.NFC.String(v)) {
		t.Fatalf("Fold(%+q) depends on composition", s)
	}
}

func TestFoldProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkFold(t, rapid.String().Draw(t, "s")) })
	// Every letter there is, so that no script escapes the property above.
	for r := rune(1); r < 0x20000; r++ {
		checkFold(t, "a"+string(r)+"b")
	}
}

func FuzzFold(f *testing.F) {
	f.Add("Straße İ ﬁ がé")
	f.Fuzz(func(t *testing.T, s string) { checkFold(t, s) })
}

func TestClean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want, fault string }{
		{"", "", ""},
		{"   ", "", ""},
		{"  Anna Müller ", "Anna Müller", ""},
		{"Mu\u0308ller", "Müller", ""},
		{"محمد بن سلمان", "محمد بن سلمان", ""},
		{"אבג\u200f (דה)", "אבג\u200f (דה)", ""},
		{"Anna 👩\u200d⚕\ufe0f", "Anna 👩\u200d⚕\ufe0f", ""},
		{"O'Neil-Smith, Jr.", "O'Neil-Smith, Jr.", ""},
		{"<script>alert(1)</script>", "<script>alert(1)</script>", ""},
		{strings.Repeat("ü", MaxName), strings.Repeat("ü", MaxName), ""},
		{strings.Repeat("u\u0308", MaxName), strings.Repeat("ü", MaxName), ""},
		{strings.Repeat("ü", MaxName+1), "", "at most 100 characters; it has 101"},
		{"a\x00b", "", "control characters"},
		{"a\x1b[31mb", "", "control characters"},
		{"a\u0085b", "", "control characters"},
		{"a\tb", "", "control characters"},
		{"a\nb", "", "line breaks"},
		{"a\u2028b", "", "line breaks"},
		{"a\xffb", "", "valid UTF-8"},
		{"\u0301\u0301", "", "visible character"},
		{"\u200b\u200d", "", "visible character"},
		{"\u3164", "", "visible character"},
		{"exe\u202egpj", "", "direction overrides"},
	} {
		var f fault.Faults
		got := Clean(&f, "name", c.in, MaxName)
		if c.fault == "" && (len(f) > 0 || got != c.want) {
			t.Errorf("Clean(%+q) = %+q, %v", c.in, got, f)
		}
		if c.fault != "" && (len(f) != 1 || f[0].Field != "name" || !strings.Contains(f[0].Message, c.fault)) {
			t.Errorf("Clean(%+q): faults %v, want one with %q", c.in, f, c.fault)
		}
	}
}

func TestCleanNotesAndRequire(t *testing.T) {
	t.Parallel()
	var f fault.Faults
	if got := CleanNotes(&f, "notes", " one\r\n\ttwo\n", MaxNotes); got != "one\n\ttwo" || len(f) > 0 {
		t.Errorf("%q, %v", got, f)
	}
	if CleanNotes(&f, "notes", "a\rb", MaxNotes); len(f) != 1 {
		t.Errorf("a lone carriage return passed: %v", f)
	}
	f = nil
	if Require(&f, "name", " \t", MaxName); len(f) != 1 || f[0].Message != "Required" {
		t.Errorf("%v", f)
	}
	f = nil
	if CleanSOAP(&f, "plan", strings.Repeat("x", MaxSOAP)); len(f) != 0 {
		t.Errorf("%v", f)
	}
	for _, long := range []string{strings.Repeat("ü", MaxSOAP/2+1), strings.Repeat("x", MaxSOAP+1)} {
		f = nil
		if CleanSOAP(&f, "plan", long); len(f) != 1 {
			t.Errorf("%d bytes: %v", len(long), f)
		}
	}
}

func TestCleanTags(t *testing.T) {
	t.Parallel()
	var f fault.Faults
	if got := CleanTags(&f, "tags", []string{" VIP ", "vip",
		"Zürich"}); strings.Join(got, "|") != "VIP|Zürich" || len(f) > 0 {
		t.Errorf("%q, %v", got, f)
	}
	if got := CleanTags(&f, "tags", nil); got == nil || len(got) > 0 {
		t.Errorf("no tags are an empty list, not %#v", got)
	}
	if CleanTags(&f, "tags", make([]string, MaxTags+1)); len(f) != 1 {
		t.Errorf("%v", f)
	}
	f = nil
	if CleanTags(&f, "tags", []string{"a", ""}); len(f) != 1 || f[0].Message != "Required" {
		t.Errorf("%v", f)
	}
}

func TestCleanEmail(t *testing.T) {
	t.Parallel()
	for in, key := range map[string]string{
		"":                              "",
		" Anna.Mueller@Clinic.Example ": "anna.mueller@clinic.example",
		"o'neil+x_1@sub.example.co.uk":  "o'neil+x_1@sub.example.co.uk",
		"ÄRZTIN@müller.example":         "ärztin@müller.example",
		"a@xn--mller-kva.example":       "a@xn--mller-kva.example",
		"a@1.example":                   "a@1.example",
	} {
		var f fault.Faults
		email, got := CleanEmail(&f, "email", in)
		if len(f) > 0 || got != key || email != strings.TrimSpace(in) {
			t.Errorf("CleanEmail(%q) = %q, %q, %v", in, email, got, f)
		}
	}
	for in, why := range map[string]string{
		"anna":                                       "exactly one @",
		"a@b@c.example":                              "exactly one @",
		"@clinic.example":                            "before the @",
		strings.Repeat("a", 65) + "@b.example":       "before the @",
		"anna@":                                      "domain",
		"anna@localhost":                             "domain",
		"anna@.example":                              "domain",
		"anna@clinic.example.":                       "domain",
		"anna@-clinic.example":                       "domain",
		"anna@clinic-.example":                       "domain",
		"anna@clinic_x.example":                      "domain",
		"anna@127.0.0.1":                             "domain",
		"anna@[127.0.0.1]":                           "domain",
		"anna@clinic..example":                       "domain",
		"an na@clinic.example":                       "spaces",
		"anna@clinic.example, b@c.org":               "spaces",
		"Anna <anna@clinic.example>":                 "without a name",
		`"an"@clinic.example`:                        "quotes",
		"a,b@clinic.example":                         "commas",
		".anna@clinic.example":                       "dots",
		"an..na@clinic.example":                      "dots",
		"an\u200bna@clinic.example":                  "invisible",
		"anna@clinic.example\r\nBcc: x@y.example":    "line breaks",
		"a@" + strings.Repeat("b.", 130) + "example": "254",
		strings.Repeat("ü", 130) + "@clinic.example": "254 bytes",
	} {
		var f fault.Faults
		email, key := CleanEmail(&f, "email", in)
		if len(f) == 0 || !strings.Contains(f[0].Message, why) || len(f) > 1 {
			t.Errorf("CleanEmail(%q) = %q, %q, %v; want a fault with %q", in, email, key, f, why)
		}
	}
}

// What passes is one line, one @, fit for a header; and the key is stable.
func FuzzCleanEmail(f *testing.F) {
	f.Add("Anna.Mueller@Clinic.Example")
	f.Add("a@b.c\r\nBcc: d@e.f")
	f.Fuzz(func(t *testing.T, s string) {
		var faults fault.Faults
		email, key := CleanEmail(&faults, "email", s)
		if len(faults) > 0 || email == "" {
			return
		}
		if strings.ContainsAny(email, "\r\n\t <>\x00,;") || strings.Count(email, "@") != 1 || len(email) > MaxEmail {
			t.Fatalf("%q was accepted", email)
		}
		if again, k := CleanEmail(&faults, "email", email); again != email || k != key || len(faults) > 0 {
			t.Fatalf("%q changed to %q on the second look, %v", email, again, faults)
		}
		if EmailKey(key) != key {
			t.Fatalf("the key %q is not stable: %q", key, EmailKey(key))
		}
	})
}

// Cleaning is stable, and never lets a control character or broken text through.
func FuzzCleanLine(f *testing.F) {
	f.Add("Anna Müller")
	f.Add(" \u0301\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		var faults fault.Faults
		got := Clean(&faults, "name", s, MaxName)
		if len(faults) > 0 {
			return
		}
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f }) ||
			utf8.RuneCountInString(got) > MaxName {
			t.Fatalf("%q was accepted", got)
		}
		if again := Clean(&faults, "name", got, MaxName); again != got || len(faults) > 0 {
			t.Fatalf("%q changed to %q, %v", got, again, faults)
		}
	})
}

func BenchmarkFold(b *testing.B) {
	for b.Loop() {
		Fold("Müller-Lüdenscheidt, Anna")
	}
}
