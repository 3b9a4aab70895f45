package webhookserver

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"
	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger/postgres"
	"github.com/kassa-dev/kassa/internal/store"
	database "github.com/kassa-dev/kassa/test/postgres"
)

// sqlFixture is a fixture whose receiver keeps its events in a database, with what starts a server for that.
type sqlFixture struct {
	*fixture
	server *database.Server
	url    string
	dsn    *corev1.Secret
}

func newSQLFixture(t *testing.T, s *database.Server, sinks ...v1alpha1.Sink) *sqlFixture {
	t.Helper()
	url := s.Database(t)
	for i := range sinks {
		sinks[i].HTTP.Timeout = &metav1.Duration{Duration: time.Second} // so that the lease may be short
	}
	f := &sqlFixture{server: s, url: url, fixture: newFixture(t, sinks, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Store = &v1alpha1.ReceiverStore{Postgres: &v1alpha1.PostgresStore{
			DSNSecretRef: v1alpha1.SecretKeyReference{Name: "database", Key: "dsn"},
		}}
	})}
	f.dsn = &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "database"},
		Data:       map[string][]byte{"dsn": []byte(url + "\n")},
	}
	f.g.Expect(f.client.Create(t.Context(), f.dsn)).To(Succeed())
	config, err := pgx.ParseConfig(url)
	f.g.Expect(err).NotTo(HaveOccurred())
	f.g.Expect(store.Migrate(t.Context(), config, slog.New(slog.DiscardHandler))).To(Succeed())
	return f
}

func (f *sqlFixture) startSQL() *replica {
	f.t.Helper()
	return f.start(f.inDatabase)
}

// inDatabase has a server keep its events in the database that the Secret names.
func (f *sqlFixture) inDatabase(o *Options) {
	db := &store.DB{Log: o.Log}
	f.t.Cleanup(db.Close)
	l, err := postgres.New(postgres.Options{
		DB: db, Receiver: f.namespace + "/stripe", Replica: o.Identity, ClaimTimeout: 3 * time.Second,
		Retention: func() time.Duration { return time.Hour }, Log: o.Log,
		Lease: func() time.Duration { return 12 * time.Second },
	})
	f.g.Expect(err).NotTo(HaveOccurred())
	o.Ledger, o.Database = l, db.Set
}

// ask is the answer to a query of one value, or why there is none.
func (f *sqlFixture) ask(sql string) func() string {
	return func() string {
		conn, err := pgx.Connect(f.t.Context(), f.url)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = conn.Close(f.t.Context()) }()
		var out string
		if err := conn.QueryRow(f.t.Context(), sql).Scan(&out); err != nil {
			return err.Error()
		}
		return out
	}
}

const states = "SELECT COALESCE(string_agg(state || ' ' || n, ', ' ORDER BY state), '') FROM " +
	"(SELECT state, count(*) n FROM kassa.webhook_events GROUP BY state) s"

// An event is acknowledged once it and its records are in the database; the app gets it, once, and what it did not take
// is delivered when it is back. No object of Kubernetes is written for that.
func TestKeptInDatabase(t *testing.T) {
	app := newApp(t, status(http.StatusServiceUnavailable))
	f := newSQLFixture(t, database.Shared(t), app.sink("app"))
	r := f.startSQL()
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(http.StatusOK))
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(http.StatusOK))
	f.g.Eventually(f.ask("SELECT max(attempts)::text || ' ' || max(last_error) FROM kassa.deliveries"), patience, often).
		Should(ContainSubstring("HTTP 503"))
	f.g.Expect(f.ask(states)()).To(Equal("Deferred 1"))
	f.g.Eventually(func() int32 {
		if p := f.read().Status.Pending; p != nil {
			return p.Count
		}
		return 0
	}, patience, often).Should(BeEquivalentTo(1))

	app.recover()
	f.g.Eventually(f.ask(states), patience, often).Should(Equal("Processed 1"))
	f.g.Eventually(func() v1alpha1.EventTotals { return f.totals() }, patience, often).Should(And(
		HaveField("Received", BeEquivalentTo(2)), HaveField("Duplicate", BeEquivalentTo(1)),
		HaveField("Processed", BeEquivalentTo(1)), HaveField("Deferred", BeEquivalentTo(1))))
	f.g.Expect(f.inbox()).To(BeEmpty())
	before := app.count()
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(http.StatusOK))
	f.g.Expect(r.send(eventBody("evt_2", "invoice.paid")).StatusCode).To(Equal(http.StatusOK))
	f.g.Eventually(app.count, patience, often).Should(Equal(before + 1))
	f.g.Expect(app.ids()[before]).To(HaveSuffix("evt_2"))
}

