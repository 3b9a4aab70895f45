package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/kubectl"
	"github.com/kassa-dev/kassa/internal/notice"
	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/testevent"
	"github.com/kassa-dev/kassa/internal/trigger"
)

// sent is what became of one test event.
type sent struct {
	ID     string            `json:"id"`
	Type   billing.EventType `json:"type,omitempty"`
	Native string            `json:"native"`
	To     string            `json:"to"`
	Sinks  []string          `json:"sinks"`
	Answer trigger.Answer    `json:"answer"`
	trigger.Outcome
	Seconds float64 `json:"seconds"`

	recorded, awaited bool
}

// well says that the event came to its end as it should.
func (s *sent) well() bool {
	return s.Answer.Taken() &&
		(!s.recorded || !s.awaited || s.Outcome.Outcome == v1alpha1.OutcomeProcessed)
}

func objectName(r *v1alpha1.WebhookReceiver, id string) string { return notice.ObjectName(r.Name, id) }

func (t *triggering) send(
	ctx context.Context, c client.Client, r *v1alpha1.WebhookReceiver, way trigger.Way, events []made,
) error {
	sign, err := t.signer(ctx, c, r)
	if err != nil {
		return err
	}
	to := *way.URL
	if way.Forward {
		service := types.NamespacedName{Namespace: r.Namespace, Name: reception.ServerName(r.Name)}
		if to.Host, err = t.Forward(ctx, c, service, way.Port); err != nil {
			return err
		}
	}
	shown := to.String()
	if way.Forward {
		shown = fmt.Sprintf("the Service %s, through the API server", reception.ServerName(r.Name))
	}
	poster, results := trigger.Client(way.Forward), make([]sent, len(events))
	for i, e := range events {
		began, header := time.Now(), sign(e)
		for name, values := range way.Header {
			header[name] = values
		}
		answer, err := trigger.Post(ctx, poster, &to, header, e.Body)
		if err != nil {
			return err
		}
		reach := reception.ReachOf(&r.Spec, &e.read)
		results[i] = sent{
			ID: e.ID, Type: e.Type, Native: e.Native, To: shown, Sinks: reach.Sinks, Answer: answer,
			recorded: reach.Recorded, Seconds: time.Since(began).Seconds(),
		}
	}
	if err := t.await(ctx, c, client.ObjectKeyFromObject(r), results); err != nil {
		return err
	}
	return t.print(results)
}

// await waits for all events together, for as long as --wait says.
func (t *triggering) await(ctx context.Context, c client.Client, key client.ObjectKey, results []sent) error {
	if t.wait <= 0 {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, t.wait)
	defer cancel()
	for i := range results {
		s := &results[i]
		if !s.Answer.Taken() || !s.recorded {
			continue
		}
		began := time.Now()
		outcome, err := trigger.Await(within, c, key, s.ID)
		if err == nil && outcome.Outcome == "" {
			outcome, err = trigger.Remembered(ctx, c, key, s.ID)
		}
		if err != nil {
			return err
		}
		s.Outcome, s.awaited, s.Seconds = outcome, true, s.Seconds+time.Since(began).Seconds()
	}
	return ctx.Err()
}

func (t *triggering) print(results []sent) error {
	err := t.output.Print(t.Streams.Out, results, func(w io.Writer) error {
		for i := range results {
			if err := results[i].people(w); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range results {
		if err == nil && !results[i].well() {
			err = kubectl.ErrFound
		}
	}
	return err
}

func (s *sent) people(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s  %s (%s)\n  sent to  %s\n  answer   %s\n", s.ID, s.Native, s.Type, s.To, s.Answer)
	if err != nil || !s.Answer.Taken() {
		return err
	}
	if _, err = fmt.Fprintf(w, "  outcome  %s\n", s.outcome()); err != nil {
		return err
	}
	for _, waits := range s.Waits {
		if _, err = fmt.Fprintf(w, "           %s\n", waits); err != nil {
			return err
		}
	}
	return nil
}

func (s *sent) outcome() string {
	switch {
	case !s.recorded:
		return "answered and forgotten: nothing selects it"
	case !s.awaited:
		return "not waited for"
	}
	switch s.Outcome.Outcome {
	case v1alpha1.OutcomeProcessed:
		if len(s.Sinks) == 0 {
			return "Processed: recorded, and there is no sink that it goes to"
		}
		return fmt.Sprintf("Processed: taken by %s, seen after %.1fs", joined(s.Sinks), s.Seconds)
	case v1alpha1.OutcomeDeferred:
		return "Deferred: it waits, and is sent again until retry.maxAge"
	case v1alpha1.OutcomeDead:
		return "Dead: it was given up"
	default:
		return "none told within --wait: see kubectl kassa events"
	}
}

// script prints what --dry-run does instead of sending.
func (t *triggering) script(r *v1alpha1.WebhookReceiver, way trigger.Way, e made) error {
	if r.Status.Provider.Mode == v1alpha1.ModeLive {
		t.Warnf("%s is in Live mode: whoever runs this has sinks and records take a test event for real money.", r.Name)
	}
	to := way.URL.String()
	if way.Forward {
		to = fmt.Sprintf("%s://127.0.0.1:8080%s", way.URL.Scheme, way.URL.RequestURI())
		t.Warnf("Beside it: kubectl -n %s port-forward service/%s-receiver 8080:%d", r.Namespace, r.Name, way.Port)
	}
	_, err := io.WriteString(t.Streams.Out, trigger.Script(r, billing.Provider(r.Status.Provider.Type), to, e.Body))
	return err
}

// names lists the events that can be made.
func (t *triggering) names(ctx context.Context, args []string) error {
	type named struct {
		Provider billing.Provider `json:"provider"`
		testevent.Name
	}
	providers := []billing.Provider{billing.Stripe, billing.Paddle, billing.LemonSqueezy}
	if len(args) > 0 {
		_, r, err := t.receiver(ctx, args[0])
		if err != nil {
			return err
		}
		providers = []billing.Provider{billing.Provider(r.Status.Provider.Type)}
	}
	var all []named
	var rows [][]string
	for _, p := range providers {
		for _, n := range testevent.Names(p) {
			all = append(all, named{p, n})
			rows = append(rows, []string{string(p), string(n.Type), n.Native})
		}
	}
	return t.output.Print(t.Streams.Out, all, func(w io.Writer) error {
		return kubectl.Table(w, []string{"PROVIDER", "EVENT", "PROVIDER'S NAME"}, rows)
	})
}
