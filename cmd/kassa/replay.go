package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/internal/store"
)

func newReplayCommand() *cobra.Command {
	var o ofReceiver
	cmd := &cobra.Command{
		Use:   "replay [EVENT]...",
		Short: "Deliver again what a receiver's database has given up",
		Long: "Has a WebhookReceiver with a database deliver again what was given up: of the events that are named, or of " +
			"all. The receiver sends it within seconds. What waits is sent again by itself.",
		RunE: func(cmd *cobra.Command, events []string) error {
			c, err := inCluster()
			if err != nil {
				return err
			}
			return runReplay(cmd.Context(), c, o, events, cmd.OutOrStdout())
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runReplay(ctx context.Context, c client.Reader, o ofReceiver, events []string, out io.Writer) error {
	conn, err := o.connect(ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	n, err := store.Replay(ctx, conn, o.namespace+"/"+o.name, events)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "replayed: %d deliveries\n", n)
	return err
}
