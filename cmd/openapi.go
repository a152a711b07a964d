package cmd

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"qualifybase/engine"
)

func newOpenAPICommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "openapi",
		Short: "Print the OpenAPI document of the API",
		Long: `Print the OpenAPI 3.1 document of this qb, as a running server serves it at
/api/v1/openapi.json. It needs neither a database nor a server.`,
		Example: "  qb openapi > openapi.json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runOpenAPI(c.Context(), streams(c), g) },
	}
}

func runOpenAPI(_ context.Context, s stdio, g *global) error {
	l, err := g.loadConfig()
	if err != nil {
		return err
	}
	// The document comes from the route table alone; no use case is called.
	api, err := newAPI(engine.New(nil, engine.Options{}), apiOptions(l))
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, api.OpenAPI(), "", "  "); err != nil {
		return err
	}
	text.WriteByte('\n')
	_, err = text.WriteTo(s.out)
	return err
}
