package checkoutserver

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/serving"
	"github.com/kassa-dev/kassa/internal/telemetry"
)

const (
	// DefaultLameDuck is how long a server that was told to stop goes on accepting, so that the Service's endpoints can be
	// updated before it refuses connections.
	DefaultLameDuck = 5 * time.Second
	// drainLimit bounds the time for requests under way, of which each is bounded by turnLimit and workLimit.
	drainLimit = turnLimit + workLimit
	// complainEvery bounds how often it is logged that a provider did not do something. The metrics count all of it.
	complainEvery = 10 * time.Second
)

// Limits of a request and of all requests together.
const (
	maxInFlight   = 1024
	maxHeader     = 32 << 10
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = readTimeout + workLimit + 5*time.Second
	idleTimeout   = 2 * time.Minute
)

// Options of a Server. All fields are required, except LameDuck, Log and Metrics.
type Options struct {
	Namespace, Name string           // of the CheckoutEndpoint
	Client          client.WithWatch // with CheckoutEndpoint and Secret
	Registry        provider.Registry
	Clients         Clients
	Requests        net.Listener // buyers and apps call here
	// TLS: Requests speaks TLS, with the certificate of spec.tls. Otherwise it speaks plain HTTP, whatever the spec says:
	// the operator starts replicas anew when that changes.
	TLS      bool
	Health   net.Listener  // probes, metrics
	LameDuck time.Duration // 0: none
	Log      *slog.Logger
	// Metrics takes the server's metrics and is served at /metrics with whatever else is in it.
	Metrics *prometheus.Registry
	Tracer  *telemetry.Tracer // may be nil
}

// Server sells what one CheckoutEndpoint offers.
type Server struct {
	requests, healths net.Listener
	lameDuck          time.Duration
	config            *config
	mux               *http.ServeMux
	replays           *replays
	lists             *replays // what users were told that they have
	turns             turns
	resting           resting
	changing          sync.Map // changing: what is under way
	metrics           *metrics
	tracer            *telemetry.Tracer
	tls               *serving.FollowedCertificate // nil: plain HTTP
	inFlight          atomic.Int64
	draining          atomic.Bool
	log               *slog.Logger
	complaints        complaints
}

// New makes a Server. Run starts it.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	s := &Server{
		requests: o.Requests, healths: o.Health, lameDuck: o.LameDuck, log: o.Log, metrics: newMetrics(o.Metrics),
		tracer:  o.Tracer,
		replays: newReplays(), lists: newReplays(),
	}
	s.config = &config{
		client: o.Client, namespace: o.Namespace, name: o.Name, log: o.Log,
		seen: func(*v1alpha1.CheckoutEndpoint) {}, secrets: map[types.NamespacedName]*followedSecret{},
		connections: connections{registry: o.Registry, clients: o.Clients, open: map[string]opened{}},
	}
	if o.TLS {
		s.tls = &serving.FollowedCertificate{
			Client: o.Client, Namespace: o.Namespace, Log: o.Log, Changed: s.measureCertificate,
		}
	}
	s.mux = s.handler()
	return s
}

// Run serves until ctx ends, then drains: readiness goes first, requests are still accepted for the lame-duck time, and
// what is under way is finished. The error is nil after a drain.
func (s *Server) Run(ctx context.Context) error {
	back, stopBack := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBack()
	failed := make(chan error, 2)
	if s.tls != nil {
		s.config.seen = func(e *v1alpha1.CheckoutEndpoint) { s.tls.Follow(back, e.Spec.TLS) }
	}
	var watches sync.WaitGroup
	watches.Go(func() { s.config.run(back) })

	api := &http.Server{
		Handler: serving.Closing(&s.draining, s), ReadHeaderTimeout: headerTimeout,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	health := &http.Server{Handler: s.health(), ReadHeaderTimeout: headerTimeout, WriteTimeout: writeTimeout}
	if s.tls != nil {
		api.TLSConfig = s.tls.Shown.Config()
	}
	serving.Serve(api, serving.Bounded(s.requests), failed)
	serving.Serve(health, s.healths, failed)

	var err error
	select {
	case <-ctx.Done():
		s.draining.Store(true)
		s.log.Info("draining")
		serving.Sleep(back, s.lameDuck)
	case err = <-failed:
		s.draining.Store(true)
	}
	limit, cancel := context.WithTimeout(back, drainLimit)
	defer cancel()
	if e := api.Shutdown(limit); e != nil {
		s.log.Warn("requests were cut off", "error", e)
		_ = api.Close()
	}
	stopBack()
	watches.Wait()
	_ = health.Close()
	return err
}

func (s *Server) measureCertificate() {
	if expires, ok := s.tls.Shown.Expires(); ok {
		s.metrics.certificate.Set(float64(expires.Unix()))
	}
}
