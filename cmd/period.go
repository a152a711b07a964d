package cmd

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

var errPeriod = errors.New("want a time such as 90d, 2w, 12h or 30m")

// parsePeriod reads a length of time as people say it on a command line: a number
// and a unit of weeks, days, hours or minutes, up to a hundred years.
func parsePeriod(text string) (time.Duration, error) {
	units := map[byte]time.Duration{'w': 7 * 24 * time.Hour, 'd': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}
	if len(text) < 2 {
		return 0, errPeriod
	}
	unit, ok := units[text[len(text)-1]]
	digits := text[:len(text)-1]
	if !ok || strings.Trim(digits, "0123456789") != "" {
		return 0, errPeriod
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > math.MaxInt64/int64(unit) || time.Duration(n)*unit > 100*366*24*time.Hour {
		return 0, errors.New("want at most a hundred years")
	}
	return time.Duration(n) * unit, nil
}
