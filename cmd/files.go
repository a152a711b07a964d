package cmd

import "io/fs"

// The names of what lies in a data directory.
const dbFile = "qb.db"

// schema is the text of the embedded schema.sql: what a new database gets.
func (g *global) schema() (string, error) {
	text, err := fs.ReadFile(g.files, "schema.sql")
	return string(text), err
}
