package webhookserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// inbox keeps the events that a sink could not take in time as WebhookEvents, and delivers them later.
type inbox struct {
	client   client.WithWatch
	ledger   ledger.Ledger
	config   *config
	plans    *plans
	index    *index
	identity string // of this process, in claims
	attempt  func(ctx context.Context, message []byte, to []sink, path string) []attempt
	recent   *recentEvents
	counters *counters
	log      *slog.Logger
	// packers bounds the compressors, which need most of a megabyte each.
	packers chan *gzip.Writer
	once    sync.Once
}

var errOtherSinks = errors.New("a WebhookEvent of this event exists for other sinks")

// maxPackers is how many payloads are compressed at once.
const maxPackers = 4

// inboxName is the name of an event's WebhookEvent, so that whoever takes the event over finds it.
func inboxName(receiver, eventID string) string {
	sum := sha256.Sum256([]byte(eventID))
	return receiver + "-" + hex.EncodeToString(sum[:16])
}

// put makes the payload durable for the sinks that still need it. That it is there already is success; the phase is
// that of the object.
func (b *inbox) put(
	ctx context.Context, cfg *settings, e billing.Event, raw []byte, sinks []string, receivedAt time.Time,
) (v1alpha1.EventPhase, error) {
	payload, err := b.pack(raw)
	if err != nil {
		return "", err
	}
	if receivedAt.IsZero() {
		receivedAt = time.Now()
	}
	object := &v1alpha1.WebhookEvent{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: cfg.namespace, Name: inboxName(cfg.name, e.ID),
			Labels: map[string]string{v1alpha1.LabelReceiver: cfg.name},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "WebhookReceiver", Name: cfg.name, UID: cfg.uid,
			}},
		},
		Spec: v1alpha1.WebhookEventSpec{
			Receiver: cfg.name, EventID: e.ID, Type: typeName(e), NativeType: e.NativeType,
			ReceivedAt: metav1.NewTime(receivedAt), Payload: payload, Sinks: sinks,
		},
	}
	err = b.client.Create(ctx, object)
	if !apierrors.IsAlreadyExists(err) {
		return v1alpha1.EventPending, err
	}
	var there v1alpha1.WebhookEvent
	if err := b.client.Get(ctx, client.ObjectKeyFromObject(object), &there); err != nil {
		return "", err
	}
	if there.Spec.EventID != e.ID || there.Status.Phase == v1alpha1.EventDelivered || !covers(there.Spec.Sinks, sinks) {
		return "", errOtherSinks
	}
	return there.Status.Phase, nil
}

func covers(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// find reads the event's WebhookEvent afresh.
func (b *inbox) find(ctx context.Context, cfg *settings, eventID string) (v1alpha1.EventPhase, bool, error) {
	var there v1alpha1.WebhookEvent
	key := client.ObjectKey{Namespace: cfg.namespace, Name: inboxName(cfg.name, eventID)}
	switch err := b.client.Get(ctx, key, &there); {
	case apierrors.IsNotFound(err):
		return "", false, nil
	case err != nil:
		return "", false, err
	default:
		return there.Status.Phase, there.Spec.EventID == eventID, nil
	}
}

func (b *inbox) pack(raw []byte) ([]byte, error) {
	b.once.Do(func() {
		b.packers = make(chan *gzip.Writer, maxPackers)
		for range maxPackers {
			b.packers <- gzip.NewWriter(io.Discard)
		}
	})
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

// unpack never gives more than a request's body may have.
func unpack(payload []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	if len(raw) > maxBody {
		return nil, fmt.Errorf("read payload: %w", errTooLarge)
	}
	return raw, nil
}
