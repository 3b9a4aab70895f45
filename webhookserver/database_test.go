package webhookserver

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/authority"
	database "github.com/kassa-dev/kassa/test/postgres"
)

// told is a log that may be written and read at once.
type told struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *told) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *told) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *told) logger(o *Options) { o.Log = slog.New(slog.NewTextHandler(l, nil)) }

func (r *replica) notReady() string { return get(r.f.t, r.health+"/readyz").body }

// The database's certificate is checked with the authority of the Secret, which may change at any time. What is no
// certificate is told, and the one before stays.
func TestDatabaseAuthority(t *testing.T) {
	first, second := authority.New(t), authority.New(t)
	s := database.New(t, database.Options{NoFsync: true, Certificate: first.Issue(database.Host, 1)})
	f := newSQLFixture(t, s)
	f.dsn.Data = map[string][]byte{"dsn": []byte(database.Over(f.url, "verify-full")), "ca.crt": []byte("no PEM")}
	f.g.Expect(f.client.Update(t.Context(), f.dsn)).To(Succeed())
	f.receiver.Spec.Store.Postgres.CASecretRef = &v1alpha1.SecretKeyReference{Name: "database-ca", Key: "ca.crt"}
	f.g.Expect(f.client.Update(t.Context(), f.receiver)).To(Succeed())
	ca := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "database-ca"},
		Data:       map[string][]byte{"ca.crt": []byte("no PEM")},
	}
	believe := func(pem []byte) {
		ca.Data["ca.crt"] = pem
		f.g.Expect(f.client.Update(t.Context(), ca)).To(Succeed())
	}
	log := &told{}
	r := f.startUnready(log.logger, f.inDatabase)
	f.g.Eventually(r.notReady, patience, often).Should(ContainSubstring("the Secret database-ca does not exist"))
	f.g.Expect(f.client.Create(t.Context(), ca)).To(Succeed())
	f.g.Eventually(r.notReady, patience, often).Should(
		ContainSubstring("the database's authority has no certificates in PEM"))
	believe(second.PEM)
	f.g.Eventually(r.notReady, patience, often).Should(ContainSubstring("of an authority that is not trusted"))
	f.g.Expect(r.send(eventBody("evt_0", "invoice.paid")).StatusCode).To(Equal(http.StatusServiceUnavailable))
	believe(first.PEM)
	f.g.Eventually(r.notReady, patience, often).Should(Equal("ok\n"))
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(http.StatusOK))
	f.g.Expect(f.ask("SELECT string_agg(DISTINCT ssl::text, ' ') FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) " +
		"WHERE application_name = 'kassa'")()).To(Equal("true"))

	believe([]byte("no PEM"))
	f.g.Eventually(log.String, patience, often).Should(ContainSubstring("the database's address is not renewed"))
	hangUp := f.ask("SELECT string_agg(pg_terminate_backend(pid)::text, ' ') FROM pg_stat_activity " +
		"WHERE application_name = 'kassa'")
	f.g.Expect(hangUp()).To(ContainSubstring("true"))
	f.g.Expect(r.send(eventBody("evt_2", "invoice.paid")).StatusCode).To(Equal(http.StatusOK))

	s.Show(t, second.Issue(database.Host, 2))
	believe(second.PEM)
	id := 2
	f.g.Eventually(func() int {
		hangUp()
		id++
		return r.send(eventBody("evt_"+strconv.Itoa(id), "invoice.paid")).StatusCode
	}, patience, often).Should(Equal(http.StatusOK))
	f.g.Expect(log.String()).NotTo(ContainSubstring("BEGIN"))
}

