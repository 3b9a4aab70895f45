package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/internal/kubectl"
	"github.com/kassa-dev/kassa/internal/overview"
)

// refresh is how often --watch looks.
const refresh = 2 * time.Second

// clearScreen is what takes a terminal back to an empty screen.
const clearScreen = "\x1b[H\x1b[2J"

type statusOf struct {
	*kubectl.Options
	output                         kubectl.Output
	allNamespaces, watch, exitZero bool
}

func statusCommand(o *kubectl.Options) *cobra.Command {
	s := &statusOf{Options: o}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show on one screen how everything is, what is wrong first",
		Long: "Status shows the operator, where it can be seen, and the PaymentProviders, Plans, CheckoutEndpoints and " +
			"WebhookReceivers of a namespace. What is wrong comes first, with its reason and what the documentation says to " +
			"do. A receiver's rate is that of its last 32 events.\n\n" +
			"The exit code is 0 if everything is well, 1 if anything is not Ready, or a condition is False, and 2 if the " +
			"cluster could not be read.",
		Example: "  kubectl kassa status\n" +
			"  kubectl kassa status -A --watch\n" +
			"  kubectl kassa status -o json | jq '.problems[].reason'",
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context()) },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	s.output.AddFlag(cmd)
	f := cmd.Flags()
	f.BoolVarP(&s.allNamespaces, "all-namespaces", "A", false, "of all namespaces")
	f.BoolVarP(&s.watch, "watch", "w", false, "show it again whenever it changes")
	f.BoolVar(&s.exitZero, "exit-zero", false, "end with 0 also if something is wrong")
	return cmd
}

func (s *statusOf) run(ctx context.Context) error {
	if err := s.output.Check(); err != nil {
		return err
	}
	if s.watch && s.output.Format != "" {
		return errors.New("--watch is for people: use it without -o")
	}
	c, err := s.Client()
	if err != nil {
		return err
	}
	namespace := ""
	if !s.allNamespaces {
		if namespace, err = s.Namespace(); err != nil {
			return err
		}
	}
	if s.watch {
		return s.follow(ctx, c, namespace)
	}
	objects, err := overview.Read(ctx, c, namespace)
	if err != nil {
		return err
	}
	report := overview.Of(objects)
	if report.Empty() && !s.allNamespaces {
		s.Warnf("Looked%s.", kubectl.Where(namespace, false))
	}
	err = s.output.Print(s.Streams.Out, report, func(w io.Writer) error { return report.Render(w, s.allNamespaces) })
	if err == nil && !report.Healthy && !s.exitZero {
		err = kubectl.ErrFound
	}
	return err
}

// follow shows the report again when something in it has changed, until somebody interrupts it. A failure to read is
// told, and does not end it.
func (s *statusOf) follow(ctx context.Context, c client.Reader, namespace string) error {
	before := ""
	for {
		text, err := s.text(ctx, c, namespace)
		switch {
		case err != nil && ctx.Err() == nil:
			s.Warnf("%v", err)
		case err == nil && text != before:
			before = text
			if isScreen(s.Streams.Out) {
				text = clearScreen + text
			} else {
				text += "\n"
			}
			if _, err := io.WriteString(s.Streams.Out, text); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(refresh):
		}
	}
}

func (s *statusOf) text(ctx context.Context, c client.Reader, namespace string) (string, error) {
	objects, err := overview.Read(ctx, c, namespace)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = overview.Of(objects).Render(&out, s.allNamespaces)
	return kubectl.Shown(out.String()), err
}
