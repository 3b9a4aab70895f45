package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/kubectl"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/testevent"
	"github.com/kassa-dev/kassa/internal/trigger"
)

// maxCount is how many events one command sends at most: as many as a receiver's status tells of.
const maxCount = 32

// triggering are the flags of kubectl kassa trigger.
type triggering struct {
	*kubectl.Options
	output kubectl.Output
	facts  testevent.Facts

	plan, amount, currency string
	address                string
	count                  int
	wait                   time.Duration
	live, forward          bool
	dryRun, list           bool
}

func triggerCommand(o *kubectl.Options) *cobra.Command {
	t := &triggering{Options: o}
	cmd := &cobra.Command{
		Use:   "trigger RECEIVER EVENT",
		Short: "Send a signed test event to a WebhookReceiver, and see what becomes of it",
		Long: "Trigger makes an event that looks like the provider's own, signs it with the receiver's signing secret, " +
			"posts it, and waits until the receiver's status tells what became of it. EVENT is a name of Kassa's, such as " +
			"payment.succeeded, or one of the provider's, such as invoice.paid. For sinks the event is real: what it tells is " +
			"made up, and its id begins with " + testevent.Prefix + ".\n\n" +
			"The event goes to the receiver's URL, as the provider's events do. A URL of a Service leads nowhere from outside " +
			"of the cluster, so then it goes through the API server, as with --forward. Signing takes the right to read the " +
			"receiver's signing Secret.\n\n" +
			"The exit code is 0 if every sink took the event, 1 if it was refused, waits or was given up, and 2 if it could " +
			"not be sent.",
		Example: "  kubectl kassa trigger stripe payment.succeeded\n" +
			"  kubectl kassa trigger stripe customer.subscription.deleted --customer cus_1 --subscription sub_1\n" +
			"  kubectl kassa trigger paddle subscription.created --plan pro/monthly --user 42\n" +
			"  kubectl kassa trigger stripe payment.failed --dry-run\n" +
			"  kubectl kassa trigger stripe --list",
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := t.output.Check(); err != nil {
				return err
			}
			if t.list {
				return t.names(cmd.Context(), args)
			}
			if len(args) != 2 {
				return errors.New("name a receiver and an event; --list has the events")
			}
			return t.run(cmd.Context(), args[0], args[1])
		},
		ValidArgsFunction: t.complete,
	}
	t.flags(cmd)
	return cmd
}

func (t *triggering) flags(cmd *cobra.Command) {
	t.output.AddFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&t.facts.Customer, "customer", "", "the provider's id of the customer; made up by default")
	f.StringVar(&t.facts.Email, "email", "", "the customer's address")
	f.StringVar(&t.facts.UserID, "user", "", "your application's own id of the user")
	f.StringVar(&t.facts.Subscription, "subscription", "", "the provider's id of the subscription; made up by default")
	f.StringVar(&t.plan, "plan", "", "a Plan of the namespace, or PLAN/PRICE, that the event is about")
	f.StringVar(&t.amount, "amount", "", "amount such as 29.00; by default the Plan's, or 29.00")
	f.StringVar(&t.currency, "currency", "", "currency such as EUR; by default the Plan's, or USD")
	f.IntVar(&t.count, "count", 1, fmt.Sprintf("how many events to send, one after the other, at most %d", maxCount))
	f.BoolVar(&t.live, "live", false, "send it to a receiver in Live mode, where your books count it as real")
	f.BoolVar(&t.forward, "forward", false, "go through the API server to the receiver's Service")
	f.StringVar(&t.address, "address", "", "post to this URL instead; without a path, to that of the receiver's URL")
	f.DurationVar(&t.wait, "wait", 20*time.Second, "how long to wait for what becomes of the events; 0 does not")
	f.BoolVar(&t.dryRun, "dry-run", false, "print a script that would post the event with curl, and send nothing")
	f.BoolVar(&t.list, "list", false, "list the events, of a receiver's provider or of all")
	cmd.MarkFlagsMutuallyExclusive("forward", "address")
	_ = cmd.RegisterFlagCompletionFunc("plan",
		func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return planNames(cmd, t.Options, typed), cobra.ShellCompDirectiveNoFileComp
		})
	_ = cmd.RegisterFlagCompletionFunc("currency",
		cobra.FixedCompletions(billing.Currencies(), cobra.ShellCompDirectiveNoFileComp))
}

