package kube

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

// Defaults and bounds of Options.
const (
	DefaultClaimTimeout  = 30 * time.Second
	DefaultCommitTimeout = 3 * time.Second
	DefaultBatchWindow   = 25 * time.Millisecond
	DefaultMaxEntries    = 256

	// MaxMaxEntries keeps a segment below 1 MiB even if every character of every entry needs an escape in JSON;
	// etcd takes 1.5 MiB.
	MaxMaxEntries = 512
	// MaxID and MaxType are the longest id and type of an event, in bytes.
	MaxID   = 128
	MaxType = 100
)

// Options of a Ledger. Client, Namespace, Receiver, Replica and Retention are required.
type Options struct {
	// Client talks to the API group billing.kassa.dev/v1alpha1; ClientFor makes one. It needs get, list, watch,
	// create, update and delete on eventledgers in Namespace.
	Client rest.Interface
	// Namespace and Receiver name the WebhookReceiver that the ledger belongs to.
	Namespace, Receiver string
	// Owner is put on every object, so that the ledger goes with its receiver. The zero value leaves it out.
	Owner metav1.OwnerReference
	// Replica names this process in claims; the pod's name will do. It need not be unique: every Ledger adds a
	// random suffix of its own.
	Replica string
	// Retention is how long an event is remembered at least. It is asked again at every round of pruning.
	Retention func() time.Duration
	// ClaimTimeout is how long a claim is left to its holder, from the moment a replica first saw it. It must be
	// longer than the time that a request may take. Default 30 s.
	ClaimTimeout time.Duration
	// CommitTimeout is how long Claim and Settle wait for the API server at most. Default 3 s.
	CommitTimeout time.Duration
	// MaxEntries of a segment, 1 to 512. Default 256.
	MaxEntries int
	// BatchWindow is the least time between two appends of all replicas together, about. Default 25 ms, with which
	// appends and the settles that follow them are no more than 100 writes a second.
	BatchWindow time.Duration
	// Clock is for tests. Default: the real one.
	Clock clock.WithTicker
	// Registerer takes the metrics. Nil: none are kept.
	Registerer prometheus.Registerer
}

func (o *Options) complete() error {
	switch {
	case o.Namespace == "" || o.Receiver == "" || o.Replica == "":
		return errors.New("ledger: namespace, receiver and replica are required")
	case o.Retention == nil:
		return errors.New("ledger: retention is required")
	case o.MaxEntries < 0 || o.MaxEntries > MaxMaxEntries:
		return fmt.Errorf("ledger: a segment has 1 to %d entries, not %d", MaxMaxEntries, o.MaxEntries)
	}
	o.ClaimTimeout = orDefault(o.ClaimTimeout, DefaultClaimTimeout)
	o.CommitTimeout = orDefault(o.CommitTimeout, DefaultCommitTimeout)
	o.BatchWindow = orDefault(o.BatchWindow, DefaultBatchWindow)
	o.MaxEntries = orDefault(o.MaxEntries, DefaultMaxEntries)
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return nil
}

func orDefault[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}
