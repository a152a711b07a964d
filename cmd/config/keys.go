package config

import (
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// tomlKey is a key of a document, with its line.
type tomlKey struct {
	path string
	line int
}

// tomlKeys lists the tables and keys of a well-formed document. The decoder
// itself tells no positions of keys that it accepts, and takes a key in any case.
func tomlKeys(data []byte) []tomlKey {
	var p unstable.Parser
	var keys []tomlKey
	var add func(prefix string, n *unstable.Node)
	add = func(prefix string, n *unstable.Node) {
		path, line := prefix, 0
		for it := n.Key(); it.Next(); {
			part := it.Node()
			path += "." + string(part.Data)
			if part.Raw.Length > 0 {
				line = p.Shape(part.Raw).Start.Line
			}
		}
		keys = append(keys, tomlKey{strings.TrimPrefix(path, "."), line})
		if n.Kind == unstable.KeyValue && n.Value().Kind == unstable.InlineTable {
			for it := n.Value().Children(); it.Next(); {
				add(path, it.Node())
			}
		}
	}
	table := ""
	for p.Reset(data); p.NextExpression(); {
		n := p.Expression()
		switch n.Kind {
		case unstable.KeyValue:
			add(table, n)
		case unstable.Table, unstable.ArrayTable:
			add("", n)
			table = "." + keys[len(keys)-1].path
		}
	}
	return keys
}

// isSection reports whether the path is a table of settings.
func isSection(known map[string]setting, path string) bool {
	if path == "tiers" || strings.HasPrefix(path, "tiers.") && strings.Count(path, ".") == 1 {
		return true
	}
	for key := range known {
		if strings.HasPrefix(key, path+".") {
			return true
		}
	}
	return false
}

// unknownKey names the nearest key there is.
func unknownKey(known map[string]setting, path string) string {
	best, least := "", 3 // three letters off is another word
	for key := range known {
		if d := distance(key, path); d < least || d == least && key < best {
			best, least = key, d
		}
	}
	if best != "" {
		return "unknown key; did you mean " + best + "?"
	}
	return "unknown key; config.example.toml lists every key"
}

// distance is Levenshtein's: how many letters to change, add or drop.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
