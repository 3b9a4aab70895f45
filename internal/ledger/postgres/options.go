package postgres

import (
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kassa-dev/kassa/internal/store"
)

// Defaults and bounds of Options.
const (
	DefaultClaimTimeout  = 30 * time.Second
	DefaultCommitTimeout = 3 * time.Second
	DefaultMaxBatch      = 512

	// MaxID and MaxType are the longest id and type of an event, in bytes.
	MaxID   = 128
	MaxType = 100
)

// Options of a Ledger. DB, Receiver, Replica and Retention are required.
type Options struct {
	DB *store.DB
	// Receiver is the namespace and name of the WebhookReceiver, with a slash between them.
	Receiver string
	// Replica names this process in claims; the pod's name will do. It need not be unique: every Ledger adds a
	// random suffix of its own.
	Replica string
	// Retention is how long an event is remembered at least. It is asked again at every round of pruning.
	Retention func() time.Duration
	// ClaimTimeout is how long a claim is left to its holder. It must be longer than the time that a request may
	// take. Default 30 s.
	ClaimTimeout time.Duration
	// Lease is how long deliveries are left to who has them in hand. It must be longer than one may take, and is asked at
	// each Keep and Due. Default: the claim timeout.
	Lease func() time.Duration
	// CommitTimeout is how long a call waits for the database at most. Default 3 s.
	CommitTimeout time.Duration
	// MaxBatch is how many calls go into one transaction. Default 512.
	MaxBatch int
	// Log tells of migrations, and of what the database refuses. Default: nothing.
	Log *slog.Logger
	// Registerer takes the metrics. Nil: none are kept.
	Registerer prometheus.Registerer
}

func (o *Options) complete() error {
	switch {
	case o.DB == nil || o.Receiver == "" || o.Replica == "":
		return errors.New("ledger: database, receiver and replica are required")
	case o.Retention == nil:
		return errors.New("ledger: retention is required")
	}
	o.ClaimTimeout = orDefault(o.ClaimTimeout, DefaultClaimTimeout)
	o.CommitTimeout = orDefault(o.CommitTimeout, DefaultCommitTimeout)
	if o.Lease == nil {
		o.Lease = func() time.Duration { return o.ClaimTimeout }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.MaxBatch = orDefault(o.MaxBatch, DefaultMaxBatch)
	return nil
}

func orDefault[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}
