package cmd

import (
	"os"
	"path/filepath"
	"strings"

	"qualifybase/engine/calendar"
	"qualifybase/engine/phone"
)

// systemZone is the IANA name of this machine's zone, else UTC.
func systemZone(env func(string) (string, bool)) (zone, why string) {
	known := func(name string) bool { _, err := calendar.LoadZone(name); return err == nil }
	if tz, ok := env("TZ"); ok && known(strings.TrimPrefix(tz, ":")) {
		return strings.TrimPrefix(tz, ":"), "from TZ"
	}
	if target, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(target, "zoneinfo/"); ok && known(name) {
			return strings.ReplaceAll(name, "Etc/UTC", "UTC"), "this machine's"
		}
	}
	if text, err := os.ReadFile("/etc/timezone"); err == nil {
		if name := strings.TrimSpace(string(text)); known(name) {
			return name, "this machine's"
		}
	}
	return "UTC", "this machine's zone has no name"
}

// guessCountry takes the country of the zone, else of the locale.
func guessCountry(zone string, env func(string) (string, bool)) (country, why string) {
	if c := countryOfZone(zone); c != "" {
		return c, "the country of " + zone
	}
	for _, name := range []string{"LC_ALL", "LC_TELEPHONE", "LANG"} {
		text, _ := env(name)
		text, _, _ = strings.Cut(text, ".")
		_, region, _ := strings.Cut(text, "_")
		region, _, _ = strings.Cut(region, "@")
		if phone.ValidCountry(region) {
			return region, "from " + name
		}
	}
	return usualCountry, "the default; it reads phone numbers without +"
}
