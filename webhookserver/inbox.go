package webhookserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/notice"
)

// inbox keeps the events that a sink could not take in time as WebhookEvents, and delivers them later.
type inbox struct {
	client   client.WithWatch
	ledger   ledger.Ledger // nil where a ledger.Keeper has all but what dunning left
	config   *config
	plans    *plans
	index    *index
	identity string // of this process, in claims
	attempt  func(ctx context.Context, m *message, to []*sink, path string) []attempt
	recent   *recentEvents
	counters *counters
	log      *slog.Logger
	// packers bounds the compressors, which need most of a megabyte each.
	packers chan *gzip.Writer
	once    sync.Once
	// writers are those that write now, and that wait for it.
	writers atomic.Int64
	writing chan struct{}
}

var errOtherSinks = errors.New("a WebhookEvent of this event exists for other sinks")

const (
	// maxPackers is how many payloads are compressed at once.
	maxPackers = 4
	// maxWriting is how many WebhookEvents are created at once; more would only keep the API server from its other work.
	// maxWriters counts those that wait for it too. A create takes some milliseconds, so the last of them waits for a
	// fraction of a second.
	maxWriting = 16
	maxWriters = 256
	// maxInbox and maxInboxBytes bound the inbox of a receiver, so that a sink that takes nothing for days fills the
	// providers' queues and not etcd.
	maxInbox      = 50_000
	maxInboxBytes = 512 << 20
	// crowd is how many events wait for a sink that, once the inbox is full, is believed to take none: one that answers
	// each with 4xx works, as far as its circuit is concerned.
	crowd = 1000
)

var (
	errManyWriters = errors.New("too many events are on their way into the inbox")
	errInboxFull   = errors.New("the inbox is full")
)

// full says that the inbox has no room for another event.
func (b *inbox) full() bool {
	events, bytes := b.index.volume()
	return events >= maxInbox || bytes >= maxInboxBytes
}

// keptByProvider says that one of the sinks takes no event now, and that there is no room for it here: the provider
// keeps it better. It is asked before the event is claimed.
func (b *inbox) keptByProvider(wanted []*sink) bool {
	now, full := time.Now(), b.full()
	crowded := full || b.writers.Load() >= maxWriters
	return crowded && slices.ContainsFunc(wanted, func(to *sink) bool {
		return to.refuses(now) || full && b.index.waitingFor(to.name) >= crowd
	})
}

// put makes the payload durable for the sinks that still need it. That it is there already is success; the phase is
// that of the object.
func (b *inbox) put(
	ctx context.Context, cfg *settings, e *billing.Event, raw []byte, m *message, left []undelivered,
	receivedAt time.Time,
) (v1alpha1.EventPhase, error) {
	b.once.Do(b.start)
	defer b.writers.Add(-1)
	if b.writers.Add(1) > maxWriters {
		return "", errManyWriters
	}
	if b.full() {
		phase, err := b.there(ctx, cfg, e.ID, sinksOfLeft(left)) // what is there already takes no room
		if apierrors.IsNotFound(err) {
			err = errInboxFull
		}
		return phase, err
	}
	select {
	case b.writing <- struct{}{}:
		defer func() { <-b.writing }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	payload, err := b.pack(raw)
	if err != nil {
		return "", err
	}
	object := &v1alpha1.WebhookEvent{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: cfg.namespace, Name: notice.ObjectName(cfg.name, e.ID),
			Labels: map[string]string{v1alpha1.LabelReceiver: cfg.name},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "WebhookReceiver", Name: cfg.name, UID: cfg.uid,
			}},
		},
		Spec: v1alpha1.WebhookEventSpec{
			Receiver: cfg.name, EventID: e.ID, Type: typeName(e), NativeType: e.NativeType,
			ReceivedAt: metav1.NewTime(receivedAt), OrderKey: m.key, Payload: payload, Sinks: sinksOfLeft(left),
		},
	}
	if !e.Time.IsZero() {
		object.Spec.OccurredAt = microTime(e.Time)
	}
	if slices.Contains(object.Spec.Sinks, v1alpha1.SinkDunning) {
		object.Labels[v1alpha1.LabelDunning] = "true"
	}
	err = b.client.Create(ctx, object)
	if err == nil {
		return b.begin(ctx, cfg, object, left), nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return "", err
	}
	return b.there(ctx, cfg, e.ID, object.Spec.Sinks)
}

// there is the phase of the event's WebhookEvent, if it is there for these sinks.
func (b *inbox) there(ctx context.Context, cfg *settings, eventID string, sinks []string) (v1alpha1.EventPhase, error) {
	var there v1alpha1.WebhookEvent
	key := client.ObjectKey{Namespace: cfg.namespace, Name: notice.ObjectName(cfg.name, eventID)}
	if err := b.client.Get(ctx, key, &there); err != nil {
		return "", err
	}
	if there.Spec.EventID != eventID || there.Status.Phase == v1alpha1.EventDelivered ||
		!covers(there.Spec.Sinks, sinks) {
		return "", errOtherSinks
	}
	return there.Status.Phase, nil
}

// begin takes note of a new object, and writes down what will not be tried again, or not soon. Anything else a later
// attempt will tell. If the write fails, the sink is asked once more.
func (b *inbox) begin(
	ctx context.Context, cfg *settings, object *v1alpha1.WebhookEvent, left []undelivered,
) v1alpha1.EventPhase {
	results := map[string]attempt{}
	for _, l := range left {
		if l.attempt.gone || l.attempt.withheld == classUnready || l.attempt.retryAfter > 0 {
			results[l.sink] = l.attempt
		}
	}
	if len(results) > 0 {
		status := afterAttempts(object, results, cfg.retry, time.Now(), randomPause)
		if after, err := b.patch(ctx, object, status); err == nil {
			object = after
			if object.Status.Phase == v1alpha1.EventDead {
				b.counters.dead.Add(1)
			}
		}
	}
	b.observe(object)
	return object.Status.Phase
}

func sinksOfLeft(left []undelivered) []string {
	out := make([]string, len(left))
	for i, l := range left {
		out[i] = l.sink
	}
	return out
}

func covers(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// find reads the event's WebhookEvent afresh.
func (b *inbox) find(ctx context.Context, cfg *settings, eventID string) (v1alpha1.EventPhase, bool, error) {
	var there v1alpha1.WebhookEvent
	key := client.ObjectKey{Namespace: cfg.namespace, Name: notice.ObjectName(cfg.name, eventID)}
	switch err := b.client.Get(ctx, key, &there); {
	case apierrors.IsNotFound(err):
		return "", false, nil
	case err != nil:
		return "", false, err
	default:
		return there.Status.Phase, there.Spec.EventID == eventID, nil
	}
}

func (b *inbox) start() {
	b.writing = make(chan struct{}, maxWriting)
	b.packers = make(chan *gzip.Writer, maxPackers)
	for range maxPackers {
		b.packers <- gzip.NewWriter(io.Discard)
	}
}

func (b *inbox) pack(raw []byte) ([]byte, error) {
	b.once.Do(b.start)
	w := <-b.packers
	defer func() { b.packers <- w }()
	var out bytes.Buffer
	out.Grow(len(raw)/3 + 64)
	w.Reset(&out)
	if _, err := w.Write(raw); err != nil {
		return nil, fmt.Errorf("compress payload: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress payload: %w", err)
	}
	return out.Bytes(), nil
}
