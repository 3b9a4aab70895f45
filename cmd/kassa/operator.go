package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/controllers/checkoutendpoint"
	"github.com/kassa-dev/kassa/controllers/paymentprovider"
	"github.com/kassa-dev/kassa/controllers/plan"
	"github.com/kassa-dev/kassa/controllers/webhookevent"
	"github.com/kassa-dev/kassa/controllers/webhookreceiver"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/namespaces"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/telemetry"
	"github.com/kassa-dev/kassa/internal/workload"
)

type operatorOptions struct {
	metricsAddress, healthAddress string
	serverImage                   string
	serverPullSecrets             []string
	leaderElect                   bool
	leaderNamespace, leaderID     string
	namespaces                    []string
	clusterID                     string
	concurrency                   int
	qps                           float32
	listSettle                    time.Duration
	otlpEndpoint                  string
	verbose                       bool
}

func newOperatorCommand() *cobra.Command {
	var o operatorOptions
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Reconcile PaymentProviders, Plans, WebhookReceivers and CheckoutEndpoints",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runOperator(cmd.Context(), adapters(o.listSettle), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.metricsAddress, "metrics-bind-address", ":8080", "address of /metrics; 0 turns it off")
	f.StringVar(&o.healthAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0 turns it off")
	f.StringVar(&o.serverImage, "server-image", "ghcr.io/kassa-dev/kassa:"+version,
		"image of the servers that are deployed")
	f.StringSliceVar(&o.serverPullSecrets, "server-image-pull-secrets", nil,
		"Secrets that pull that image, in each server's namespace, where a spec names none")
	f.BoolVar(&o.leaderElect, "leader-elect", false, "let one of several replicas work, with the others in standby")
	f.StringVar(&o.leaderNamespace, "leader-election-namespace", "", "namespace of the lease; default: the pod's own")
	f.StringVar(&o.leaderID, "leader-election-id", "kassa-operator",
		"name of the lease; operators of different --namespaces need different ones in one namespace")
	f.StringSliceVar(&o.namespaces, "namespaces", nil,
		"namespaces to work in, such as shop,billing; nothing is read or written in others; default: all")
	f.StringVar(&o.clusterID, "cluster-id", "",
		"id of a cluster that is lost, whose marks at the providers this one goes on with; never in two clusters at once; "+
			"default: the UID of the namespace kube-system")
	f.IntVar(&o.concurrency, "concurrency", 8, "how many Plans are worked on at once")
	f.Float32Var(&o.qps, "kube-api-qps", 200, "requests a second to the API server, of each kind of object")
	f.DurationVar(&o.listSettle, "list-settle", paddle.DefaultListSettle,
		"how long to wait for the outcome of a create that got no answer, at a provider without idempotency keys, before "+
			"it is tried again")
	f.StringVar(&o.otlpEndpoint, "otlp-endpoint", os.Getenv(envOTLPEndpoint),
		"URL of an OpenTelemetry collector, such as http://collector.observability:4318, that takes traces by OTLP over "+
			"HTTP; the servers that are deployed send theirs there, too ("+envOTLPEndpoint+")")
	f.Lookup("otlp-endpoint").DefValue = "" // --help shows no environment
	f.BoolVar(&o.verbose, "verbose", false, "log more")
	return cmd
}

func runOperator(ctx context.Context, registry provider.Registry, o operatorOptions) error {
	within, err := namespaces.Parse(o.namespaces)
	if err != nil {
		return fmt.Errorf("--namespaces: %w", err)
	}
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	logger := logr.FromSlogHandler(log.Handler())
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	tracer, endpoint, err := operatorTracer(ctx, o.otlpEndpoint, log)
	if err != nil {
		return err
	}
	o.otlpEndpoint = endpoint
	defer tracer.Close(ctx)
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	cfg.QPS, cfg.Burst = o.qps, int(2*o.qps)
	mgr, err := newManager(cfg, within, o)
	if err != nil {
		return err
	}
	if err := setUpControllers(ctx, mgr, within.Reader(mgr.GetAPIReader()), registry, tracer, o); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func newManager(cfg *rest.Config, within namespaces.Set, o operatorOptions) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme:                        scheme,
		Metrics:                       metricsserver.Options{BindAddress: onHost(o.metricsAddress)},
		HealthProbeBindAddress:        onHost(o.healthAddress),
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              o.leaderID,
		LeaderElectionNamespace:       o.leaderNamespace,
		LeaderElectionReleaseOnCancel: true,
		Cache: cache.Options{
			DefaultTransform:  cache.TransformStripManagedFields(),
			DefaultNamespaces: within.Cache(),
			ByObject:          ownOnly(),
		},
		NewClient: func(cfg *rest.Config, options client.Options) (client.Client, error) {
			c, err := client.New(cfg, options)
			return within.Client(c), err
		},
		// Only metadata of Secrets is ever cached; a typed read would fill a cache with their values.
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
	})
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	return mgr, mgr.AddReadyzCheck("ping", healthz.Ping)
}

// published selects the ConfigMaps that Kassa writes.
var published = func() labels.Requirement {
	r, err := labels.NewRequirement(v1alpha1.LabelPublished, selection.Exists, nil)
	utilruntime.Must(err)
	return *r
}()

// ownOnly keeps other people's Deployments and the like out of the cache, and of the receivers' inboxes all but what
// dunning has to look at.
func ownOnly() map[client.Object]cache.ByObject {
	selected := map[client.Object]cache.ByObject{}
	for _, kind := range workload.Kinds() {
		selected[kind] = cache.ByObject{Label: labels.SelectorFromSet(workload.Managed())}
	}
	selected[&v1alpha1.WebhookEvent{}] = cache.ByObject{
		Label: labels.SelectorFromSet(labels.Set{v1alpha1.LabelDunning: "true"}), Transform: webhookevent.Transform,
	}
	selected[&corev1.ConfigMap{}] = cache.ByObject{Label: labels.NewSelector().Add(published)}
	return selected
}