// The database goes away and comes back while events come to two replicas: what was acknowledged is there, nothing is
// there twice, and the app got every event.
func TestDatabaseRestarts(t *testing.T) {
	s := database.New(t, database.Options{})
	app := newApp(t, nil)
	f := newSQLFixture(t, s, app.sink("app"))
	replicas := []*replica{f.startSQL(), f.startSQL()}
	var acknowledged atomic.Int64
	const events = 300
	done := make(chan struct{})
	for w := range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := w; i < events; i += 8 {
				for try := 0; ; try++ {
					body := eventBody(fmt.Sprintf("evt_%03d", i), "invoice.paid")
					res, err := postTo(replicas[(i+try)%2].url, body)
					if err == nil && res == http.StatusOK {
						acknowledged.Add(1)
						break
					}
				}
			}
		}()
	}
	f.g.Eventually(acknowledged.Load, patience, often).Should(BeNumerically(">", 50))
	s.Kill()
	f.g.Consistently(acknowledged.Load, 300*time.Millisecond, often).Should(BeNumerically("<", events))
	f.g.Expect(s.Run(t.Context())).To(Succeed())
	for range 8 {
		<-done
	}
	f.g.Expect(f.ask("SELECT count(*)::text FROM kassa.webhook_events")()).To(Equal(strconv.Itoa(events)))
	f.g.Eventually(f.ask(states), 2*patience, often).Should(Equal(fmt.Sprintf("Processed %d", events)))
	got := map[string]bool{}
	for _, id := range app.ids() {
		got[id] = true
	}
	f.g.Expect(got).To(HaveLen(events))
}

func postTo(url, body string) (int, error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set(signatureHeader, sign(testSecret, time.Now(), []byte(body)))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// Events for which a replica has hardly any room are delivered once, and those of a subscription in their order.
func TestKeptInOrderWithoutRoom(t *testing.T) {
	app := newApp(t, nil)
	f := newSQLFixture(t, database.Shared(t), app.sink("app"))
	r := f.startSQL()
	r.server.outbox.room = semaphore.NewWeighted(weight(200)) // one or two events
	const events, subscriptions = 90, 3
	for i := range events {
		body := fmt.Sprintf(`{"id":"evt_%03d","type":"invoice.paid","created":%d,"subscription":"sub_%d"}`,
			i, 1769853600+i, i%subscriptions)
		f.g.Expect(r.send(body).StatusCode).To(Equal(http.StatusOK))
	}
	f.g.Eventually(f.ask(states), 2*patience, often).Should(Equal(fmt.Sprintf("Processed %d", events)))
	next := [subscriptions]int{0, 1, 2}
	for _, id := range app.ids() {
		n, err := strconv.Atoi(id[len(id)-3:])
		f.g.Expect(err).NotTo(HaveOccurred())
		f.g.Expect(n).To(Equal(next[n%subscriptions]))
		next[n%subscriptions] += subscriptions
	}
	f.g.Expect(app.count()).To(Equal(events))
}

// A replica that dies with an event in its hands leaves it to another one.
func TestKeptEventOutlivesItsReplica(t *testing.T) {
	hang := make(chan struct{})
	app := newApp(t, func(n int, _ http.ResponseWriter) {
		if n == 1 {
			<-hang
		}
	})
	f := newSQLFixture(t, database.Shared(t), app.sink("app"))
	t.Cleanup(func() { close(hang) })
	dying := f.startSQL()
	f.g.Expect(dying.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(http.StatusOK))
	f.g.Eventually(app.count, patience, often).Should(Equal(1))
	// As if it had been killed: what it says about the attempt counts for nothing.
	f.startSQL()
	over := f.ask("UPDATE kassa.deliveries SET held_until = now() - interval '1 second' RETURNING sink")
	f.g.Expect(over()).To(Equal("app"))
	f.g.Eventually(app.count, patience, often).Should(Equal(2))
	f.g.Eventually(f.ask(states), patience, often).Should(Equal("Processed 1"))
}

// An event that does not say when it happened is kept with its records, which are of when it was received.
func TestKeptWithoutTime(t *testing.T) {
	f := newSQLFixture(t, database.Shared(t))
	r := f.startSQL()
	body := `{"id":"evt_1","type":"invoice.paid","subscription":"sub_1","price":"price_1"}`
	f.g.Expect(r.send(body).StatusCode).To(Equal(http.StatusOK))
	f.g.Expect(f.ask("SELECT (started_at > now() - interval '1 hour')::text FROM kassa.subscriptions")()).To(Equal("true"))
}
