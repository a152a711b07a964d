package phone

import (
	"regexp"
	"strings"
	"testing"

	"qualifybase/engine/fault"

	"golang.org/x/text/language"
	"pgregory.net/rapid"
)

func TestNormalisePhone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ country, typed, want string }{
		// One number in every dress.
		{"DE", "+493012345678", "+493012345678"},
		{"DE", "030 12345678", "+493012345678"},
		{"DE", "(030) 1234-5678", "+493012345678"},
		{"DE", "030/12 34 56.78", "+493012345678"},
		{"DE", "+49 (0)30 12345678", "+493012345678"},
		{"DE", "+49 (0) 30 12345678", "+493012345678"},
		{"DE", "+49 030 12345678", "+493012345678"},
		{"DE", "(+49) 30 12345678", "+493012345678"},
		{"DE", "0049 30 12345678", "+493012345678"},
		{"DE", "0049 (0)30 12345678", "+493012345678"},
		{"DE", " tel:+49-30-12345678", "+493012345678"},
		{"DE", "\u202a+49\u00a030\u00a012345678\u202c", "+493012345678"},
		{"DE", "030–12345678", "+493012345678"},
		{"DE", "＋４９ ３０ １２３４５６７８", "+493012345678"},
		{"US", "+49 30 12345678", "+493012345678"},
		{"US", "011 49 30 12345678", "+493012345678"},
		{"US", "0049 30 12345678", "+493012345678"},
		{"", "+49 30 12345678", "+493012345678"},
		{"", "0049 30 12345678", "+493012345678"},
		{"AU", "0011 49 30 12345678", "+493012345678"},
		{"JP", "010 49 30 12345678", "+493012345678"},
		{"RU", "8 10 49 30 12345678", "+493012345678"},
		{"KE", "000 49 30 12345678", "+493012345678"},
		{"NG", "00 90 212 1234567", "+902121234567"},
		// Each plan's own habits.
		{"AT", "0664 1234567", "+436641234567"},
		{"CH", "079 123 45 67", "+41791234567"},
		{"GB", "020 7946 0018", "+442079460018"},
		{"GB", "+44 (0)20 7946 0018", "+442079460018"},
		{"FR", "06 12 34 56 78", "+33612345678"},
		{"IT", "06 698 12345", "+390669812345"},
		{"IT", "+39 06 69812345", "+390669812345"},
		{"IT", "+39 (0)6 69812345", "+390669812345"},
		{"IT", "+39 (06) 69812345", "+390669812345"},
		{"IT", "333 1234567", "+393331234567"},
		{"VA", "06 698 12345", "+390669812345"},
		{"SM", "0549 123456", "+3780549123456"},
		{"CI", "07 12 34 56 78", "+2250712345678"},
		{"ES", "912 345 678", "+34912345678"},
		{"DK", "12 34 56 78", "+4512345678"},
		{"DK", "+45 (0) 12 34 56 78", "+4512345678"},
		{"PL", "(0-22) 123 45 67", "+48221234567"},
		{"HU", "06 30 123 4567", "+36301234567"},
		{"HU", "+36 (06) 30 123 4567", "+36301234567"},
		{"HU", "+36 (0)30 123 4567", "+36301234567"},
		{"HU", "1 123 4567", "+3611234567"},
		{"RU", "8 (495) 123-45-67", "+74951234567"},
		{"RU", "8 800 123-45-67", "+78001234567"},
		{"RU", "800 123-45-67", "+78001234567"},
		{"RU", "7 495 123 45 67", "+74951234567"},
		{"RU", "+7 8 495 123 45 67", "+74951234567"},
		{"KZ", "8 727 123 45 67", "+77271234567"},
		{"UA", "067 123 45 67", "+380671234567"},
		{"UA", "8 067 123 45 67", "+380671234567"},
		{"BY", "8 (017) 123-45-67", "+375171234567"},
		{"LT", "8 612 34567", "+37061234567"},
		{"LT", "0 612 34567", "+37061234567"},
		{"US", "(415) 555-0123", "+14155550123"},
		{"US", "1-415-555-0123", "+14155550123"},
		{"US", "415.555.0123", "+14155550123"},
		{"CA", "+1 (1) 416 555 0123", "+14165550123"},
		{"JM", "876 555 0123", "+18765550123"},
		{"MX", "01 55 1234 5678", "+525512345678"},
		{"MX", "+52 1 55 1234 5678", "+525512345678"},
		{"MX", "55 1234 5678", "+525512345678"},
		{"BR", "(011) 91234-5678", "+5511912345678"},
		{"AR", "011 4123-4567", "+541141234567"},
		{"JP", "090-1234-5678", "+819012345678"},
		{"KR", "010-1234-5678", "+821012345678"},
		{"CN", "138 0013 8000", "+8613800138000"},
		{"HK", "2123 4567", "+85221234567"},
		{"IN", "098765 43210", "+919876543210"},
		{"IR", "۰۹۱۲ ۳۴۵ ۶۷۸۹", "+989123456789"},
		{"EG", "٠١٠ ١٢٣٤ ٥٦٧٨", "+201012345678"},
		{"IL", "052-123-4567", "+972521234567"},
		{"ZA", "082 123 4567", "+27821234567"},
		{"NZ", "021 123 456", "+6421123456"},
		{"XK", "044 123 456", "+38344123456"},
		{"DE", "+800 1234 5678", "+80012345678"},
		{"DE", "+1-555-0100", "+15550100"},
	} {
		if got, err := NormalisePhone(c.typed, c.country); err != nil || got != c.want {
			t.Errorf("%s %q = %q, %v; want %s", c.country, c.typed, got, err, c.want)
		}
	}
}

func TestNormalisePhoneRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		country, typed string
		want           phoneFault
	}{
		{"DE", "", errPhoneEmpty},
		{"DE", " - ", errPhoneEmpty},
		{"DE", "+", errPhoneEmpty},
		{"DE", "030 CALL NOW", errPhoneLetters},
		{"DE", "030 1234567 ext. 12", errPhoneLetters},
		{"DE", "+4930123456;ext=12", errPhoneLetters},
		{"DE", "030 1234567#12", errPhoneLetters},
		{"DE", "030 1234567, 030 7654321", errPhoneSigns},
		{"DE", "030*123456", errPhoneSigns},
		{"DE", "030\x00123456", errPhoneSigns},
		{"DE", "030\n123456", errPhoneSigns},
		{"DE", "49+30123456", errPhonePlus},
		{"DE", "++49 30 123456", errPhonePlus},
		{"DE", "+999 123 456 789", errPhoneCode},
		{"DE", "+0 30 123 456", errPhoneCode},
		{"DE", "00 0 30 123456", errPhoneCode},
		{"DE", "+49 0030 123456", errPhoneZeros},
		{"HU", "030 123 4567", errPhoneZeros},
		{"DE", "112", errPhoneShort},
		{"DE", "0 112", errPhoneShort},
		{"DE", "+49", errPhoneShort},
		{"US", "555-0123", errPhoneArea},
		{"RU", "123-45-67", errPhoneArea},
		{"US", "1 415 555 0123 99", errPhoneLong},
		{"DE", "0301234567 / 01711234567", errPhoneLong},
		{"DE", "+49" + strings.Repeat("1", 14), errPhoneLong},
		{"DE", strings.Repeat(" ", 1000) + "1", errPhoneLong},
		{"", "030 1234567", errPhoneCountry},
		{"de", "030 1234567", errPhoneCountry},
		{"ZZ", "030 1234567", errPhoneCountry},
	} {
		if got, err := NormalisePhone(c.typed, c.country); err != c.want {
			t.Errorf("%s %q = %q, %v; want %v", c.country, c.typed, got, err, c.want)
		}
	}
}

func TestCleanPhone(t *testing.T) {
	t.Parallel()
	var f fault.Faults
	if got := Clean(&f, "phone", " ", "DE"); got != "" || len(f) > 0 {
		t.Errorf("%q, %v", got, f)
	}
	if got := Clean(&f, "phone", "030 1234567", "DE"); got != "+49301234567" || len(f) > 0 {
		t.Errorf("%q, %v", got, f)
	}
	if got := Clean(&f, "phones[0].number", "nobody", "DE"); got != "" || len(f) != 1 || f[0].Field != "phones[0].number" {
		t.Errorf("%q, %v", got, f)
	}
}

