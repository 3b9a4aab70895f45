package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/kassa-dev/kassa/checkoutserver"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
)

type checkoutOptions struct {
	namespace, name, bindAddress string
	port, healthPort             int
	lameDuck                     time.Duration
	tls, verbose                 bool
}

func newCheckoutCommand(registry provider.Registry) *cobra.Command {
	var o checkoutOptions
	cmd := &cobra.Command{
		Use:   "checkout",
		Short: "Sell what one CheckoutEndpoint offers; the operator deploys this",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runCheckout(cmd.Context(), registry, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.namespace, "namespace", os.Getenv("KASSA_NAMESPACE"),
		"namespace of the CheckoutEndpoint (KASSA_NAMESPACE)")
	f.StringVar(&o.name, "name", os.Getenv("KASSA_NAME"), "name of the CheckoutEndpoint (KASSA_NAME)")
	f.StringVar(&o.bindAddress, "bind-address", os.Getenv("KASSA_BIND_ADDRESS"),
		"address to listen on; default: every address (KASSA_BIND_ADDRESS)")
	f.IntVar(&o.port, "port", 8080, "port that buyers and apps come to")
	f.BoolVar(&o.tls, "tls", false, "speak TLS on that port, with the certificate of the Secret that spec.tls names")
	f.IntVar(&o.healthPort, "health-port", 8081, "port of /healthz, /readyz and /metrics")
	f.DurationVar(&o.lameDuck, "lame-duck", checkoutserver.DefaultLameDuck,
		"how long requests are still taken after readiness was taken back")
	f.BoolVar(&o.verbose, "verbose", false, "log more")
	return cmd
}

func runCheckout(ctx context.Context, registry provider.Registry, o checkoutOptions) error {
	if o.namespace == "" || o.name == "" {
		return errors.New("--namespace and --name are required")
	}
	log := newServerLog(o.verbose, "namespace", o.namespace, "checkoutEndpoint", o.name)
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	c, err := checkoutserver.NewClient(cfg)
	if err != nil {
		return err
	}
	metrics := prometheus.NewRegistry()
	requests, err := instrument.NewMetrics(metrics)
	if err != nil {
		return err
	}
	tracer := serverTracer(ctx, "checkout", o.namespace, o.name, log)
	defer tracer.Close(ctx)
	buckets := &instrument.Buckets{Metrics: requests, Tracer: tracer}
	metrics.MustRegister(buckets)
	listeners, err := listen(ctx, o.bindAddress, o.port, o.healthPort)
	if err != nil {
		return err
	}
	server := checkoutserver.New(checkoutserver.Options{
		Namespace: o.namespace, Name: o.name, Client: c, Registry: registry,
		Clients: buckets, Requests: listeners[0], TLS: o.tls, Health: listeners[1],
		LameDuck: o.lameDuck, Log: log, Metrics: metrics, Tracer: tracer,
	})
	log.Info("checkout server starts", "requests", listeners[0].Addr().String(), "health", listeners[1].Addr().String())
	return server.Run(ctx)
}
