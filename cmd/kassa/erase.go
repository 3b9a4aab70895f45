package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/store"
	"github.com/kassa-dev/kassa/webhookserver"
)

type eraseOptions struct {
	namespace, name string
	person          store.Person
	dryRun          bool
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
			cfg, err := ctrl.GetConfig()
			if err != nil {
				return err
			}
			c, err := webhookserver.NewClient(cfg)
			if err != nil {
				return err
			}
			return runErase(cmd.Context(), c, o, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.namespace, "namespace", os.Getenv("KASSA_NAMESPACE"),
		"namespace of the WebhookReceiver (KASSA_NAMESPACE)")
	f.StringVar(&o.name, "name", os.Getenv("KASSA_NAME"), "name of the WebhookReceiver (KASSA_NAME)")
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
	if o.namespace == "" || o.name == "" {
		return errors.New("--namespace and --name are required")
	}
	if o.person.Customer+o.person.User+o.person.Email == "" {
		return errors.New("the customer, user or email is empty")
	}
	address, err := receiverDatabase(ctx, c, types.NamespacedName{Namespace: o.namespace, Name: o.name})
	if err != nil {
		return err
	}
	config, err := store.Parse(address)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return errors.New("connecting to the database: " + store.Brief(err))
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

// receiverDatabase is where a receiver's database is.
func receiverDatabase(ctx context.Context, c client.Reader, name types.NamespacedName) (store.Address, error) {
	receiver := &v1alpha1.WebhookReceiver{}
	if err := c.Get(ctx, name, receiver); err != nil {
		return store.Address{}, fmt.Errorf("reading the WebhookReceiver: %w", err)
	}
	if len(store.Parts(receiver)) == 0 {
		return store.Address{}, errors.New("the WebhookReceiver keeps nothing in a database: spec.store is not set")
	}
	var failed error
	address, missing := store.AddressOf(receiver, func(of string) (map[string][]byte, string) {
		secret := &corev1.Secret{}
		if err := c.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: of}, secret); err != nil {
			failed = fmt.Errorf("reading the Secret %s: %w", of, err)
			return nil, "cannot be read"
		}
		return secret.Data, ""
	})
	switch {
	case failed != nil:
		return address, failed
	case missing != "":
		return address, errors.New(missing)
	}
	return address, nil
}
