// Qb is the front office of a small clinic in one program: leads, availability,
// booking and webhooks behind an HTTP API, with SQLite inside.
package main

import (
	"embed"
	"os"
	_ "time/tzdata" // a machine without zone files still knows when a clinic opens

	"qualifybase/cmd"
)

// files are what the program carries with it. They lie at the top of the tree
// because go:embed cannot reach a parent directory.
//
//go:embed config.example.toml schema.sql
var files embed.FS

func main() { os.Exit(cmd.Main(os.Args[1:], files)) }
