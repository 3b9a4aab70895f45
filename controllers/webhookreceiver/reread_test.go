package webhookreceiver

import (
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/recovery"
)

// A receiver is asked for doubts while it keeps records and can answer, whether events are recovered or not.
func TestKeepsRecords(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*v1alpha1.WebhookReceiver)
		want   bool
	}{
		"all is well": {func(*v1alpha1.WebhookReceiver) {}, true},
		"no recovery": {func(r *v1alpha1.WebhookReceiver) {
			r.Spec.Recovery = &v1alpha1.Recovery{Mode: v1alpha1.RecoveryDisabled}
		}, true},
		"no database":    {func(r *v1alpha1.WebhookReceiver) { r.Spec.Store = nil }, false},
		"another store":  {func(r *v1alpha1.WebhookReceiver) { r.Spec.Store.Postgres = nil }, false},
		"suspended":      {func(r *v1alpha1.WebhookReceiver) { r.Spec.Suspend = true }, false},
		"no account yet": {func(r *v1alpha1.WebhookReceiver) { r.Status.Provider = nil }, false},
		"nobody answers": {func(r *v1alpha1.WebhookReceiver) { r.Status.ReadyReplicas = 0 }, false},
		"being deleted":  {func(r *v1alpha1.WebhookReceiver) { r.DeletionTimestamp = at(noon) }, false},
	} {
		receiver := receiverOf(time.Hour)
		receiver.Spec.Store = &v1alpha1.ReceiverStore{Postgres: &v1alpha1.PostgresStore{}}
		receiver.Status.Provider, receiver.Status.ReadyReplicas = &v1alpha1.ReceiverProvider{}, 1
		c.change(receiver)
		NewWithT(t).Expect(keepsRecords(receiver)).To(Equal(c.want), name)
	}
}

func TestRereadMetrics(t *testing.T) {
	g := NewWithT(t)
	m, err := NewRereadMetrics(prometheus.NewRegistry())
	g.Expect(err).NotTo(HaveOccurred())
	m.note("Stripe", recovery.Reads{Read: 3, Gone: 2, Failed: 1}, errors.New("too many requests"))
	m.note("Stripe", recovery.Reads{}, nil)
	for outcome, want := range map[string]float64{"read": 3, "gone": 2, "failed": 1} {
		g.Expect(testutil.ToFloat64(m.subscriptions.WithLabelValues("Stripe", outcome))).To(Equal(want))
	}
	for _, outcome := range []string{"ok", "failed"} {
		g.Expect(testutil.ToFloat64(m.looks.WithLabelValues("Stripe", outcome))).To(BeEquivalentTo(1))
	}
}
