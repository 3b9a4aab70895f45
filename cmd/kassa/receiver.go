package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/kube"
	"github.com/kassa-dev/kassa/internal/ledger/postgres"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/store"
	"github.com/kassa-dev/kassa/webhookserver"
)

// receiverGC is GOGC of a receiver. What lives is little and what passes through is much, so a heap that is half as
// large costs a few per cent of a core, and keeps a replica of 100 000 remembered events below 64 MB.
const receiverGC = 50

type receiverOptions struct {
	namespace, name, cluster, bindAddress string
	port, healthPort                      int
	lameDuck                              time.Duration
	tls, verbose                          bool
	store                                 string
	storeBatch                            int
}

func newReceiverCommand(registry provider.Registry) *cobra.Command {
	var o receiverOptions
	cmd := &cobra.Command{
		Use:   "receiver",
		Short: "Take the webhook events of one WebhookReceiver; the operator deploys this",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runReceiver(cmd.Context(), registry, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.namespace, "namespace", os.Getenv("KASSA_NAMESPACE"),
		"namespace of the WebhookReceiver (KASSA_NAMESPACE)")
	f.StringVar(&o.name, "name", os.Getenv("KASSA_NAME"), "name of the WebhookReceiver (KASSA_NAME)")
	f.StringVar(&o.cluster, "cluster-id", os.Getenv("KASSA_CLUSTER_ID"),
		"UID of the namespace kube-system; Plans' marks of other clusters are not believed (KASSA_CLUSTER_ID)")
	f.StringVar(&o.bindAddress, "bind-address", os.Getenv("KASSA_BIND_ADDRESS"),
		"address to listen on; default: every address (KASSA_BIND_ADDRESS)")
	f.IntVar(&o.port, "port", 8080, "port that the provider's events come to")
	f.BoolVar(&o.tls, "tls", false, "speak TLS on that port, with the certificate of the Secret that spec.tls names")
	f.IntVar(&o.healthPort, "health-port", 8081, "port of /healthz, /readyz, /metrics and /schemas")
	f.DurationVar(&o.lameDuck, "lame-duck", webhookserver.DefaultLameDuck,
		"how long events are still taken after readiness was taken back")
	f.StringVar(&o.store, "store", "", "where events are kept: postgres, or nothing for objects in Kubernetes")
	f.IntVar(&o.storeBatch, "store-batch", envInt("KASSA_STORE_BATCH", postgres.DefaultMaxBatch),
		"how many events go into one transaction at most (KASSA_STORE_BATCH)")
	f.BoolVar(&o.verbose, "verbose", false, "log more")
	return cmd
}

func runReceiver(ctx context.Context, registry provider.Registry, o receiverOptions) error {
	if o.namespace == "" || o.name == "" {
		return errors.New("--namespace and --name are required")
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(receiverGC)
	}
	log := newServerLog(o.verbose, "namespace", o.namespace, "receiver", o.name)
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	c, err := webhookserver.NewClient(cfg)
	if err != nil {
		return err
	}
	owner, err := receiverOwner(ctx, c, o)
	if err != nil {
		return err
	}
	var server *webhookserver.Server
	metrics := prometheus.NewRegistry()
	replica := replicaName()
	retention := func() time.Duration { return server.Retention() }
	options := webhookserver.Options{
		Namespace: o.namespace, Name: o.name, Cluster: o.cluster, Identity: replica,
		Client: c, Registry: registry, TLS: o.tls, LameDuck: o.lameDuck, Log: log, Metrics: metrics,
	}
	switch o.store {
	case "":
		options.Ledger, err = kubeLedger(cfg, o, owner, replica, retention, metrics)
	case "postgres":
		db := &store.DB{Log: log}
		defer db.Close()
		options.Database = db.Set
		options.Ledger, err = postgres.New(postgres.Options{
			DB: db, Receiver: o.namespace + "/" + o.name, Replica: replica, Retention: retention, Log: log,
			MaxBatch: o.storeBatch, Registerer: metrics,
			Lease: func() time.Duration { return server.Lease() },
		})
	default:
		err = fmt.Errorf("--store is postgres or nothing, not %q", o.store)
	}
	if err != nil {
		return err
	}
	options.Tracer = serverTracer(ctx, "receiver", o.namespace, o.name, log)
	defer options.Tracer.Close(ctx)
	listeners, err := listen(ctx, o.bindAddress, o.port, o.healthPort)
	if err != nil {
		return err
	}
	options.Events, options.Health = listeners[0], listeners[1]
	server = webhookserver.New(options)
	log.Info("receiver starts", "events", listeners[0].Addr().String(), "health", listeners[1].Addr().String())
	return server.Run(ctx)
}

func kubeLedger(
	cfg *rest.Config, o receiverOptions, owner metav1.OwnerReference, replica string, retention func() time.Duration,
	metrics *prometheus.Registry,
) (ledger.Ledger, error) {
	client, err := kube.ClientFor(cfg)
	if err != nil {
		return nil, err
	}
	return kube.New(kube.Options{
		Client: client, Namespace: o.namespace, Receiver: o.name, Owner: owner, Replica: replica, Retention: retention,
		Registerer: metrics,
	})
}

// envInt is a number of the environment, or what is there for want of one.
func envInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// ownerPatience is how long a receiver that starts waits for an API server that does not answer. It is less than the
// startup probe's, so that the log says why it ended.
const ownerPatience = 4 * time.Minute

// receiverOwner is the reference to the WebhookReceiver with which its ledger goes.
func receiverOwner(ctx context.Context, c client.Reader, o receiverOptions) (metav1.OwnerReference, error) {
	ctx, cancel := context.WithTimeout(ctx, ownerPatience)
	defer cancel()
	receiver := &v1alpha1.WebhookReceiver{}
	for {
		err := c.Get(ctx, types.NamespacedName{Namespace: o.namespace, Name: o.name}, receiver)
		switch {
		case err == nil:
			return metav1.OwnerReference{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "WebhookReceiver", Name: o.name, UID: receiver.UID,
			}, nil
		case apierrors.IsNotFound(err):
			return metav1.OwnerReference{}, fmt.Errorf("reading the WebhookReceiver: %w", err)
		}
		select {
		case <-ctx.Done():
			return metav1.OwnerReference{}, fmt.Errorf("reading the WebhookReceiver: %w", err)
		case <-time.After(time.Second):
		}
	}
}

// replicaName is the pod's name with a suffix of this process: a restarted container must not take itself for the
// one before it.
func replicaName() string {
	name := os.Getenv("POD_NAME")
	if name == "" {
		name, _ = os.Hostname()
	}
	return name[max(0, len(name)-50):] + "-" + rand.String(6)
}
