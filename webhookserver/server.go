package webhookserver

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/serving"
	"github.com/kassa-dev/kassa/internal/store"
	"github.com/kassa-dev/kassa/internal/telemetry"
)

const (
	// DefaultLameDuck is how long a server that was told to stop goes on accepting, so that the Service's
	// endpoints can be updated before it refuses connections.
	DefaultLameDuck = 5 * time.Second
	// drainLimit bounds the time for requests and deliveries under way.
	drainLimit = 12 * time.Second
	// flushLimit bounds the last write of the status, and the ledger's end.
	flushLimit = 5 * time.Second
)

// Options of a Server. All fields are required, except LameDuck, Log and Metrics.
type Options struct {
	Namespace, Name string // of the WebhookReceiver
	// Cluster is the UID of the kube-system namespace, which the marks of this cluster's Plans at the provider have.
	// Without it no marks are believed.
	Cluster string
	// Identity names this process in claims, at most 63 characters. No two processes may share one, even one
	// after the other.
	Identity string
	Client   client.WithWatch // with the kinds of v1alpha1 and the core Secret
	// Ledger is run by the Server. If it is a ledger.Keeper, what is left to deliver is kept there, and not as
	// WebhookEvents, but for what dunning needs.
	Ledger ledger.Ledger
	// Database is told the address that spec.store.postgres leads to, whenever that changes. Only with a Keeper. Its error
	// must not have anything of the address in it.
	Database func(store.Address) error
	Registry provider.Registry
	Events   net.Listener // the provider calls here
	// TLS: Events speaks TLS, with the certificate of spec.tls. Otherwise it speaks plain HTTP, whatever the spec says:
	// the operator starts replicas anew when that changes.
	TLS      bool
	Health   net.Listener  // probes, metrics, schemas, and the operator's recovery of missed events
	LameDuck time.Duration // 0: none
	Log      *slog.Logger
	// Metrics takes the server's metrics and is served at /metrics with whatever else is in it.
	Metrics *prometheus.Registry
	Tracer  *telemetry.Tracer // may be nil
}

// Server takes the events of one WebhookReceiver.
type Server struct {
	namespace, name string
	events, healths net.Listener
	lameDuck        time.Duration
	ledger          ledger.Ledger
	doubts          ledger.Doubts // nil: there are no records
	config          *config
	plans           *plans
	turns           *turns
	inbox           *inbox
	outbox          *outbox
	status          *statusWriter
	counters        counters
	recent          recentEvents
	changes         catalogChanges
	unfinished      unfinished
	metrics         *metrics
	gate            gate
	tls             *serving.FollowedCertificate // nil: plain HTTP
	draining        atomic.Bool
	log             *slog.Logger
	complaints      complaints
	client          client.WithWatch
	tracer          *telemetry.Tracer
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
		namespace: o.Namespace, name: o.Name, events: o.Events, healths: o.Health, lameDuck: o.LameDuck,
		ledger: o.Ledger, client: o.Client, log: o.Log, tracer: o.Tracer, metrics: newMetrics(o.Metrics),
		plans: newPlans(o.Cluster, o.Namespace), turns: newTurns(), complaints: newComplaints(),
		gate: gate{maxRequests: maxInFlight, maxBytes: maxBuffered},
	}
	s.config = &config{
		client: o.Client, registry: o.Registry, namespace: o.Namespace, name: o.Name, log: o.Log,
		secrets: map[string]*followedSecret{}, lines: newLines(), gone: s.metrics.forget,
	}
	index := newIndex(func(sink string, now time.Time) opening {
		cfg, _ := s.config.current()
		return openingOf(cfg, sink, now)
	})
	keeper, _ := o.Ledger.(ledger.Keeper)
	s.doubts, _ = o.Ledger.(ledger.Doubts)
	s.outbox = newOutbox(keeper)
	s.outbox.config, s.outbox.plans, s.outbox.turns, s.outbox.attempt = s.config, s.plans, s.turns, s.attemptOne
	s.outbox.counters, s.outbox.recent, s.outbox.log = &s.counters, &s.recent, o.Log
	s.config.database = o.Database
	s.config.changed = func(sink string) {
		index.hurry(sink, time.Now())
		s.outbox.hurry(sink)
	}
	s.inbox = &inbox{
		client: o.Client, ledger: o.Ledger, config: s.config, plans: s.plans, index: index, identity: o.Identity,
		attempt: s.attemptAll, recent: &s.recent, counters: &s.counters, log: o.Log,
	}
	if keeper != nil {
		s.inbox.ledger = nil
	}
	s.status = &statusWriter{
		client: o.Client, counters: &s.counters, recent: &s.recent, changes: &s.changes, summary: s.summary, log: o.Log,
	}
	s.config.seen = s.status.seen
	if o.TLS {
		s.tls = &serving.FollowedCertificate{
			Client: o.Client, Namespace: o.Namespace, Log: o.Log, Changed: s.measureCertificate,
		}
	}
	return s
}

