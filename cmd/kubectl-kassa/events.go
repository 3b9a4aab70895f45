package main

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/eventlist"
	"github.com/kassa-dev/kassa/internal/kubectl"
)

// wide is an output format: more columns.
const wide = "wide"

// eventsListing are the flags of kubectl kassa events.
type eventsListing struct {
	*kubectl.Options
	output        kubectl.Output
	since         time.Duration
	limit         int
	dead, watch   bool
	allNamespaces bool
}

func eventsCommand(o *kubectl.Options) *cobra.Command {
	l := &eventsListing{Options: o, output: kubectl.Output{Formats: []string{kubectl.JSON, kubectl.YAML, wide}}}
	cmd := &cobra.Command{
		Use:   "events [RECEIVER]",
		Short: "List what became of events, show one, and replay those that were given up",
		Long: "Events puts together what the ledger, the inbox and the status of WebhookReceivers tell of events, the " +
			"latest last: Processed, Deferred (it waits for a sink), Dead (it was given up, and can be replayed), Released " +
			"(it was given up, and then replayed or deleted), or Claimed (a replica has it in hand, or died with it). What an " +
			"event tells is not shown.\n\n" +
			"Of a receiver with a database the cluster knows the last 32 events; the rest is in the database.",
		Example: "  kubectl kassa events stripe --since 1h\n" +
			"  kubectl kassa events -A --dead -o wide\n" +
			"  kubectl kassa events stripe --watch\n" +
			"  kubectl kassa events show evt_1\n" +
			"  kubectl kassa events replay evt_1",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: receiverArgs(o),
		RunE:              func(cmd *cobra.Command, args []string) error { return l.run(cmd.Context(), args) },
	}
	l.output.AddFlag(cmd)
	f := cmd.Flags()
	f.DurationVar(&l.since, "since", 24*time.Hour, "events that were received within this time; 0 is any")
	f.IntVar(&l.limit, "limit", 200, "list the latest so many; 0 is all")
	f.BoolVar(&l.dead, "dead", false, "only those that were given up, however old")
	f.BoolVarP(&l.watch, "watch", "w", false, "go on with what happens")
	f.BoolVarP(&l.allNamespaces, "all-namespaces", "A", false, "of all namespaces")
	cmd.AddCommand(showCommand(o), replayCommand(o))
	return cmd
}

func (l *eventsListing) run(ctx context.Context, args []string) error {
	q, err := l.query(args)
	if err != nil {
		return err
	}
	c, err := l.Client()
	if err != nil {
		return err
	}
	if l.watch {
		return l.follow(ctx, c, q)
	}
	list, receivers, err := eventlist.Read(ctx, c, q)
	if err != nil {
		return err
	}
	all := list.Events(l.passes)
	shown := all
	if l.limit > 0 && len(all) > l.limit {
		shown = all[len(all)-l.limit:]
		l.Warnf("%d earlier ones are left out: --limit", len(all)-l.limit)
	}
	l.hint(receivers)
	return l.output.Print(l.Streams.Out, shown, func(w io.Writer) error {
		if len(shown) == 0 {
			l.Warnf("There are no such events%s.", kubectl.Where(q.Namespace, l.allNamespaces))
			return nil
		}
		return kubectl.Table(w, l.header(), l.rows(shown))
	})
}

func (l *eventsListing) query(args []string) (eventlist.Query, error) {
	q := eventlist.Query{Inbox: l.dead, Keep: l.passes}
	switch err := l.output.Check(); {
	case err != nil:
		return q, err
	case l.watch && l.output.Format != "" && l.output.Format != wide:
		return q, errors.New("--watch prints lines: use it without -o, or with -o wide")
	case l.allNamespaces && len(args) > 0:
		return q, errors.New("a receiver is named by its namespace: use -n instead of -A")
	}
	if len(args) > 0 {
		q.Receiver = args[0]
	}
	var err error
	if !l.allNamespaces {
		q.Namespace, err = l.Namespace()
	}
	return q, err
}

func (l *eventsListing) passes(e *eventlist.Event) bool {
	if l.dead {
		return e.State == eventlist.Dead
	}
	return l.since <= 0 || time.Since(e.ReceivedAt) <= l.since
}

// hint says where the rest is that the cluster does not know.
func (l *eventsListing) hint(receivers []v1alpha1.WebhookReceiver) {
	for i := range receivers {
		r := &receivers[i]
		if r.Spec.Store == nil {
			continue
		}
		l.Warnf("%s keeps its events in PostgreSQL; the cluster knows the last %d. Ask the database:\n%s",
			r.Name, len(r.Status.RecentEvents), eventlist.ListSQL(r, l.dead))
	}
}

func (l *eventsListing) header() []string {
	h := []string{"RECEIVED", "RECEIVER", "TYPE", "EVENT", "STATE", "ATTEMPTS"}
	if l.allNamespaces {
		h = append([]string{"NAMESPACE"}, h...)
	}
	if l.output.Format == wide || l.dead {
		h = append(h, "ERROR")
	}
	if l.output.Format == wide {
		h = append(h, "OBJECT")
	}
	return h
}

func (l *eventsListing) rows(events []eventlist.Event) [][]string {
	out := make([][]string, len(events))
	for i := range events {
		out[i] = l.row(&events[i])
	}
	return out
}

func (l *eventsListing) row(e *eventlist.Event) []string {
	attempts := "-"
	if e.Attempts > 0 {
		attempts = strconv.Itoa(int(e.Attempts))
	}
	row := []string{ago(e.ReceivedAt), e.Receiver, kindOf(e), e.ID, string(e.State), attempts}
	if l.allNamespaces {
		row = append([]string{e.Namespace}, row...)
	}
	if l.output.Format == wide || l.dead {
		row = append(row, orDash(e.LastError()))
	}
	if l.output.Format == wide {
		row = append(row, orDash(e.Object))
	}
	return row
}

// kindOf is the normalised name, or else the provider's.
func kindOf(e *eventlist.Event) string {
	if e.Type == "" || e.Type == "native" {
		return e.NativeType
	}
	return e.Type
}

// ago is a time as kubectl tells ages.
func ago(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return duration.HumanDuration(time.Since(at)) + " ago"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// find are the events of one id in a namespace, or of one WebhookEvent's name. There may be one at each receiver.
func find(ctx context.Context, o *kubectl.Options, id string) ([]eventlist.Event, []v1alpha1.WebhookReceiver, error) {
	c, err := o.Client()
	if err != nil {
		return nil, nil, err
	}
	namespace, err := o.Namespace()
	if err != nil {
		return nil, nil, err
	}
	is := func(e *eventlist.Event) bool { return e.ID == id || e.Object == id }
	list, receivers, err := eventlist.Read(ctx, c, eventlist.Query{Namespace: namespace, Keep: is})
	if err != nil {
		return nil, nil, err
	}
	return list.Events(is), receivers, nil
}

// unknown says that no event of an id is known, and where else it may be.
func unknown(id string, receivers []v1alpha1.WebhookReceiver) error {
	lines := []string{"no receiver of the namespace knows the event " + id + "; -n names another namespace"}
	for i := range receivers {
		if r := &receivers[i]; r.Spec.Store != nil {
			lines = append(lines, r.Name+" keeps its events in PostgreSQL:", eventlist.ShowSQL(r, id))
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}
