package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/cmd/upkeep"
)

type verifyOptions struct {
	*global
	file     string
	identity string
	json     bool
}

func newVerifyCommand(g *global) *cobra.Command {
	o := verifyOptions{global: g}
	c := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Verify a backup, or the data directory; exit code 3 tells damage",
		Long: `Verify a backup file, or without FILE the data directory, also while it is served.
Nothing is changed. A flipped bit, a missing end, a foreign file, a database that
contradicts itself, a booking made twice, a broken audit: each is named, and the
exit code is 3. A sound file that this qb cannot judge (of a newer qb, or encrypted
for another key) is told with exit code 1.

The content of an encrypted backup can be verified with its private key only; its
copy is unpacked into the directory of TMPDIR and removed again.`,
		Example: `  qb verify
  qb verify /mnt/usb/today.tar
  qb verify park.tar.age --identity key.txt`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.file = args[0]
			}
			return runVerify(c.Context(), streams(c), o)
		},
	}
	identityFlag(c, &o.identity)
	jsonFlag(c, &o.json)
	return c
}

func runVerify(ctx context.Context, s stdio, o verifyOptions) error {
	d, err := o.dir()
	if err != nil {
		return err
	}
	var r upkeep.Report
	if o.file == "" {
		r, err = d.Verify(ctx)
	} else {
		r, err = d.VerifyFile(ctx, o.file, o.identity)
	}
	if o.json {
		if e := printJSON(s.out, r); e != nil {
			return e
		}
	} else if err == nil {
		printReport(s, r)
	}
	return err
}

// printReport tells a person of what was found sound.
func printReport(s stdio, r upkeep.Report) {
	if r.Note != "" {
		fmt.Fprintf(s.out, "%s: %s\n", r.What, r.Note)
		return
	}
	if r.Manifest != nil {
		var names []string
		for _, c := range r.Manifest.Clinics {
			names = append(names, c.Slug)
		}
		fmt.Fprintf(s.out, "%s: a backup of %s, made %s by qb %s\n", r.What,
			printable(strings.Join(names, ", "), ""), r.Manifest.CreatedAt.Format(time.RFC3339),
			printable(r.Manifest.QBVersion, ""))
	}
	fmt.Fprintf(s.out, "%s: sound: %d appointments, none booked twice; %d audit rows, unbroken\n", r.What, r.Appointments,
		r.AuditRows)
}
