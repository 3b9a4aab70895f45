package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/store"
	"github.com/kassa-dev/kassa/webhookserver"
)

// ofReceiver are the flags of commands that change a receiver's database. They run in the receiver's pod, with its
// rights.
type ofReceiver struct{ namespace, name string }

func (o *ofReceiver) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.namespace, "namespace", os.Getenv("KASSA_NAMESPACE"),
		"namespace of the WebhookReceiver (KASSA_NAMESPACE)")
	f.StringVar(&o.name, "name", os.Getenv("KASSA_NAME"), "name of the WebhookReceiver (KASSA_NAME)")
}

func inCluster() (client.Client, error) {
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return nil, err
	}
	return webhookserver.NewClient(cfg)
}

// connect opens the receiver's database, as the receiver does.
func (o *ofReceiver) connect(ctx context.Context, c client.Reader) (*pgx.Conn, error) {
	if o.namespace == "" || o.name == "" {
		return nil, errors.New("--namespace and --name are required")
	}
	address, err := receiverDatabase(ctx, c, types.NamespacedName{Namespace: o.namespace, Name: o.name})
	if err != nil {
		return nil, err
	}
	config, err := store.Parse(address)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return nil, errors.New("connecting to the database: " + store.Brief(err))
	}
	return conn, nil
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
