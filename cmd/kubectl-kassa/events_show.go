package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/eventlist"
	"github.com/kassa-dev/kassa/internal/kubectl"
	"github.com/kassa-dev/kassa/internal/notice"
)

type showing struct {
	*kubectl.Options
	output  kubectl.Output
	payload bool
}

// shownEvent is an event with what it tells, where that was asked for.
type shownEvent struct {
	eventlist.Event
	Payload json.RawMessage `json:"payload,omitempty"`
}

func showCommand(o *kubectl.Options) *cobra.Command {
	s := &showing{Options: o}
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show what is known of one event",
		Long: "Show tells what became of an event, and at each sink that did not take it. ID is the provider's id of the " +
			"event, or the name of a WebhookEvent. What the event tells is kept while it waits, and while it can be " +
			"replayed. It has customers' data: --payload prints it.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name one event; kubectl kassa events lists them")
			}
			return s.run(cmd.Context(), args[0])
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	s.output.AddFlag(cmd)
	cmd.Flags().BoolVar(&s.payload, "payload", false, "print the provider's event, which has customers' personal data")
	return cmd
}

func (s *showing) run(ctx context.Context, id string) error {
	if err := s.output.Check(); err != nil {
		return err
	}
	found, receivers, err := find(ctx, s.Options, id)
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return unknown(id, receivers)
	}
	all := make([]shownEvent, len(found))
	for i := range found {
		all[i].Event = found[i]
		if s.payload {
			if all[i].Payload, err = s.read(ctx, &found[i]); err != nil {
				return err
			}
		}
	}
	return s.output.Print(s.Streams.Out, all, func(w io.Writer) error {
		for i := range all {
			if err := all[i].people(w); err != nil {
				return err
			}
		}
		return nil
	})
}

// read reads what an event tells, with a warning.
func (s *showing) read(ctx context.Context, e *eventlist.Event) (json.RawMessage, error) {
	if e.Object == "" {
		s.Warnf("What %s tells is not kept in the cluster: look it up at the provider.", e.ID)
		return nil, nil
	}
	c, err := s.Client()
	if err != nil {
		return nil, err
	}
	object := &v1alpha1.WebhookEvent{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: e.Namespace, Name: e.Object}, object); err != nil {
		return nil, err
	}
	payload, err := notice.Unpack(object.Spec.Payload)
	if err != nil {
		return nil, err
	}
	if !json.Valid(payload) {
		return nil, fmt.Errorf("the payload of %s is no JSON", e.ID)
	}
	s.Warnf("What follows has a customer's personal data: do not put it into tickets or chats.")
	return payload, nil
}

func (e *shownEvent) people(w io.Writer) error {
	kind := e.NativeType
	if e.Type != "" && e.Type != "native" && e.Type != kind {
		kind = strings.TrimSpace(fmt.Sprintf("%s (%s)", kind, e.Type))
	}
	rows := [][2]string{
		{"Event", e.ID}, {"Type", kind}, {"Receiver", e.Namespace + "/" + e.Receiver},
		{"Received", e.ReceivedAt.Format(time.RFC3339)}, {"State", string(e.State)}, {"Object", orDash(e.Object)},
	}
	if e.OccurredAt != nil {
		rows = append(rows, [2]string{"Occurred", e.OccurredAt.Format(time.RFC3339)})
	}
	for _, row := range rows {
		if _, err := fmt.Fprintf(w, "%-10s%s\n", row[0], row[1]); err != nil {
			return err
		}
	}
	for _, s := range e.Sinks {
		if _, err := fmt.Fprintf(w, "Sink      %s: %s\n", s.Name, atSink(s)); err != nil {
			return err
		}
	}
	if e.Payload == nil {
		return nil
	}
	var text bytes.Buffer
	if err := json.Indent(&text, e.Payload, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", &text)
	return err
}

func atSink(s eventlist.Sink) string {
	text := fmt.Sprintf("%s after %d attempts from the inbox", s.Phase, s.Attempts)
	if s.LastError != "" {
		text += ", last error: " + s.LastError
	}
	if s.NextAttempt != nil {
		text += ", next at " + s.NextAttempt.Format(time.RFC3339)
	}
	return text
}
