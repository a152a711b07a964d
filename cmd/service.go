package cmd

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

//go:embed assets/qb.service
var unitText string

//go:embed assets/alerts.yml
var alertRules string

type serviceOptions struct {
	*global
	dir     string
	program string
	state   string
	ports   bool
	force   bool
}

func newServiceCommand(g *global) *cobra.Command {
	return group("service", "Run qb under systemd, and watch it", newServiceInstallCommand(g), newServiceAlertsCommand())
}

func newServiceInstallCommand(g *global) *cobra.Command {
	o := serviceOptions{global: g}
	c := &cobra.Command{
		Use:   "install",
		Short: "Write a hardened systemd unit",
		Long: `Write qb.service, a systemd unit that gives qb a user of its own, one directory to
write (/var/lib/NAME) and nothing else of the machine. systemd hears when qb is
ready, and restarts it when its database could not be written for 30 seconds.

Afterwards:
  systemctl daemon-reload
  systemctl enable --now qb
  qb --data /var/lib/qb keys create --name website`,
		Example: `  qb service install
  qb service install --low-ports        [tls] on 443 and 80
  qb service install --dir - | less     only show it`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runServiceInstall(c.Context(), streams(c), o) },
	}
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "/etc/systemd/system", "where the unit is written; - = standard output")
	f.StringVar(&o.program, "program", "", "the qb to run (default: this one)")
	f.StringVar(&o.state, "name", "qb", "the directory below /var/lib that holds the data")
	f.BoolVar(&o.ports, "low-ports", false, "let it listen below port 1024")
	f.BoolVar(&o.force, "force", false, "replace a unit that exists")
	return c
}

func runServiceInstall(_ context.Context, s stdio, o serviceOptions) error {
	if o.program == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		o.program = self
	}
	if strings.ContainsAny(o.state, "/ \t\n") || o.state == "" || strings.HasPrefix(o.state, ".") {
		return usageError("--name must be one plain directory name, like qb")
	}
	if !filepath.IsAbs(o.program) || strings.ContainsAny(o.program, " \t\n%\"'\\") {
		return usageError("--program must be an absolute path without spaces")
	}
	unit := unitFor(o.program, o.state, o.ports)
	if o.dir == "-" {
		_, err := fmt.Fprint(s.out, unit)
		return err
	}
	path := filepath.Join(o.dir, "qb.service")
	if _, err := os.Lstat(path); err == nil && !o.force {
		return fmt.Errorf("%s exists; --force replaces it", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(path, []byte(unit), 0o644); err != nil { // #nosec G306 -- it holds no secret; see below
		return err
	}
	// The process's umask is 077: systemd itself may read, people too.
	if err := os.Chmod(path, 0o644); err != nil { // #nosec G302 -- it holds no secret
		return err
	}
	fmt.Fprintf(s.err, "wrote %s; now: systemctl daemon-reload && systemctl enable --now qb\n", path)
	return nil
}

// unitFor fills the unit in. Ports below 1024 need one capability, which a
// private user namespace would take away again.
func unitFor(program, state string, lowPorts bool) string {
	capabilities, private := "", "yes"
	if lowPorts {
		capabilities, private = "CAP_NET_BIND_SERVICE", "no"
	}
	return strings.NewReplacer("{{qb}}", program, "{{data}}", "/var/lib/"+state, "{{state}}", state,
		"{{capabilities}}", capabilities, "{{private_users}}", private).Replace(unitText)
}

func newServiceAlertsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "alerts",
		Short: "Print alert rules for Prometheus",
		Long: `Print alert rules for the figures of /metrics: qb away or read-only, a full queue,
webhooks that do not arrive, backups that are old, faults of our own.`,
		Example: "  qb service alerts > /etc/prometheus/rules/qb.yml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(streams(c).out, alertRules)
			return err
		},
	}
}
