package config

import (
	"fmt"
	"strings"
	"unicode"
)

// TOML is the configuration as TOML with its sources as comments.
func (l *Loaded) TOML() string {
	var b strings.Builder
	last := ""
	for _, set := range l.settings() {
		i := strings.LastIndexByte(set.key, '.')
		section, key := set.key[:i], set.key[i+1:]
		if section != last {
			if last != "" {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "[%s]\n", section)
			last = section
		}
		fmt.Fprintf(&b, "%s = %s", key, set.literal())
		if from := l.source[set.key]; from != "" {
			fmt.Fprintf(&b, " # %s", comment(from))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Tree is the configuration as nested objects, for JSON.
func (l *Loaded) Tree() map[string]any {
	root := map[string]any{}
	for _, set := range l.settings() {
		at, parts := root, strings.Split(set.key, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := at[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[p] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = set.value.Interface()
	}
	return root
}

// comment makes a text fit for a comment of a TOML document, and for a terminal.
func comment(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Bidi_Control) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
