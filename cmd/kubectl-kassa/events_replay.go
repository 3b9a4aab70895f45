package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/eventlist"
	"github.com/kassa-dev/kassa/internal/kubectl"
	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/shell"
)

// lookAgain is the pause between two looks at what became of a replay.
const lookAgain = 500 * time.Millisecond

// inMotion is how long an event may wait, by the ledger, while what was read of the inbox has it not.
const inMotion = time.Minute

type replaying struct {
	*kubectl.Options
	output            kubectl.Output
	dead, all, dryRun bool
	wait              time.Duration
	beside            error // what else the receiver gave up, and cannot be replayed here
}

// replayed is what became of an event that was replayed.
type replayed struct {
	eventlist.Event
	// Result is Delivered, Dead, Deferred, or empty where nobody waited.
	Result string `json:"result,omitempty"`
}

func replayCommand(o *kubectl.Options) *cobra.Command {
	r := &replaying{Options: o}
	cmd := &cobra.Command{
		Use:   "replay {ID... | --dead RECEIVER | --all RECEIVER}",
		Short: "Deliver events again that wait or were given up",
		Long: "Replay annotates WebhookEvents with " + v1alpha1.AnnotationReplay + ", which has the receiver send them to " +
			"every sink that could not take them when they arrived, also to those that took them since. ID is the " +
			"provider's id of an event, or the name of a WebhookEvent. An event that every sink took is not kept.\n\n" +
			"Events in a database are replayed there: replay prints the command for it, and changes nothing.\n\n" +
			"The exit code is 0 if every sink took every event within --wait, 1 if not, and 2 if something could not be " +
			"replayed.",
		Example: "  kubectl kassa events replay evt_1\n" +
			"  kubectl kassa events replay --dead stripe",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("name events, or a receiver with --dead or --all; kubectl kassa events lists events")
			}
			return r.run(cmd.Context(), args)
		},
		ValidArgsFunction: r.complete,
	}
	r.output.AddFlag(cmd)
	f := cmd.Flags()
	f.BoolVar(&r.dead, "dead", false, "all events of a receiver that were given up")
	f.BoolVar(&r.all, "all", false, "all events of a receiver that wait or were given up")
	f.BoolVar(&r.dryRun, "dry-run", false, "list what would be replayed, and change nothing")
	f.DurationVar(&r.wait, "wait", 20*time.Second, "how long to wait for what becomes of them; 0 does not")
	cmd.MarkFlagsMutuallyExclusive("dead", "all")
	return cmd
}

func (r *replaying) complete(
	cmd *cobra.Command, args []string, typed string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	if !r.dead && !r.all {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return receiverArgs(r.Options)(cmd, args, typed)
}

func (r *replaying) run(ctx context.Context, args []string) error {
	if err := r.output.Check(); err != nil {
		return err
	}
	c, err := r.Client()
	if err != nil {
		return err
	}
	events, err := r.chosen(ctx, c, args)
	if err != nil {
		return err
	}
	results := make([]replayed, len(events))
	nonce := time.Now().UTC().Format(time.RFC3339Nano)
	for i := range events {
		results[i].Event = events[i]
		if r.dryRun {
			continue
		}
		if err := annotate(ctx, c, &events[i], nonce); err != nil {
			return fmt.Errorf("replaying %s, after %d others: %w", events[i].ID, i, err)
		}
	}
	if !r.dryRun {
		if err := r.await(ctx, c, results, nonce); err != nil {
			return err
		}
	}
	err = r.print(results)
	if r.beside != nil && (err == nil || errors.Is(err, kubectl.ErrFound)) {
		return r.beside // what is left is said last, and its exit code covers what the table shows
	}
	return err
}

// chosen are the events that are meant. Every one of them has a WebhookEvent.
func (r *replaying) chosen(ctx context.Context, c client.Client, args []string) ([]eventlist.Event, error) {
	if r.dead || r.all {
		return r.ofReceiver(ctx, c, args)
	}
	var out []eventlist.Event
	for _, id := range args {
		found, receivers, err := find(ctx, r.Options, id)
		switch {
		case err != nil:
			return nil, err
		case len(found) == 0:
			return nil, unknown(id, receivers)
		}
		for i := range found {
			if err := replayable(&found[i]); err != nil {
				return nil, err
			}
		}
		out = append(out, found...)
	}
	return out, nil
}

func replayable(e *eventlist.Event) error {
	switch {
	case e.Object != "":
		return nil
	case e.InDatabase && e.State == eventlist.Dead:
		return inDatabase(e.Namespace, e.Receiver, e.ID)
	case e.State == eventlist.Deferred && !e.InDatabase && time.Since(e.ReceivedAt) > inMotion:
		return fmt.Errorf("%s waits to be sent, or its WebhookEvent was deleted while no receiver ran; if it stays so, it "+
			"is lost here: look at it at the provider, whose repetition goes nowhere", e.ID)
	case e.State == eventlist.Deferred:
		return fmt.Errorf("%s waits, and is sent again by itself", e.ID)
	case e.State == eventlist.Claimed:
		return fmt.Errorf("a receiver has %s in hand; should it have died, the provider's repetition is taken", e.ID)
	default:
		return fmt.Errorf("%s is %s, and what it tells is not kept: look at it at the provider, whose repetition goes "+
			"nowhere", e.ID, e.State)
	}
}

// inDatabase says how events are replayed in a receiver's database: all that were given up, or those of these ids.
func inDatabase(namespace, receiver string, ids ...string) error {
	command := []string{
		"kubectl --namespace", namespace, "exec", "deploy/" + reception.ServerName(receiver), "--", "/kassa replay",
		"--namespace=" + namespace, "--name=" + receiver,
	}
	switch {
	case len(ids) == 0:
		command = append(command, "--all")
	case slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, "-") }):
		command = append(command, "--") // an id is no flag
	}
	for _, id := range ids {
		command = append(command, shell.Quoted(id))
	}
	return fmt.Errorf("%s keeps its events in PostgreSQL, and what was given up is replayed there, from its pod:\n  %s",
		receiver, strings.Join(command, " "))
}

