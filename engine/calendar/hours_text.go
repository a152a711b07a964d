package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ClockText spells minutes since midnight as HH:MM; 1440 is 24:00.
func ClockText(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// parseClock reads HH:MM, 00:00 to 24:00.
func parseClock(s string) (int, error) {
	digit := func(i int) bool { return s[i] >= '0' && s[i] <= '9' }
	if len(s) != 5 || s[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4) {
		if fixed, ok := clockMeant(s); ok {
			return 0, fmt.Errorf("%q is not a time: write %s", s, fixed)
		}
		return 0, fmt.Errorf("%s is not a time of day: write 00:00 to 24:00 with two digits each, such as 09:00",
			clockQuoted(s))
	}
	h, m := int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	if m > 59 || h*60+m > 1440 {
		return 0, fmt.Errorf("%q is not a time of day: use 00:00 to 24:00", s)
	}
	return h*60 + m, nil
}

// clockQuoted quotes what might be meant as a time. Anything else may be a person's
// data in the wrong field, which no error says again.
func clockQuoted(s string) string {
	if len(s) > 16 || strings.Trim(s, "0123456789:.-h ") != "" {
		return "This"
	}
	return strconv.Quote(s)
}

// clockMeant spells an hour, or hour and minutes, as parseClock wants them: 9,
// 9:30, 9.30, 0930. ok says that it is a time of day.
func clockMeant(s string) (text string, ok bool) {
	hour, minute, split := strings.Cut(strings.NewReplacer(".", ":", "h", ":").Replace(s), ":")
	if !split && len(s) == 4 {
		hour, minute = s[:2], s[2:]
	}
	h, err1 := strconv.Atoi(hour)
	m, err2 := strconv.Atoi("0" + minute)
	if err1 != nil || err2 != nil || len(hour) > 2 || len(minute) > 2 || h < 0 || m < 0 || m > 59 || h*60+m > 1440 {
		return "", false
	}
	return ClockText(h*60 + m), true
}

// ParseWindow reads a window of two clock times, 09:00 and 13:00. The error says how a
// time should look.
func ParseWindow(from, to string) (Window, error) {
	a, err := parseClock(from)
	if err != nil {
		return Window{}, err
	}
	b, err := parseClock(to)
	if err != nil {
		return Window{}, err
	}
	if a == 1440 {
		return Window{}, fmt.Errorf("%s-%s starts at 24:00: write it as 00:00 of the next day", from, to)
	}
	return Window{a, b}, nil
}

// ParseHours reads a week as people write it: days, then windows, days of other
// hours after a semicolon.
//
//	Mon-Fri 09:00-12:00,13:00-17:00; Sat 09:00-12:00
//	Fri,Sat 22:00-06:00          past midnight: belongs to the day it starts on
//	closed                       no hours at all
//
// Days are English, three letters or whole, in any case; a range may wrap
// (Fri-Mon). The error names the faulty word and how it should look.
func ParseHours(text string) (Week, error) {
	var week Week
	text = strings.NewReplacer("–", "-", "\t", " ", "\n", ";").Replace(text)
	for strings.Contains(text, " -") || strings.Contains(text, "- ") {
		text = strings.NewReplacer(" -", "-", "- ", "-").Replace(text)
	}
	if strings.EqualFold(strings.TrimSpace(text), "closed") {
		return week, nil
	}
	some := false
	for entry := range strings.SplitSeq(text, ";") {
		words := strings.FieldsFunc(entry, func(r rune) bool { return r == ' ' || r == ',' })
		if len(words) == 0 {
			continue
		}
		some = true
		if err := week.parseEntry(words); err != nil {
			return Week{}, err
		}
	}
	if !some {
		return Week{}, fmt.Errorf(`no hours given: write them like "Mon-Fri 09:00-17:00; Sat 09:00-12:00", or "closed"`)
	}
	return week, nil
}

// parseEntry takes the words of one entry: days first, then windows.
func (w *Week) parseEntry(words []string) error {
	var days []time.Weekday
	i := 0
	for ; i < len(words) && isDayWord(words[i]); i++ {
		list, err := parseDays(words[i])
		if err != nil {
			return err
		}
		days = append(days, list...)
	}
	switch {
	case len(days) == 0:
		return fmt.Errorf("%q must start with its days, such as Mon-Fri", strings.Join(words, " "))
	case i == len(words):
		return fmt.Errorf("%q has no times: write %[1]s 09:00-17:00, or %[1]s closed", strings.Join(words, ","))
	case strings.EqualFold(words[i], "closed") && i+1 == len(words):
		return nil
	}
	for _, word := range words[i:] {
		if isDayWord(word) {
			return fmt.Errorf("%q comes after times: put a semicolon before the next days", word)
		}
		from, to, ok := strings.Cut(word, "-")
		if !ok {
			return fmt.Errorf("%q is not a time range: write it like 09:00-17:00", word)
		}
		win, err := ParseWindow(from, to)
		if a, ok := clockMeant(from); err != nil && ok {
			if b, ok := clockMeant(to); ok && a != "24:00" {
				return fmt.Errorf("%q is not a time range: write %s-%s", word, a, b)
			}
		}
		if err != nil {
			return err
		}
		for _, day := range days {
			if !slices.Contains(w[day], win) {
				w[day] = append(w[day], win)
			}
		}
	}
	return nil
}

func isDayWord(s string) bool {
	c := s[0] | 0x20
	return c >= 'a' && c <= 'z' && !strings.EqualFold(s, "closed")
}

func parseDays(word string) ([]time.Weekday, error) {
	from, to, isRange := strings.Cut(word, "-")
	a, err := parseDay(from)
	if err != nil || !isRange {
		return []time.Weekday{a}, err
	}
	b, err := parseDay(to)
	if err != nil {
		return nil, err
	}
	list := []time.Weekday{a}
	for a != b {
		a = (a + 1) % 7
		list = append(list, a)
	}
	return list, nil
}

func parseDay(s string) (time.Weekday, error) {
	for day, key := range DayKeys {
		if strings.EqualFold(s, key) || strings.EqualFold(s, time.Weekday(day).String()) {
			return time.Weekday(day), nil
		}
	}
	return 0, fmt.Errorf("%q is not a day: use Mon, Tue, Wed, Thu, Fri, Sat, Sun, or a range like Mon-Fri", s)
}

// String is the week as ParseHours reads it, neighbouring days of equal hours
// joined; a week without windows is "closed".
func (w Week) String() string {
	var entries []string
	for i := 0; i < 7; {
		day, j := weekOrder[i], i+1
		for j < 7 && slices.Equal(w[weekOrder[j]], w[day]) {
			j++
		}
		if len(w[day]) > 0 {
			entries = append(entries, dayRange(i, j-1)+" "+windowsText(w[day]))
		}
		i = j
	}
	if len(entries) == 0 {
		return "closed"
	}
	return strings.Join(entries, "; ")
}

// dayRange names the days from the i-th to the j-th of the week, Monday being the 0th.
func dayRange(i, j int) string {
	name := func(i int) string { return weekOrder[i].String()[:3] }
	switch j - i {
	case 0:
		return name(i)
	case 1:
		return name(i) + "," + name(j)
	}
	return name(i) + "-" + name(j)
}

func windowsText(list []Window) string {
	text := make([]string, len(list))
	for i, w := range list {
		text[i] = w.String()
	}
	return strings.Join(text, ",")
}