// A database that takes connections and never answers costs a request no more than the ledger's patience, and no event
// that was acknowledged. A server that starts meanwhile says why it is not ready.
func TestSilentDatabase(t *testing.T) {
	s := database.Shared(t)
	app := newApp(t, nil)
	f := newSQLFixture(t, s, app.sink("app"))
	link := s.NewLink(t)
	f.dsn.Data["dsn"] = []byte(link.Through(f.url))
	f.g.Expect(f.client.Update(t.Context(), f.dsn)).To(Succeed())
	r := f.startSQL()
	taken := map[string]bool{}
	offer := func(id string) answer {
		a := r.send(eventBody(id, "invoice.paid"))
		if a.StatusCode == http.StatusOK {
			taken[id] = true
		}
		return a
	}
	f.g.Expect(offer("evt_before").StatusCode).To(Equal(http.StatusOK))

	end := link.Silence()
	for i := range 3 {
		began := time.Now()
		a := offer(fmt.Sprintf("evt_%d", i))
		f.g.Expect(a.StatusCode).To(Equal(http.StatusServiceUnavailable))
		f.g.Expect(a.Header.Get("Retry-After")).NotTo(BeEmpty())
		f.g.Expect(time.Since(began)).To(BeNumerically("<", 8*time.Second))
	}
	late := f.startUnready(f.inDatabase)
	f.g.Eventually(late.notReady, patience, often).Should(ContainSubstring("the database does not answer in time"))
	f.g.Expect(late.send(eventBody("evt_late", "invoice.paid")).StatusCode).To(Equal(http.StatusServiceUnavailable))

	end()
	for i := range 3 {
		f.g.Eventually(func() int { return offer(fmt.Sprintf("evt_%d", i)).StatusCode }, patience, often).
			Should(Equal(http.StatusOK))
	}
	f.g.Eventually(late.notReady, patience, often).Should(Equal("ok\n"))
	f.g.Expect(taken).To(HaveLen(4))
	f.g.Eventually(f.ask(states), 2*patience, often).Should(Equal("Processed 4"))
	got := map[string]bool{}
	for _, id := range app.ids() {
		got[id] = true
	}
	f.g.Expect(got).To(HaveLen(4))
}

// withoutPlans does not list Plans while it is on.
type withoutPlans struct {
	client.WithWatch
	on atomic.Bool
}

func (c *withoutPlans) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if _, plans := list.(*v1alpha1.PlanList); plans && c.on.Load() {
		return context.DeadlineExceeded
	}
	return c.WithWatch.List(ctx, list, opts...)
}

// No row is without its plan because the event came before the Plans were read.
func TestPlansComeBeforeRecords(t *testing.T) {
	f := newSQLFixture(t, database.Shared(t))
	plan := &v1alpha1.Plan{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "pro"},
		Spec: v1alpha1.PlanSpec{
			Providers: []v1alpha1.PlanProvider{{Name: "stripe"}}, DisplayName: "Pro",
			Prices: []v1alpha1.Price{{Name: "monthly", Amount: "29.00", Currency: "USD"}},
		},
	}
	f.g.Expect(f.client.Create(t.Context(), plan)).To(Succeed())
	plan.Status.Providers = []v1alpha1.PlanProviderStatus{{
		Name: "stripe", Ready: metav1.ConditionTrue,
		Prices: []v1alpha1.PlanPriceStatus{{Name: "monthly", ID: "price_1", State: v1alpha1.PriceActive}},
	}}
	f.g.Expect(f.client.Status().Update(t.Context(), plan)).To(Succeed())
	c := &withoutPlans{WithWatch: f.client}
	c.on.Store(true)
	r := f.startUnready(f.inDatabase, func(o *Options) { o.Client = c })
	f.g.Eventually(r.notReady, patience, often).Should(ContainSubstring("the Plans have not been read yet"))
	body := `{"id":"evt_1","type":"customer.subscription.updated","created":1769853600,"subscription":"sub_1",` +
		`"status":"Active","price":"price_1"}`
	a := r.send(body)
	f.g.Expect(a.StatusCode).To(Equal(http.StatusServiceUnavailable))
	f.g.Expect(a.Header.Get("Retry-After")).NotTo(BeEmpty())

	c.on.Store(false)
	f.g.Eventually(r.notReady, patience, often).Should(Equal("ok\n"))
	f.g.Expect(r.send(body).StatusCode).To(Equal(http.StatusOK))
	f.g.Expect(f.ask("SELECT plan || ' ' || price FROM kassa.subscriptions")()).To(Equal("pro monthly"))
}

// Plans that cannot be read are not waited for for ever.
func TestPlansAreWaitedForSoLong(t *testing.T) {
	g, p := NewWithT(t), newPlans("c1", "shop")
	now := time.Unix(1_800_000_000, 0)
	g.Expect(p.unknown(now)).To(BeTrue())
	p.since.Store(now.UnixNano())
	g.Expect(p.unknown(now.Add(plansPatience - 1))).To(BeTrue())
	g.Expect(p.unknown(now.Add(plansPatience))).To(BeFalse())
	p.known.Store(true)
	g.Expect(p.unknown(now)).To(BeFalse())
}
