package webhookserver

import (
	"context"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/notice"
	"github.com/kassa-dev/kassa/internal/reception"
)

// classDunning: the operator does it.
const classDunning = "dunning"

// forDunning is what is left of an event for the operator: an entry of a WebhookEvent that no receiver attempts.
func forDunning() undelivered {
	return undelivered{v1alpha1.SinkDunning, withheld(classDunning, "the operator looks at it")}
}

// dunned says that the operator has to look at an event: a payment of a subscription failed.
func (s *settings) dunned(e *billing.Event) bool {
	return s.dunning && reception.Owed(e)
}

// leaveForDunning makes an event durable for the operator where the rest of it goes to a database. It comes before the
// database's commit: once the event is known there, a repetition would not come this far.
func (s *Server) leaveForDunning(
	ctx context.Context, cfg *settings, e *billing.Event, raw []byte, m *message, received time.Time,
) error {
	if !cfg.dunned(e) {
		return nil
	}
	_, err := s.inbox.put(ctx, cfg, e, raw, m, []undelivered{forDunning()}, received)
	return err
}

// parse reads what waits: an event as its provider sent it, or one of Kassa's own.
func (s *settings) parse(payload []byte) (billing.Event, error) {
	if notice.Is(payload) {
		return notice.Decode(payload)
	}
	return s.codec.Parse(payload)
}

// dunningAlone says that no sink of the receiver's waits for the event, which is the operator's, too.
func dunningAlone(e *v1alpha1.WebhookEvent) bool {
	return slices.Contains(e.Spec.Sinks, v1alpha1.SinkDunning) && len(toDeliver(e)) == 0
}

// atOperator says that the operator still has to look at the event.
func atOperator(e *v1alpha1.WebhookEvent) bool {
	return deliveryOf(e.Status.Sinks, v1alpha1.SinkDunning).Phase == v1alpha1.EventPending
}