// The table has every country that CLDR calls one, and no other but XK.
func TestCountriesAreISO3166(t *testing.T) {
	t.Parallel()
	n := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			region, err := language.ParseRegion(code)
			iso := err == nil && region.IsCountry() && region.Canonicalize() == region
			switch code {
			case "AC", "CP", "CQ", "DG", "EA", "EZ", "FQ", "IC", "PC", "TA", "UN", // reserved
				"AN", "CS", "NT", "SU", "YU": // no longer
				iso = false
			}
			if iso != ValidCountry(code) {
				t.Errorf("%s: CLDR says %v, the table %v", code, iso, !iso)
			}
			if iso {
				n++
			}
		}
	}
	if n != 250 || len(diallings) != 250 {
		t.Errorf("%d countries in CLDR, %d in the table; want 249 and XK", n, len(diallings))
	}
	for _, code := range []string{"", "de", "DEU", "D", "EU", "UK"} {
		if ValidCountry(code) {
			t.Errorf("%q is a country", code)
		}
	}
}

// Reading a calling code from the left is only right if none begins another,
// and if countries that share one agree on the rest.
func TestCallingCodes(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[1-9][0-9]{0,2}$`)
	for code := range diallingOf {
		if !form.MatchString(code) {
			t.Errorf("%q is no calling code", code)
		}
		for n := 1; n < len(code); n++ {
			if _, ok := diallingOf[code[:n]]; ok {
				t.Errorf("%s begins with the code %s", code, code[:n])
			}
		}
	}
	for country, d := range diallings {
		shared := diallingOf[d.code]
		if d.trunk != shared.trunk || d.length != shared.length || d.zero != shared.zero {
			t.Errorf("%s differs from another country under +%s", country, d.code)
		}
	}
}

var e164Form = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

func checkPhone(t interface{ Fatalf(string, ...any) }, typed, country string) {
	got, err := NormalisePhone(typed, country)
	if err != nil {
		if got != "" {
			t.Fatalf("%q beside an error", got)
		}
		return
	}
	if !e164Form.MatchString(got) {
		t.Fatalf("%s %q = %q", country, typed, got)
	}
	for _, other := range []string{country, "US", "IT", "RU", ""} {
		if again, err := NormalisePhone(got, other); again != got || err != nil {
			t.Fatalf("%s %q = %q, and that in %q = %q, %v", country, typed, got, other, again, err)
		}
	}
}

// E.164 is a fixed point everywhere, and decoration changes nothing.
func TestNormalisePhoneProperties(t *testing.T) {
	var countries []string
	for c := range diallings {
		countries = append(countries, c)
	}
	rapid.Check(t, func(t *rapid.T) {
		country := rapid.SampledFrom(countries).Draw(t, "country")
		typed := rapid.StringMatching(`(\+|00|011)?[0-9]{1,3} ?(\((0|1|8|06)\))?[0-9]{3,13}`).Draw(t, "typed")
		checkPhone(t, typed, country)
		plain, err := NormalisePhone(typed, country)
		dressed, dressedErr := NormalisePhone("\u200e "+strings.ReplaceAll(typed, "3", " 3-./"), country)
		if plain != dressed || err != dressedErr {
			t.Fatalf("%q: %q, %v, but dressed %q, %v", typed, plain, err, dressed, dressedErr)
		}
	})
}

// Every country's numbers keep their own country's code, dialled from home or from abroad.
func TestNormalisePhoneEveryCountry(t *testing.T) {
	t.Parallel()
	for country, d := range diallings {
		national := "21234567"
		if d.length > 0 {
			national = "2123456789"[:d.length]
		}
		want := "+" + d.code + national
		trunk, _, _ := strings.Cut(d.trunk, ",")
		for _, typed := range []string{want, "00" + want[1:], trunk + national, national, "+" + d.code + " (0) " + national} {
			if d.zero && strings.Contains(typed, "(0)") {
				continue
			}
			// 00 and then a code: a country's own prefix may begin with 00 too.
			from := country
			if strings.HasPrefix(typed, "00") && d.abroad != "" {
				from = "DE"
			}
			if got, err := NormalisePhone(typed, from); err != nil || got != want {
				t.Errorf("%s %q = %q, %v; want %s", from, typed, got, err, want)
			}
		}
	}
}

func FuzzNormalisePhone(f *testing.F) {
	f.Add("+44 (0)20 7946 0018", "GB")
	f.Add("8 10 49", "RU")
	f.Add("٠١٠ ١٢٣٤ ٥٦٧٨", "EG")
	f.Add("()(0)(", "HU")
	f.Fuzz(func(t *testing.T, typed, country string) { checkPhone(t, typed, country) })
}