// Back-off of failed reconciles, for each object.
const (
	minBackoff = 500 * time.Millisecond
	maxBackoff = 2 * time.Minute
)

// jittered spreads the retries of objects that failed together, by full jitter: each is anything up to the back-off.
type jittered struct {
	workqueue.TypedRateLimiter[reconcile.Request]
}

// When is anything up to the back-off, but never at once.
func (j jittered) When(r reconcile.Request) time.Duration {
	return minBackoff/2 + rand.N(j.TypedRateLimiter.When(r))
}

// clusterID tells clusters on one account apart. kube-system lives as long as its cluster; what has its UID at the
// providers can only be gone on with elsewhere if somebody says so.
func clusterID(ctx context.Context, live client.Reader, o operatorOptions) (string, error) {
	if o.clusterID != "" {
		return o.clusterID, nil
	}
	var system corev1.Namespace
	if err := live.Get(ctx, types.NamespacedName{Name: metav1.NamespaceSystem}, &system); err != nil {
		return "", fmt.Errorf("reading the cluster's id: %w", err)
	}
	return string(system.UID), nil
}

// setUpControllers has live ask the API server.
func setUpControllers(
	ctx context.Context, mgr ctrl.Manager, live client.Reader, registry provider.Registry, tracer *telemetry.Tracer,
	o operatorOptions,
) error {
	cluster, err := clusterID(ctx, live, o)
	if err != nil {
		return err
	}
	if err := kubewatch.Index(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("indexing: %w", err)
	}
	requests, err := instrument.NewMetrics(metrics.Registry)
	if err != nil {
		return err
	}
	buckets := &instrument.Buckets{Metrics: requests, Tracer: tracer}
	if err := metrics.Registry.Register(buckets); err != nil {
		return err
	}
	if err := metrics.Registry.Register(&telemetry.Objects{Cache: mgr.GetCache(), Working: mgr.Elected()}); err != nil {
		return err
	}
	// The manager's client would ask the API server: what it is not to cache of Secrets includes their metadata.
	pool := &accounts.Pool{
		Registry: registry, Metadata: mgr.GetCache(), Live: live, Now: time.Now,
		Clients: buckets,
	}
	snapshots := make(chan event.GenericEvent, 64)
	refused := make(chan event.GenericEvent, 64)
	lookAt := func(key types.NamespacedName) {
		pp := &v1alpha1.PaymentProvider{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
		select {
		case refused <- event.GenericEvent{Object: pp}:
		default: // the channel is full of the same news
		}
	}
	limiter := func() workqueue.TypedRateLimiter[reconcile.Request] {
		return jittered{workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](minBackoff, maxBackoff)}
	}
	recorder := mgr.GetEventRecorder("kassa")
	err = (&paymentprovider.Reconciler{Client: mgr.GetClient(), Accounts: pool, Snapshots: snapshots}).
		Setup(mgr, paymentprovider.Options{RateLimiter: limiter(), Refused: refused, Tracer: tracer})
	if err != nil {
		return fmt.Errorf("setting up PaymentProvider: %w", err)
	}
	err = (&plan.Reconciler{
		Client: mgr.GetClient(), Accounts: pool, Events: recorder, Cluster: cluster, Now: time.Now,
		Refused: lookAt, Reread: lookAt,
	}).Setup(ctx, mgr, plan.Options{
		Concurrency: o.concurrency, RateLimiter: limiter(), Snapshots: snapshots, Tracer: tracer,
	})
	if err != nil {
		return fmt.Errorf("setting up Plan: %w", err)
	}
	receivers := &webhookreceiver.Reconciler{
		Client: mgr.GetClient(), Live: live, Accounts: pool, Events: recorder,
		Cluster: cluster, Image: o.serverImage, PullSecrets: o.serverPullSecrets, Env: tracingEnv(o.otlpEndpoint),
		Now: time.Now, Refused: lookAt,
	}
	if err := receivers.Setup(mgr, webhookreceiver.Options{RateLimiter: limiter(), Tracer: tracer}); err != nil {
		return fmt.Errorf("setting up WebhookReceiver: %w", err)
	}
	if err := setUpRecovery(mgr, receivers, webhookreceiver.Options{RateLimiter: limiter(), Tracer: tracer}); err != nil {
		return fmt.Errorf("setting up recovery: %w", err)
	}
	dunning, err := webhookevent.NewMetrics(metrics.Registry)
	if err != nil {
		return err
	}
	err = (&webhookevent.Reconciler{
		Client: mgr.GetClient(), Live: live, Accounts: pool, Events: recorder, Metrics: dunning, Now: time.Now,
	}).Setup(mgr, webhookevent.Options{RateLimiter: limiter(), Tracer: tracer})
	if err != nil {
		return fmt.Errorf("setting up dunning: %w", err)
	}
	err = (&checkoutendpoint.Reconciler{
		Client: mgr.GetClient(), Live: live, Registry: registry,
		Cluster: cluster, Image: o.serverImage, PullSecrets: o.serverPullSecrets, Env: tracingEnv(o.otlpEndpoint),
	}).Setup(mgr, checkoutendpoint.Options{RateLimiter: limiter(), Tracer: tracer})
	if err != nil {
		return fmt.Errorf("setting up CheckoutEndpoint: %w", err)
	}
	return nil
}
