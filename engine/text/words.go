package text

import "strings"

// Words lists the values of an enumeration as plain text.
func Words[T ~string](list []T) []string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return words
}

// Or lists the values of an enumeration for a message: "thin or full", "start, clock or pack".
func Or[T ~string](list []T) string {
	words := Words(list)
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