func (r *replaying) ofReceiver(ctx context.Context, c client.Client, args []string) ([]eventlist.Event, error) {
	if len(args) != 1 {
		return nil, errors.New("name one receiver")
	}
	namespace, err := r.Namespace()
	if err != nil {
		return nil, err
	}
	list, receivers, err := eventlist.Read(ctx, c, eventlist.Query{
		Namespace: namespace, Receiver: args[0], Inbox: true,
	})
	if err != nil {
		return nil, err
	}
	events := list.Events(func(e *eventlist.Event) bool {
		return e.State == eventlist.Dead || r.all && e.State == eventlist.Deferred
	})
	if receivers[0].Spec.Store == nil {
		return events, nil
	}
	// Its inbox has what waits for dunning, and what waited before there was a database.
	r.beside = inDatabase(namespace, args[0])
	if len(events) == 0 {
		return nil, r.beside
	}
	return events, nil
}

func annotate(ctx context.Context, c client.Client, e *eventlist.Event, nonce string) error {
	o := &v1alpha1.WebhookEvent{ObjectMeta: metav1.ObjectMeta{Namespace: e.Namespace, Name: e.Object}}
	before := o.DeepCopy()
	o.Annotations = map[string]string{v1alpha1.AnnotationReplay: nonce}
	return c.Patch(ctx, o, client.MergeFrom(before))
}

// await waits for all of them together.
func (r *replaying) await(ctx context.Context, c client.Client, results []replayed, nonce string) error {
	if r.wait <= 0 {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, r.wait)
	defer cancel()
	for i := range results {
		for results[i].Result == "" || results[i].Result == string(eventlist.Deferred) {
			result, err := resultOf(ctx, c, &results[i].Event, nonce)
			if err != nil {
				return err
			}
			if results[i].Result = result; result != string(eventlist.Deferred) || within.Err() != nil {
				break
			}
			select {
			case <-within.Done():
			case <-time.After(lookAgain):
			}
		}
	}
	return nil
}

func resultOf(ctx context.Context, c client.Client, e *eventlist.Event, nonce string) (string, error) {
	o := &v1alpha1.WebhookEvent{}
	err := c.Get(ctx, client.ObjectKey{Namespace: e.Namespace, Name: e.Object}, o)
	switch {
	case apierrors.IsNotFound(err):
		e.State, e.Object, e.Sinks = eventlist.Processed, "", nil
		return string(v1alpha1.EventDelivered), nil
	case err != nil:
		return "", err
	case o.Status.Replayed != nonce:
		return string(eventlist.Deferred), nil // nobody took note of it yet
	}
	*e = eventlist.FromInbox(o)
	if e.State == eventlist.Processed {
		return string(v1alpha1.EventDelivered), nil
	}
	return string(e.State), nil
}

func (r *replaying) print(results []replayed) error {
	if len(results) == 0 {
		r.Warnf("There is nothing to replay.")
	}
	err := r.output.Print(r.Streams.Out, results, func(w io.Writer) error {
		if len(results) == 0 {
			return nil
		}
		var rows [][]string
		for i := range results {
			e := &results[i]
			result := orDash(e.Result)
			if r.dryRun {
				result = "would be replayed"
			}
			rows = append(rows, []string{e.Receiver, kindOf(&e.Event), e.ID, result, orDash(e.LastError())})
		}
		return kubectl.Table(w, []string{"RECEIVER", "TYPE", "EVENT", "RESULT", "ERROR"}, rows)
	})
	for i := range results {
		if waited := !r.dryRun && r.wait > 0; err == nil && waited && results[i].Result != string(v1alpha1.EventDelivered) {
			err = kubectl.ErrFound
		}
	}
	return err
}
