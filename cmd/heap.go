package cmd

import (
	"os"
	"runtime/debug"
)

// easeCollector lets a server's heap grow to three times what lives in it before
// it is collected. What lives is some 4 MiB, as the data is in SQLite: the
// default would collect ten times a second under load, which cost a read by id a
// tenth of its time, to save 5 MiB. GOGC in the environment still decides.
func easeCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}
