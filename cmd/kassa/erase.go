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

type eraseOptions struct {
	ofReceiver
	person store.Person
	dryRun bool
}

func newEraseCommand() *cobra.Command {
	var o eraseOptions
	cmd := &cobra.Command{
		Use:   "erase",
		Short: "Remove what a receiver's database tells of who a customer is",
		Long: "Removes emails, user ids and kept events of one customer from the database of a WebhookReceiver. What was " +
			"sold and paid stays. Erase the customer at the provider first: its later events would bring the data back.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := inCluster()
			if err != nil {
				return err
			}
			return runErase(cmd.Context(), c, o, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	o.addFlags(f)
	f.StringVar(&o.person.Customer, "customer", "", "the provider's id of the customer")
	f.StringVar(&o.person.User, "user", "", "the application's own id of the user")
	f.StringVar(&o.person.Email, "email", "", "the customer's address")
	f.StringVar(&o.person.Account, "account", "",
		"the provider's id of the account; default: all whose records are in the database")
	f.BoolVar(&o.dryRun, "dry-run", false, "change nothing, and say what would be erased")
	cmd.MarkFlagsOneRequired("customer", "user", "email")
	cmd.MarkFlagsMutuallyExclusive("customer", "user", "email")
	return cmd
}

func runErase(ctx context.Context, c client.Reader, o eraseOptions, out io.Writer) error {
	if o.person.Customer+o.person.User+o.person.Email == "" {
		return errors.New("the customer, user or email is empty")
	}
	conn, err := o.connect(ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	n, err := store.Erase(ctx, conn, o.person, o.dryRun)
	if err != nil {
		return err
	}
	did := "erased"
	if o.dryRun {
		did = "would erase"
	}
	_, err = fmt.Fprintf(out, "%s: %d customers, %d subscriptions, %d deliveries, %d payloads\n",
		did, n.Customers, n.Subscriptions, n.Deliveries, n.Payloads)
	return err
}
