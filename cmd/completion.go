package cmd

import (
	"context"

	"github.com/spf13/cobra"
)

// newCompletionCommand stands in for cobra's own, which answers an unknown
// shell with its help and success.
func newCompletionCommand() *cobra.Command {
	c := group("completion", "Print a shell's completion script")
	c.Long = `Print the script that completes qb's commands and flags in a shell.`
	c.Example = `  source <(qb completion bash)
  qb completion zsh > "${fpath[1]}/_qb"
  qb completion fish > ~/.config/fish/completions/qb.fish`
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		c.AddCommand(&cobra.Command{
			Use:   shell,
			Short: "Print the completion script for " + shell,
			Args:  cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				return runCompletion(c.Context(), streams(c), c.Root(), shell)
			},
		})
	}
	return c
}

func runCompletion(_ context.Context, s stdio, root *cobra.Command, shell string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(s.out, true)
	case "zsh":
		return root.GenZshCompletion(s.out)
	case "fish":
		return root.GenFishCompletion(s.out, true)
	default:
		return root.GenPowerShellCompletionWithDesc(s.out)
	}
}
