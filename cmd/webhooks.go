package cmd

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/outbox"
	"qualifybase/httpapi"
)

func newWebhooksCommand(g *global) *cobra.Command {
	c := group("webhooks", "See what is sent to other systems, and send it again",
		newWebhooksList(g), newWebhooksDeliveries(g, ""), newWebhooksDeliveries(g, outbox.DeadLettered),
		newWebhooksRetry(g), newWebhooksTest(g))
	c.Long = `See what is sent to other systems, and send it again. Webhooks are made through
the API (POST /webhooks); a running server sends what these verbs ask for at once,
and without one it waits for the next 'qb serve'.`
	return c
}

type webhooksOptions struct {
	*global
	clinic  string
	id      string // of a webhook or a delivery
	webhook string
	state   string
	limit   int
	test    bool // the rows of test keys
	json    bool
}

// flags gives a verb of this group what they all have.
func (o *webhooksOptions) flags(c *cobra.Command) *cobra.Command {
	clinicFlag(c, &o.clinic)
	c.Flags().BoolVar(&o.test, "test-rows", false, "webhooks and deliveries of test keys")
	jsonFlag(c, &o.json)
	return c
}

// as is the shell in the clinic's live or test rows.
func (o *webhooksOptions) as(at *session) act.Caller {
	c := at.caller
	c.Test = o.test
	return c
}

func newWebhooksList(g *global) *cobra.Command {
	o := webhooksOptions{global: g}
	return o.flags(&cobra.Command{
		Use:   "list",
		Short: "List the webhooks of a clinic",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return runWebhooksList(c.Context(), streams(c), o) },
	})
}

func runWebhooksList(ctx context.Context, s stdio, o webhooksOptions) error {
	return o.withClinic(ctx, s, target{verb: "webhooks list", clinic: o.clinic}, func(at *session) error {
		list, err := everyPage(func(p act.Page) (act.List[outbox.Webhook],
			error) {
			return at.engine.Webhooks(ctx, o.as(at), p)
		})
		if err != nil {
			return err
		}
		now := time.Now().Unix()
		return printRows(s.out, o.json, list, func(h outbox.Webhook) httpapi.Webhook { return httpapi.WebhookOf(h, now) },
			column[outbox.Webhook]{"ID", func(h outbox.Webhook) string { return h.ID }},
			column[outbox.Webhook]{"STATE", webhookState},
			column[outbox.Webhook]{"PAYLOAD", func(h outbox.Webhook) string { return string(h.Payload) }},
			column[outbox.Webhook]{"CREATED", func(h outbox.Webhook) string { return formatTime(h.CreatedAt) }},
			column[outbox.Webhook]{"URL", func(h outbox.Webhook) string { return h.URL }},
			column[outbox.Webhook]{"EVENTS", func(h outbox.Webhook) string { return strings.Join(h.Events, ",") }},
		)
	})
}

func webhookState(h outbox.Webhook) string {
	if h.Enabled {
		return "enabled"
	}
	return "disabled: " + h.DisabledReason
}

// newWebhooksDeliveries lists deliveries: all, or the dead letters under a name of their own.
func newWebhooksDeliveries(g *global, state outbox.DeliveryState) *cobra.Command {
	o := webhooksOptions{global: g, state: string(state)}
	c := &cobra.Command{
		Use:   "deliveries",
		Short: "List deliveries, newest first",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return runWebhooksDeliveries(c.Context(), streams(c), o) },
	}
	if state == outbox.DeadLettered {
		c.Use, c.Short = "dead", "List the dead letters: deliveries whose retries are used up"
		c.Long = c.Short + `.
'qb webhooks retry ID' sends one again; POST /delivery-retries sends all of a filter.`
	} else {
		c.Flags().StringVar(&o.state, "state", "", "pending, sending, succeeded, dead or cancelled")
	}
	c.Flags().StringVar(&o.webhook, "webhook", "", "the deliveries of one webhook, by its `ID`")
	c.Flags().IntVar(&o.limit, "limit", 50, "at most so many; 0 = all")
	return o.flags(c)
}

func runWebhooksDeliveries(ctx context.Context, s stdio, o webhooksOptions) error {
	if o.limit < 0 {
		return usageError("--limit: want 0 or more")
	}
	return o.withClinic(ctx, s, target{verb: "webhooks deliveries", clinic: o.clinic}, func(at *session) error {
		q := outbox.DeliveryQuery{WebhookID: o.webhook, State: outbox.DeliveryState(o.state)}
		list, err := upTo(o.limit, func(p act.Page) (act.List[outbox.DeliveryEntry], error) {
			return at.engine.Deliveries(ctx, o.as(at), q, p)
		})
		if err != nil {
			return asFlags(err, nil)
		}
		return printRows(s.out, o.json, list, httpapi.DeliveryOf, deliveryColumns...)
	})
}

var deliveryColumns = []column[outbox.DeliveryEntry]{
	{"ID", func(d outbox.DeliveryEntry) string { return d.ID }},
	{"TYPE", func(d outbox.DeliveryEntry) string { return d.Type }},
	{"STATE", func(d outbox.DeliveryEntry) string { return string(d.State) }},
	{"ATTEMPTS", func(d outbox.DeliveryEntry) string { return strconv.Itoa(d.Attempts) }},
	{"NEXT", func(d outbox.DeliveryEntry) string {
		if d.State != outbox.Pending {
			return ""
		}
		return formatTime(d.NextAt)
	}},
	{"CREATED", func(d outbox.DeliveryEntry) string { return formatTime(d.CreatedAt) }},
	{"WEBHOOK", func(d outbox.DeliveryEntry) string { return d.WebhookID }},
	{"LAST ERROR", func(d outbox.DeliveryEntry) string { return d.LastError }},
}

func newWebhooksRetry(g *global) *cobra.Command {
	o := webhooksOptions{global: g}
	return o.flags(&cobra.Command{
		Use:   "retry ID",
		Short: "Send a delivery again",
		Long: `Send a delivery again. One that waits is sent now; one that has ended is repeated
as a new delivery with the same webhook-id, by which receivers know repetitions.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.id = args[0]
			return runWebhooksSend(c.Context(), streams(c), o, "webhooks retry", (*engine.Engine).RetryDelivery)
		},
	})
}

func newWebhooksTest(g *global) *cobra.Command {
	o := webhooksOptions{global: g}
	return o.flags(&cobra.Command{
		Use:   "test ID",
		Short: "Send the event webhook.test to a webhook",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.id = args[0]
			return runWebhooksSend(c.Context(), streams(c), o, "webhooks test", (*engine.Engine).TestWebhook)
		},
	})
}

// runWebhooksSend runs a use case that leaves a delivery to be sent, and shows it.
func runWebhooksSend(ctx context.Context, s stdio, o webhooksOptions, verb string,
	use func(*engine.Engine, context.Context, act.Caller, string) (outbox.DeliveryEntry, error)) error {
	return o.withClinic(ctx, s, target{verb: verb, clinic: o.clinic}, func(at *session) error {
		d, err := use(at.engine, ctx, o.as(at), o.id)
		if err != nil {
			return err
		}
		if o.json {
			return printJSON(s.out, httpapi.DeliveryOf(d))
		}
		_, err = fmt.Fprintf(s.out, "%s %s to webhook %s: %s\n", d.ID, d.Type, d.WebhookID, d.State)
		return err
	})
}
