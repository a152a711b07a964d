package store

import (
	"context"
	"strings"
)

// structure lists the file's tables, indexes and triggers, one a line, without
// comments and spacing: two files with the same lines have the same structure.
func (c *conn) structure() ([]string, error) {
	var lines []string
	err := c.query("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER "+
		"BY type, name",
		func(r *row) error {
			lines = append(lines, r.text()+" "+r.text()+" "+r.text()+" "+stripSQL(r.text()))
			return nil
		})
	return lines, err
}

// stripSQL takes comments and needless spaces out of SQL. Quoted text stays.
func stripSQL(sql string) string {
	var b strings.Builder
	space := false
	word := func(c byte) bool {
		return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
	}
	last := byte(0)
	for i := 0; i < len(sql); i++ {
		switch c := sql[i]; {
		case c == '-' && i+1 < len(sql) && sql[i+1] == '-':
			for i < len(sql) && sql[i] != '\n' {
				i++
			}
			space = true
		case c == '/' && i+1 < len(sql) && sql[i+1] == '*':
			end := strings.Index(sql[i+2:], "*/")
			if end < 0 {
				return b.String()
			}
			i += end + 3
			space = true
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			space = true
		case c == '\'' || c == '"':
			end := strings.IndexByte(sql[i+1:], c)
			if end < 0 {
				end = len(sql) - i - 2
			}
			b.WriteString(sql[i : i+end+2])
			i += end + 1
			last, space = c, false
		default:
			if space && word(c) && word(last) {
				b.WriteByte(' ')
			}
			b.WriteByte(c)
			last, space = c, false
		}
	}
	return b.String()
}

// Integrity runs SQLite's own check of the whole file and of its references;
// what it finds is returned, nothing means sound.
func (s *Store) Integrity(ctx context.Context) ([]string, error) {
	r := &reads{s: s, ctx: ctx}
	defer r.end()
	var found []string
	err := r.query("PRAGMA integrity_check", func(row *row) error {
		if text := row.text(); text != "ok" {
			found = append(found, text)
		}
		return nil
	})
	if err != nil {
		return found, err
	}
	err = r.query("PRAGMA foreign_key_check", func(row *row) error {
		found = append(found,
			"a row of "+row.text()+" refers to a missing row of "+func() string { row.skip(); return row.text() }())
		return nil
	})
	return found, err
}
