package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/httpapi"
)

func newAuditCommand(g *global) *cobra.Command {
	c := group("audit", "Read and verify the log of every act", newAuditVerify(g), newAuditList(g))
	c.Long = `Read and verify the audit: a row for every act and every read of a person's data,
refused ones included. Each row holds the hash of the one before it.`
	return c
}

type auditVerifyOptions struct {
	*global
	clinic string
	json   bool
}

func newAuditVerify(g *global) *cobra.Command {
	o := auditVerifyOptions{global: g}
	c := &cobra.Command{
		Use:   "verify",
		Short: "Recompute the chain of hashes; exit code 3 if a row is missing or changed",
		Long: `Recompute the chain of hashes from its first row to its last. A row that was
changed, removed, added or cut off the end is found and named, and the exit code
is 3. Without --clinic it verifies every clinic of the database.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runAuditVerify(c.Context(), streams(c), o) },
	}
	clinicFlag(c, &o.clinic)
	c.Flags().Lookup("clinic").Usage = "the clinic's `SLUG`; without it all of them"
	jsonFlag(c, &o.json)
	return c
}

// auditCheck is the outcome for one clinic.
type auditCheck struct {
	Clinic string `json:"clinic"`
	Rows   int64  `json:"rows"`
	Whole  bool   `json:"whole"`
	Broken int64  `json:"broken_at"` // seq; 0 when whole
	Reason string `json:"reason,omitempty"`
}

func runAuditVerify(ctx context.Context, s stdio, o auditVerifyOptions) error {
	return o.withClinic(ctx, s, target{verb: "audit verify", clinic: o.clinic}, func(at *session) error {
		clinics := []directory.Clinic{at.clinic}
		if o.clinic == "" {
			var err error
			if clinics, err = at.engine.Clinics(ctx, at.caller); err != nil {
				return err
			}
		}
		var checks []auditCheck
		var damage []error
		for _, c := range clinics {
			r, err := at.engine.VerifyAudit(ctx, c.N)
			if err != nil {
				return err
			}
			checks = append(checks, auditCheck{c.Slug, r.Rows, r.Broken == 0, r.Broken, r.Reason})
			if r.Broken != 0 {
				damage = append(damage, fmt.Errorf("the audit of %s is damaged: %s", c.Slug, r.Reason))
			}
		}
		err := printList(s.out, o.json, checks,
			column[auditCheck]{"CLINIC", func(a auditCheck) string { return a.Clinic }},
			column[auditCheck]{"ROWS", func(a auditCheck) string { return strconv.FormatInt(a.Rows, 10) }},
			column[auditCheck]{"CHAIN", func(a auditCheck) string {
				if a.Whole {
					return "whole"
				}
				return "broken at row " + strconv.FormatInt(a.Broken, 10)
			}},
		)
		if err == nil && len(damage) > 0 {
			err = &failure{exitDamage, errors.Join(damage...)}
		}
		return err
	})
}

type auditListOptions struct {
	*global
	clinic            string
	query             act.AuditQuery
	outcome, from, to string
	limit             int
	json              bool
}

func newAuditList(g *global) *cobra.Command {
	o := auditListOptions{global: g}
	c := &cobra.Command{
		Use:   "list",
		Short: "List audit rows, the newest first",
		Long: `List audit rows, the newest first. They hold ids and names of fields, never a
person's values. The reading is itself a row.`,
		Example: `  qb audit list --patient 17            who opened this record
  qb audit list --outcome denied --from 2026-04-01`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runAuditList(c.Context(), streams(c), o) },
	}
	f := c.Flags()
	f.Int64Var(&o.query.PatientID, "patient", 0,
		"rows about the patient of this `ID`, lists that showed the patient included")
	f.StringVar(&o.query.Action, "action", "", "rows of an `ACTION`, such as appointment.book")
	f.StringVar(&o.query.Entity, "entity", "", "rows about a `KIND` of thing, such as lead")
	f.StringVar(&o.query.EntityID, "entity-id", "", "rows about the thing of this `ID`")
	f.StringVar(&o.outcome, "outcome", "", "ok, denied or failed")
	f.StringVar(&o.from, "from", "", "from this `TIME` or date on")
	f.StringVar(&o.to, "to", "", "before this `TIME` or date")
	f.IntVar(&o.limit, "limit", 50, "how many rows at most; 0 = all")
	clinicFlag(c, &o.clinic)
	jsonFlag(c, &o.json)
	return c
}

func runAuditList(ctx context.Context, s stdio, o auditListOptions) error {
	if o.limit < 0 {
		return usageError("--limit: want 0 (all) or more")
	}
	var from, to calendar.Moment
	if err := errors.Join(readMoment("--from", o.from, &from), readMoment("--to", o.to, &to)); err != nil {
		return err
	}
	o.query.Outcome = act.Outcome(o.outcome)
	return o.withClinic(ctx, s, target{verb: "audit list", clinic: o.clinic}, func(at *session) error {
		zone, err := calendar.LoadZone(at.clinic.TimeZone)
		if err != nil {
			return err
		}
		o.query.From, o.query.To = from.In(zone), to.In(zone)
		rows, err := upTo(o.limit, func(p act.Page) (act.List[act.AuditEntry], error) {
			return at.engine.AuditLog(ctx, at.caller, o.query, p)
		})
		if err != nil {
			return asFlags(err, nil)
		}
		return printRows(s.out, o.json, rows, httpapi.AuditOf, auditColumns...)
	})
}

var auditColumns = []column[act.AuditEntry]{
	{"SEQ", func(a act.AuditEntry) string { return strconv.FormatInt(a.Seq, 10) }},
	{"AT", func(a act.AuditEntry) string { return formatTime(a.At) }},
	{"ACTOR", func(a act.AuditEntry) string { return string(a.ActorKind) + " " + a.ActorLabel }},
	{"ACTION", func(a act.AuditEntry) string { return a.Action }},
	{"OUTCOME", func(a act.AuditEntry) string { return string(a.Outcome) }},
	{"ID", func(a act.AuditEntry) string { return a.EntityID }},
	{"PATIENT", func(a act.AuditEntry) string {
		if a.PatientID == 0 {
			return ""
		}
		return strconv.FormatInt(a.PatientID, 10)
	}},
	{"FIELDS", func(a act.AuditEntry) string { return joinFirst(a.Fields, 6) }},
}

// joinFirst is a list cut to n words.
func joinFirst(words []string, n int) string {
	if len(words) > n {
		return strings.Join(words[:n], ",") + ",… " + strconv.Itoa(len(words)) + " in all"
	}
	return strings.Join(words, ",")
}
