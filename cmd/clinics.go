package cmd

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"qualifybase/engine/directory"
	"qualifybase/httpapi"
)

func newClinicsCommand(g *global) *cobra.Command {
	c := group("clinics", "Add and list the clinics of this database", newClinicsCreate(g), newClinicsList(g),
		newClinicsTier(g))
	c.Long = `Add and list the clinics of this database. Each has its own keys, people and
calendar; a key sees one clinic. The short name (slug) tells them apart on the
command line; where --clinic is left out, the oldest one is meant.`
	return c
}

type clinicsCreateOptions struct {
	*global
	clinicOptions
}

func newClinicsCreate(g *global) *cobra.Command {
	o := clinicsCreateOptions{global: g}
	c := &cobra.Command{
		Use:   "create --name NAME --timezone ZONE",
		Short: "Add a clinic, with its first location and provider",
		Long: `Add a clinic with one location that has the hours and one provider who works
there, as 'qb init' does. Standard output is the new clinic's slug. Without
--country it is that of the zone, without --hours Mon-Fri 09:00-17:00.`,
		Example: `  qb clinics create --name "Praxis am Hafen" --slug hafen --timezone Europe/Berlin --hours "Mon-Thu 08:00-18:00"`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.given = changedFlags(c)
			return runClinicsCreate(c.Context(), streams(c), o)
		},
	}
	c.Flags().StringVar(&o.name, "name", "", "the clinic's `NAME`")
	c.Flags().StringVar(&o.slug, "slug", "", "short `NAME` on the command line; without it made from the name")
	addClinicOptions(c, &o.clinicOptions)
	_ = c.MarkFlagRequired("name")
	_ = c.MarkFlagRequired("timezone")
	return c
}

func runClinicsCreate(ctx context.Context, s stdio, o clinicsCreateOptions) error {
	assumed := o.assume(o.env)
	if _, err := o.draft(); err != nil {
		return err
	}
	return o.withClinic(ctx, s, target{verb: "clinics create"}, func(at *session) error {
		for _, a := range assumed {
			fmt.Fprintf(s.err, "assumed %s\n", a)
		}
		o.noteFullDays(s.err)
		clinic, err := o.createClinic(ctx, at.engine, "clinics create")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(s.out, clinic.Slug)
		return err
	})
}

type clinicsTierOptions struct {
	*global
	clinic, tier string
}

func newClinicsTier(g *global) *cobra.Command {
	o := clinicsTierOptions{global: g}
	c := &cobra.Command{
		Use:   "tier NAME",
		Short: "Give a clinic one of the configured tiers",
		Long: `Give a clinic one of the tiers of the configuration ([tiers.NAME]): its keys that
set no limit of their own have the tier's from the next request on. 'none' takes
the tier away; then limits.key_requests_per_minute holds.`,
		Example: `  qb clinics tier pro --clinic hafen`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.tier = args[0]
			return runClinicsTier(c.Context(), streams(c), o)
		},
	}
	clinicFlag(c, &o.clinic)
	return c
}

func runClinicsTier(ctx context.Context, s stdio, o clinicsTierOptions) error {
	if o.tier == "none" {
		o.tier = ""
	}
	return o.withClinic(ctx, s, target{verb: "clinics tier", clinic: o.clinic}, func(at *session) error {
		clinic, err := at.engine.SetTier(ctx, at.caller, o.tier)
		if err == nil {
			fmt.Fprintf(s.err, "%s has the tier %q\n", clinic.Slug, cmp.Or(clinic.Settings.Tier, "none"))
		}
		return err
	})
}

type clinicsListOptions struct {
	*global
	json bool
}

func newClinicsList(g *global) *cobra.Command {
	o := clinicsListOptions{global: g}
	c := &cobra.Command{
		Use:   "list",
		Short: "List the clinics, the oldest first",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return runClinicsList(c.Context(), streams(c), o) },
	}
	jsonFlag(c, &o.json)
	return c
}

func runClinicsList(ctx context.Context, s stdio, o clinicsListOptions) error {
	return o.withClinic(ctx, s, target{verb: "clinics list"}, func(at *session) error {
		list, err := at.engine.Clinics(ctx, at.caller)
		if err != nil {
			return err
		}
		return printRows(s.out, o.json, list, httpapi.ClinicOf,
			column[directory.Clinic]{"SLUG", func(c directory.Clinic) string { return c.Slug }},
			column[directory.Clinic]{"NAME", func(c directory.Clinic) string { return c.Name }},
			column[directory.Clinic]{"ZONE", func(c directory.Clinic) string { return c.TimeZone }},
			column[directory.Clinic]{"COUNTRY", func(c directory.Clinic) string { return c.Country }},
			column[directory.Clinic]{"TIER", func(c directory.Clinic) string { return c.Settings.Tier }},
			column[directory.Clinic]{"CREATED", func(c directory.Clinic) string { return formatTime(c.CreatedAt) }},
			column[directory.Clinic]{"ID", func(c directory.Clinic) string { return c.ID }},
		)
	})
}
