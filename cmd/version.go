package cmd

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the release build: -ldflags "-X qualifybase/cmd.version=1.2.3".
var version string

// build is what 'qb version' tells about the program.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // the commit; "+dirty" when the tree was changed
	Time     string `json:"time,omitempty"`     // of the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// buildInfo reads what the linker and the toolchain left in the program.
func buildInfo() build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	if b.Version == "" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	if b.Version == "" {
		b.Version = "devel"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value + b.Revision
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				b.Revision += "+dirty"
			}
		}
	}
	return b
}

type versionOptions struct{ json bool }

func newVersionCommand(*global) *cobra.Command {
	var o versionOptions
	c := &cobra.Command{
		Use:   "version",
		Short: "Print which qb this is",
		Long:  "Print the version, the commit it was built from, the Go version and the platform.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return runVersion(c.Context(), streams(c), o) },
	}
	jsonFlag(c, &o.json)
	return c
}

func runVersion(_ context.Context, s stdio, o versionOptions) error {
	b := buildInfo()
	if o.json {
		return printJSON(s.out, b)
	}
	line := "qb " + b.Version
	if b.Revision != "" {
		line += " (" + b.Revision + ")"
	}
	_, err := fmt.Fprintf(s.out, "%s %s %s\n", line, b.Go, b.Platform)
	return err
}
