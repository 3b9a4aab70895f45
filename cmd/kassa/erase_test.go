package main

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/store"
	"github.com/kassa-dev/kassa/test/authority"
	"github.com/kassa-dev/kassa/test/postgres"
)

func TestMain(m *testing.M) { postgres.Main(m, postgres.Options{NoFsync: true}) }

// objects are a cluster with nothing else in it.
type objects struct {
	receiver v1alpha1.WebhookReceiver
	secret   corev1.Secret
}

func (o objects) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	switch into := into.(type) {
	case *v1alpha1.WebhookReceiver:
		*into = o.receiver
	case *corev1.Secret:
		*into = o.secret
	}
	return nil
}

func (objects) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func TestErase(t *testing.T) {
	g := NewWithT(t)
	url := postgres.Shared(t).Database(t)
	config, err := pgx.ParseConfig(url)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(store.Migrate(t.Context(), config, slog.New(slog.DiscardHandler))).To(Succeed())
	conn, err := pgx.ConnectConfig(t.Context(), config)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	b := &pgx.Batch{}
	store.Queue(b, records.Rows{Customers: map[records.CustomerKey]records.Customer{
		{Account: records.Account{Provider: billing.Stripe, ID: "acct_1"}, Customer: "cus_1"}: {
			Email: "jane@example.com", FirstSeen: time.Now(),
		},
	}})
	g.Expect(conn.SendBatch(t.Context(), b).Close()).To(Succeed())

	cluster := objects{
		receiver: v1alpha1.WebhookReceiver{Spec: v1alpha1.WebhookReceiverSpec{Store: &v1alpha1.ReceiverStore{
			Postgres: &v1alpha1.PostgresStore{DSNSecretRef: v1alpha1.SecretKeyReference{Name: "db", Key: "dsn"}},
		}}},
		secret: corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db"}, Data: map[string][]byte{"dsn": []byte(url + "\n")}},
	}
	o := eraseOptions{
		ofReceiver: ofReceiver{"shop", "stripe"}, person: store.Person{Email: "jane@example.com"}, dryRun: true,
	}
	var out bytes.Buffer
	g.Expect(runErase(t.Context(), cluster, o, &out)).To(Succeed())
	o.dryRun = false
	g.Expect(runErase(t.Context(), cluster, o, &out)).To(Succeed())
	g.Expect(runErase(t.Context(), cluster, o, &out)).To(Succeed())
	g.Expect(out.String()).To(Equal(`would erase: 1 customers, 0 subscriptions, 0 deliveries, 0 payloads
erased: 1 customers, 0 subscriptions, 0 deliveries, 0 payloads
erased: 0 customers, 0 subscriptions, 0 deliveries, 0 payloads
`))

	o.person.Email = ""
	g.Expect(runErase(t.Context(), cluster, o, &out)).To(MatchError("the customer, user or email is empty"))
	o.person.Email = "jane@example.com"
	cluster.secret.Data["dsn"] = []byte("postgres://kassa:hunter2@nowhere:port/db")
	err = runErase(t.Context(), cluster, o, &out)
	g.Expect(err).To(MatchError(And(ContainSubstring("not one of PostgreSQL"), Not(ContainSubstring("hunter2")))))
	cluster.secret.Data = nil
	g.Expect(runErase(t.Context(), cluster, o, &out)).
		To(MatchError("the Secret db has no connection string under dsn"))
	cluster.receiver.Spec.Store = nil
	g.Expect(runErase(t.Context(), cluster, o, &out)).To(MatchError(ContainSubstring("spec.store is not set")))
}

// The command believes the authority that the receiver does, and says nothing of what it is told instead.
func TestEraseOverTLS(t *testing.T) {
	g := NewWithT(t)
	right, wrong := authority.New(t), authority.New(t)
	url := postgres.New(t, postgres.Options{NoFsync: true, Certificate: right.Issue(postgres.Host, 1)}).Database(t)
	config, err := pgx.ParseConfig(url)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(store.Migrate(t.Context(), config, slog.New(slog.DiscardHandler))).To(Succeed())
	cluster := objects{
		receiver: v1alpha1.WebhookReceiver{Spec: v1alpha1.WebhookReceiverSpec{Store: &v1alpha1.ReceiverStore{
			Postgres: &v1alpha1.PostgresStore{
				DSNSecretRef: v1alpha1.SecretKeyReference{Name: "db", Key: "dsn"},
				CASecretRef:  &v1alpha1.SecretKeyReference{Name: "db", Key: "ca.crt"},
			},
		}}},
		secret: corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db"}, Data: map[string][]byte{
			"dsn": []byte(postgres.Over(url, "verify-full")), "ca.crt": right.PEM,
		}},
	}
	o := eraseOptions{ofReceiver: ofReceiver{"shop", "stripe"}, person: store.Person{Email: "jane@example.com"}}
	var out bytes.Buffer
	g.Expect(runErase(t.Context(), cluster, o, &out)).To(Succeed())
	cluster.secret.Data["ca.crt"] = wrong.PEM
	g.Expect(runErase(t.Context(), cluster, o, &out)).To(MatchError(
		HavePrefix("connecting to the database: the database's certificate is of an authority that is not trusted")))
	cluster.secret.Data["ca.crt"] = right.PEM
	cluster.secret.Data["dsn"] = []byte(strings.Replace(postgres.Over(url, "verify-full"), "/test_", "/hidden_", 1))
	g.Expect(runErase(t.Context(), cluster, o, &out)).To(
		MatchError("connecting to the database: PostgreSQL says SQLSTATE 3D000"))
}