// Retention is how long the ledger has to remember an event. While that is not known it is the longest that a spec can
// ask for, so that nothing is forgotten too early.
func (s *Server) Retention() time.Duration {
	if cfg, _ := s.config.current(); cfg != nil {
		return cfg.retention
	}
	return maxRetention
}

// Lease is how long a delivery may stay in a process's hands: what is waited for before, the sink, and the telling.
func (s *Server) Lease() time.Duration {
	if cfg, _ := s.config.current(); cfg != nil {
		return cfg.longest() + claimSlack
	}
	return claimSlack
}

// Run serves until ctx ends, then drains: readiness goes first, requests are still accepted for the lame-duck time,
// what is under way is finished, the status is written, and the ledger commits. The error is nil after a drain.
func (s *Server) Run(ctx context.Context) error {
	back, stopBack := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBack()
	failed := make(chan error, 3)
	hardCtx, stopHard := context.WithCancel(back)
	defer stopHard()
	s.outbox.hard = hardCtx

	ledgerCtx, stopLedger := context.WithCancel(logr.NewContext(back, logr.FromSlogHandler(s.log.Handler())))
	ledgerDone := make(chan struct{})
	go func() {
		defer close(ledgerDone)
		if err := s.ledger.Run(ledgerCtx); err != nil && ledgerCtx.Err() == nil {
			failed <- fmt.Errorf("ledger: %w", err)
		}
	}()

	watchCtx, stopWatch := context.WithCancel(back)
	var watches, deliveries sync.WaitGroup
	if s.tls != nil {
		seen := s.config.seen
		s.config.seen = func(r *v1alpha1.WebhookReceiver) {
			seen(r)
			s.tls.Follow(watchCtx, r.Spec.TLS)
		}
	}
	watches.Go(func() { s.config.run(watchCtx) })
	watches.Go(func() { s.plans.run(watchCtx, s.client, s.log) })
	pullCtx, stopPull := context.WithCancel(back)
	deliveries.Go(func() { s.inbox.run(pullCtx, hardCtx, s.namespace, s.name) })
	deliveries.Go(func() { s.outbox.run(pullCtx) })
	s.unfinished.begin(hardCtx)
	statusCtx, stopStatus := context.WithCancel(back)
	watches.Go(func() { s.status.run(statusCtx) })

	intake := &http.Server{
		Handler: serving.Closing(&s.draining, s), ReadHeaderTimeout: headerTimeout,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	health := &http.Server{
		Handler: s.health(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
	}
	if s.tls != nil {
		intake.TLSConfig = s.tls.Shown.Config()
	}
	serving.Serve(intake, serving.Bounded(s.events), failed)
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

	stopPull()
	limit, cancel := context.WithTimeout(back, drainLimit)
	defer cancel()
	if e := intake.Shutdown(limit); e != nil {
		s.log.Warn("requests were cut off", "error", e)
		_ = intake.Close()
	}
	finished := make(chan struct{})
	go func() { deliveries.Wait(); s.outbox.drain(); s.unfinished.drain(hardCtx); close(finished) }()
	select {
	case <-finished:
	case <-limit.Done():
		stopHard()
		<-finished
	}

	stopStatus()
	stopWatch()
	watches.Wait()
	flush, cancelFlush := context.WithTimeout(back, flushLimit)
	defer cancelFlush()
	s.status.flush(flush)
	stopLedger()
	select {
	case <-ledgerDone:
	case <-time.After(flushLimit):
		s.log.Warn("the ledger did not end in time")
	}
	_ = health.Close()
	s.config.lines.close()
	return err
}

func (s *Server) measureCertificate() {
	if expires, ok := s.tls.Shown.Expires(); ok {
		s.metrics.certificate.Set(float64(expires.Unix()))
	}
}

// summary counts the events that wait.
func (s *Server) summary() (pending, dead int, oldest time.Time) {
	pending, dead, oldest = s.inbox.index.summary()
	if s.outbox.keeper == nil {
		return pending, dead, oldest
	}
	n := s.outbox.waiting()
	if oldest.IsZero() || !n.Oldest.IsZero() && n.Oldest.Before(oldest) {
		oldest = n.Oldest
	}
	return pending + n.Pending, dead + n.Dead, oldest
}

// waitingFor counts the events that wait for a sink.
func (s *Server) waitingFor(sink string) int {
	n := s.inbox.index.waitingFor(sink)
	if s.outbox.keeper != nil {
		n += s.outbox.waiting().BySink[sink]
	}
	return n
}

func (s *Server) measureInbox() {
	pending, dead, oldest := s.summary()
	s.metrics.inbox.WithLabelValues("pending").Set(float64(pending))
	s.metrics.inbox.WithLabelValues("dead").Set(float64(dead))
	age := 0.0
	if !oldest.IsZero() {
		age = time.Since(oldest).Seconds()
	}
	s.metrics.inboxOldest.Set(age)
	if cfg, _ := s.config.current(); cfg != nil {
		s.metrics.sales.begin(cfg.accountKind())
	}
	s.measureSinks()
}