func (t *triggering) complete(
	cmd *cobra.Command, args []string, typed string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	switch len(args) {
	case 0:
		out = receiverNames(cmd, t.Options, typed)
	case 1:
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		_, r, err := t.receiver(ctx, args[0])
		if err != nil {
			break
		}
		for _, n := range testevent.Names(billing.Provider(r.Status.Provider.Type)) {
			out = append(out, string(n.Type), n.Native)
		}
		slices.Sort(out)
		out = starting(slices.Compact(out), typed)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// receiver reads a WebhookReceiver, which knows its account.
func (t *triggering) receiver(ctx context.Context, name string) (client.Client, *v1alpha1.WebhookReceiver, error) {
	c, err := t.Client()
	if err != nil {
		return nil, nil, err
	}
	namespace, err := t.Namespace()
	if err != nil {
		return nil, nil, err
	}
	r := &v1alpha1.WebhookReceiver{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, r); err != nil {
		return nil, nil, err
	}
	if r.Status.Provider == nil {
		return nil, nil, fmt.Errorf("the WebhookReceiver %s does not know its account yet: see kubectl kassa status", name)
	}
	return c, r, nil
}

func (t *triggering) run(ctx context.Context, name, event string) error {
	if t.count < 1 || t.count > maxCount {
		return fmt.Errorf("--count must be from 1 to %d", maxCount)
	}
	c, r, err := t.receiver(ctx, name)
	if err != nil {
		return err
	}
	if r.Status.Provider.Mode == v1alpha1.ModeLive && !t.live && !t.dryRun {
		return fmt.Errorf("%s is in Live mode: sinks and records would take a test event for real money, and nothing "+
			"takes it back. --live sends it all the same", name)
	}
	if err := t.fill(ctx, c, r); err != nil {
		return err
	}
	events, err := t.make(r, event)
	if err != nil {
		return err
	}
	way, err := trigger.WayTo(r, t.address, t.forward)
	if err != nil {
		return err
	}
	if t.dryRun {
		return t.script(r, way, events[0])
	}
	t.warn(r, way, events[0])
	return t.send(ctx, c, r, way, events)
}

// fill completes the facts from the receiver's account and the Plan.
func (t *triggering) fill(ctx context.Context, c client.Client, r *v1alpha1.WebhookReceiver) error {
	t.facts.Mode = billing.Mode(r.Status.Provider.Mode)
	if r.Status.Provider.Type == v1alpha1.ProviderLemonSqueezy {
		t.facts.StoreID = r.Status.Provider.AccountID
	}
	t.facts.Money = billing.Money{Minor: 2900, Currency: "USD"}
	if t.plan != "" {
		name, price, _ := strings.Cut(t.plan, "/")
		plan := &v1alpha1.Plan{}
		if err := c.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: name}, plan); err != nil {
			return err
		}
		sold, err := trigger.SoldBy(plan, price, r)
		if err != nil {
			return err
		}
		t.facts.PriceID, t.facts.ProductID = sold.PriceID, sold.ProductID
		if sold.Money.Currency != "" {
			t.facts.Money = sold.Money
		}
	}
	if t.amount == "" && t.currency == "" {
		return nil
	}
	var err error
	t.facts.Money, err = billing.ParseMoney(cmp.Or(t.amount, t.facts.Money.Major()),
		strings.ToUpper(cmp.Or(t.currency, string(t.facts.Money.Currency))))
	return err
}

// made is a test event, and what a receiver will read of it.
type made struct {
	testevent.Event
	read billing.Event
}

// make makes the events, and reads them as the receiver will.
func (t *triggering) make(r *v1alpha1.WebhookReceiver, name string) ([]made, error) {
	p := billing.Provider(r.Status.Provider.Type)
	adapter, err := t.Registry.Adapter(p)
	if err != nil {
		return nil, err
	}
	out := make([]made, t.count)
	for i := range out {
		facts := t.facts
		facts.Mark, facts.Now = testevent.NewMark(), time.Now().UTC().Truncate(time.Second)
		event, err := testevent.Make(p, name, facts)
		if unknown := (testevent.UnknownError{}); errors.As(err, &unknown) {
			return nil, fmt.Errorf("%w: kubectl kassa trigger %s --list has those that can", err, r.Name)
		}
		if err != nil {
			return nil, err
		}
		out[i].Event = event
		if out[i].read, err = adapter.Codec().Parse(event.Body); err != nil {
			return nil, err
		}
		if paid := out[i].read.Payment; paid != nil && paid.Money != facts.Money {
			return nil, fmt.Errorf("%s counts %s in another unit, which trigger does not do", p, facts.Money.Currency)
		}
	}
	return out, nil
}

// warn says beforehand what may surprise afterwards.
func (t *triggering) warn(r *v1alpha1.WebhookReceiver, way trigger.Way, e made) {
	reach := reception.ReachOf(&r.Spec, &e.read)
	if way.Chosen {
		t.Warnf("%s leads nowhere from outside of the cluster: going through the API server.", r.Spec.URL)
	}
	if !reach.Recorded {
		t.Warnf("Neither spec.events nor a sink selects %s: the receiver answers it, and forgets it.", e.Native)
	}
	if r.Spec.Store != nil && reach.Recorded {
		t.Warnf("The receiver keeps records in PostgreSQL: views such as kassa.revenue count what this event tells. " +
			"Rows with made-up ids can be deleted by these.")
	}
	if reach.Dunned {
		t.Warnf("spec.dunning: the operator will ask %s for an invoice that does not exist. Afterwards: "+
			"kubectl -n %s delete webhookevent %s", r.Status.Provider.Type, r.Namespace, objectName(r, e.ID))
	}
}

// signer reads a signing secret, and signs with it. The secret goes nowhere else.
func (t *triggering) signer(
	ctx context.Context, c client.Client, r *v1alpha1.WebhookReceiver,
) (func(made) http.Header, error) {
	adapter, err := t.Registry.Adapter(billing.Provider(r.Status.Provider.Type))
	if err != nil {
		return nil, err
	}
	name := reception.LiveSecret(r)
	secret := &corev1.Secret{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: name}, secret); err != nil {
		return nil, fmt.Errorf("reading the signing secret: %w", err)
	}
	live := reception.Live(r, reception.Values(secret))
	if len(live) == 0 {
		return nil, fmt.Errorf("the Secret %s has no signing secret", name)
	}
	codec := adapter.Codec()
	return func(e made) http.Header { return signed(codec, e, live[0]) }, nil
}

func signed(codec provider.WebhookCodec, e made, secret string) http.Header {
	h := codec.Sign(e.Body, secret, time.Now())
	h.Set("X-Event-Name", e.Native) // LemonSqueezy's; the others' receivers do not look at it
	return h
}
