package main

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/store"
	"github.com/kassa-dev/kassa/test/postgres"
)

// Of the events that are named, or of all, what was given up of this receiver is delivered again, and nothing else.
func TestReplay(t *testing.T) {
	g := NewWithT(t)
	url := postgres.Shared(t).Database(t)
	config, err := pgx.ParseConfig(url)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(store.Migrate(t.Context(), config, slog.New(slog.DiscardHandler))).To(Succeed())
	conn, err := pgx.ConnectConfig(t.Context(), config)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	for _, e := range []struct {
		receiver, id string
		dead         bool
	}{
		{"shop/stripe", "evt_1", true}, {"shop/stripe", "evt_2", true}, {"shop/stripe", "evt_3", true},
		{"shop/stripe", "evt_4", false}, {"shop/other", "evt_1", true},
	} {
		_, err := conn.Exec(t.Context(), `
			WITH event AS (
				INSERT INTO kassa.webhook_events
					(receiver, event_id, state, provider, account, native_type, received_at, claimed_by, claim_number,
					claimed_at)
				VALUES ($1, $2, CASE WHEN $3 THEN 'Dead' ELSE 'Deferred' END, 'Stripe', 'acct_1', 'invoice.paid', now(),
					'', 0, now())
			)
			INSERT INTO kassa.deliveries (receiver, event_id, sink, occurred_at, next_attempt_at, dead)
			VALUES ($1, $2, 'app', now(), now(), $3)`,
			e.receiver, e.id, e.dead)
		g.Expect(err).NotTo(HaveOccurred())
	}
	cluster := objects{
		receiver: v1alpha1.WebhookReceiver{Spec: v1alpha1.WebhookReceiverSpec{Store: &v1alpha1.ReceiverStore{
			Postgres: &v1alpha1.PostgresStore{DSNSecretRef: v1alpha1.SecretKeyReference{Name: "db", Key: "dsn"}},
		}}},
		secret: corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db"}, Data: map[string][]byte{"dsn": []byte(url)}},
	}
	of := ofReceiver{"shop", "stripe"}
	for _, c := range []struct {
		events []string
		dry    bool
		says   string
		dead   int
	}{
		{[]string{"evt_1", "evt_4", "evt_9"}, true, "would replay: 1 deliveries\n", 4},
		{[]string{"evt_1", "evt_4", "evt_9"}, false, "replayed: 1 deliveries\n", 3},
		{[]string{"evt_1"}, false, "replayed: 0 deliveries\n", 3},
		{nil, true, "would replay: 2 deliveries\n", 3},
		{nil, false, "replayed: 2 deliveries\n", 1},
	} {
		var out bytes.Buffer
		o := replayOptions{ofReceiver: of, all: c.events == nil, dryRun: c.dry}
		g.Expect(runReplay(t.Context(), cluster, o, c.events, &out)).To(Succeed())
		g.Expect(out.String()).To(Equal(c.says))
		dead := 0
		g.Expect(conn.QueryRow(t.Context(), "SELECT COUNT(*) FROM kassa.deliveries WHERE dead").Scan(&dead)).To(Succeed())
		g.Expect(dead).To(Equal(c.dead))
	}
	for _, o := range []replayOptions{{ofReceiver: of}, {ofReceiver: of, dryRun: true}} {
		g.Expect(runReplay(t.Context(), cluster, o, nil, nil)).To(MatchError(HavePrefix("name events, or give --all")))
	}
	all := replayOptions{ofReceiver: of, all: true}
	g.Expect(runReplay(t.Context(), cluster, all, []string{"evt_2"}, nil)).To(MatchError(HavePrefix("name events, or")))
	g.Expect(runReplay(t.Context(), cluster, replayOptions{all: true}, nil, nil)).
		To(MatchError("--namespace and --name are required"))
	cluster.receiver.Spec.Store = nil
	g.Expect(runReplay(t.Context(), cluster, all, nil, nil)).To(MatchError(ContainSubstring("spec.store is not set")))
}
