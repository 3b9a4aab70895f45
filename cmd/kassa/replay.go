package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/internal/store"
)

type replayOptions struct {
	ofReceiver
	all, dryRun bool
}

func newReplayCommand() *cobra.Command {
	var o replayOptions
	cmd := &cobra.Command{
		Use:   "replay {EVENT... | --all}",
		Short: "Deliver again what a receiver's database has given up",
		Long: "Has a WebhookReceiver with a database deliver again what was given up: of the events that are named, with " +
			"--all of every one. The receiver sends it within seconds. What waits is sent again by itself.",
		RunE: func(cmd *cobra.Command, events []string) error {
			c, err := inCluster()
			if err != nil {
				return err
			}
			return runReplay(cmd.Context(), c, o, events, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	o.addFlags(f)
	f.BoolVar(&o.all, "all", false, "everything that was given up, however long ago")
	f.BoolVar(&o.dryRun, "dry-run", false, "change nothing, and say how many deliveries it would be")
	return cmd
}

func runReplay(ctx context.Context, c client.Reader, o replayOptions, events []string, out io.Writer) error {
	// A variable that is empty, in the place of an id, does not mean all.
	if o.all == (len(events) > 0) {
		return errors.New("name events, or give --all for everything that was given up")
	}
	conn, err := o.connect(ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	did, replay := "replayed", store.Replay
	if o.dryRun {
		did, replay = "would replay", store.Replayable
	}
	n, err := replay(ctx, conn, o.namespace+"/"+o.name, events)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d deliveries\n", did, n)
	return err
}
