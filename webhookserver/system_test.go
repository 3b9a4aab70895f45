package webhookserver_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/stripe/stripe-go/v76/webhook"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/kube"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/webhookserver"
)

const (
	patience = 30 * time.Second
	often    = 20 * time.Millisecond
)

// cluster is a namespace with a receiver as the operator leaves it, and a configuration with the rights that the
// deployed server has.
type cluster struct {
	namespace string
	admin     client.WithWatch
	server    *rest.Config
	receiver  *v1alpha1.WebhookReceiver
}

func newCluster(tb testing.TB, sink string) *cluster {
	tb.Helper()
	g := NewWithT(tb)
	ctx, cp := tb.Context(), controlplane.Shared(tb)
	c := &cluster{namespace: cp.Namespace(tb)}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme, rbacv1.AddToScheme} {
		g.Expect(add(scheme)).To(Succeed())
	}
	var err error
	c.admin, err = client.NewWithWatch(cp.Config(), client.Options{Scheme: scheme})
	g.Expect(err).NotTo(HaveOccurred())
	c.receiver = &v1alpha1.WebhookReceiver{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "stripe"},
		Spec: v1alpha1.WebhookReceiverSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: "stripe"}, URL: "https://hooks.example.com/stripe",
			Registration: v1alpha1.Registration{Managed: &v1alpha1.ManagedRegistration{}},
			Delivery: &v1alpha1.Delivery{
				Sinks: []v1alpha1.Sink{{Name: "app", HTTP: v1alpha1.HTTPSink{URI: sink}}},
				Retry: &v1alpha1.DeliveryRetry{MinBackoff: &metav1.Duration{Duration: 200 * time.Millisecond}},
			},
		},
	}
	g.Expect(c.admin.Create(ctx, c.receiver)).To(Succeed())
	c.receiver.Status.Provider = &v1alpha1.ReceiverProvider{
		Type: v1alpha1.ProviderStripe, AccountID: "acct_1", Mode: v1alpha1.ModeTest,
	}
	g.Expect(c.admin.Status().Update(ctx, c.receiver)).To(Succeed())
	for _, name := range []string{"stripe-signing", "another"} {
		g.Expect(c.admin.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name},
			Data:       map[string][]byte{"signing-secret": []byte(secret)},
		})).To(Succeed())
	}
	deployed := workload.Receiver{Object: c.receiver, Image: "kassa", SigningSecret: "stripe-signing"}
	// ServiceAccount, Role and RoleBinding come first.
	for _, object := range deployed.Objects()[:3] {
		g.Expect(c.admin.Apply(ctx, object, client.FieldOwner("test"))).To(Succeed())
	}
	k, err := kubernetes.NewForConfig(cp.Config())
	g.Expect(err).NotTo(HaveOccurred())
	token, err := k.CoreV1().ServiceAccounts(c.namespace).CreateToken(ctx, deployed.Name(),
		&authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	c.server = rest.AnonymousClientConfig(cp.Config())
	c.server.BearerToken = token.Status.Token
	return c
}

const secret = "whsec_" + "test_0123456789"

// start runs a receiver with the real ledger and the real Stripe adapter and returns its base URL and how to stop it.
func (c *cluster) start(tb testing.TB, name string) (url string, stop func()) {
	tb.Helper()
	g := NewWithT(tb)
	lc, err := kube.ClientFor(c.server)
	g.Expect(err).NotTo(HaveOccurred())
	events, err := kube.New(kube.Options{
		Client: lc, Namespace: c.namespace, Receiver: "stripe", Replica: name,
		Retention: func() time.Duration { return time.Hour },
	})
	g.Expect(err).NotTo(HaveOccurred())
	return c.startWith(tb, name, events)
}

// startWith is start with another ledger.
func (c *cluster) startWith(tb testing.TB, name string, events ledger.Ledger) (url string, stop func()) {
	tb.Helper()
	g := NewWithT(tb)
	kc, err := webhookserver.NewClient(c.server)
	g.Expect(err).NotTo(HaveOccurred())
	var listeners [2]net.Listener
	for i := range listeners {
		listeners[i], err = net.Listen("tcp", "127.0.0.1:0")
		g.Expect(err).NotTo(HaveOccurred())
	}
	server := webhookserver.New(webhookserver.Options{
		Namespace: c.namespace, Name: "stripe", Identity: name, Client: kc, Ledger: events,
		Registry: provider.NewRegistry(stripe.Adapter{}), Events: listeners[0], Health: listeners[1],
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	tb.Cleanup(stop)
	g.Eventually(func() string {
		res, err := http.Get("http://" + listeners[1].Addr().String() + "/readyz")
		if err != nil {
			return err.Error()
		}
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(res.Body)
		return string(body)
	}, patience, often).Should(Equal("ok\n"))
	return "http://" + listeners[0].Addr().String() + "/stripe", stop
}

func stripeEvent(id string) []byte {
	return fmt.Appendf(nil, `{
  "id": %[1]q,
  "object": "event",
  "api_version": "2023-10-16",
  "created": %[2]d,
  "livemode": false,
  "type": "customer.subscription.deleted",
  "data": {"object": {"id": "sub_%[1]s", "object": "subscription", "status": "canceled", "customer": "cus_1",
    "items": {"data": [{"id": "si_1", "price": {"id": "price_1"}}]}, "metadata": {"user_id": "42"}}}
}`, id, time.Now().Unix())
}

func post(url string, body []byte) (int, error) {
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
		Payload: body, Secret: secret, Timestamp: time.Now(),
	})
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Stripe-Signature", signed.Header)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Body.Close()
}

// app counts the CloudEvents that it took, by id.
type app struct {
	*httptest.Server
	mu    sync.Mutex
	down  bool
	taken map[string]int
}

func newApp(tb testing.TB) *app {
	a := &app{taken: map[string]int{}}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.down {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, after, _ := strings.Cut(string(body), `"id":"`)
		id, _, _ := strings.Cut(after, `"`)
		a.taken[id]++
	}))
	tb.Cleanup(a.Close)
	return a
}

func (a *app) setDown(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

func (a *app) counts() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := map[string]int{}
	for id, n := range a.taken {
		out[id] = n
	}
	return out
}

// With no more rights than the operator gives it: two replicas, the same event at once and again after a restart, a
// sink that is down for a while. Every event is taken once.
func TestReceiverOnARealClusterWithItsOwnRights(t *testing.T) {
	g := NewWithT(t)
	sink := newApp(t)
	c := newCluster(t, sink.URL)
	first, stopFirst := c.start(t, "first")
	second, _ := c.start(t, "second")
	want := map[string]int{}
	send := func(from, to int, urls ...string) {
		var all sync.WaitGroup
		for i := from; i < to; i++ {
			id := fmt.Sprintf("evt_%d", i)
			want["stripe:acct_1:"+id] = 1
			for _, url := range urls {
				all.Go(func() {
					g := NewWithT(t)
					g.Eventually(func() (int, error) { return post(url, stripeEvent(id)) }, patience, often).Should(Equal(200))
				})
			}
		}
		all.Wait()
	}
	send(0, 30, first, second)
	g.Expect(sink.counts()).To(Equal(want))

	sink.setDown(true)
	send(30, 40, first, second)
	g.Expect(sink.counts()).To(HaveLen(30))
	sink.setDown(false)
	g.Eventually(sink.counts, patience, often).Should(Equal(want))
	g.Eventually(func() int {
		var list v1alpha1.WebhookEventList
		g.Expect(c.admin.List(t.Context(), &list, client.InNamespace(c.namespace))).To(Succeed())
		return len(list.Items)
	}, patience, often).Should(BeZero())

	stopFirst()
	third, _ := c.start(t, "third")
	send(0, 40, third, second)
	g.Expect(sink.counts()).To(Equal(want))

	g.Eventually(func() [2]int {
		got := &v1alpha1.WebhookReceiver{}
		g.Expect(c.admin.Get(t.Context(), client.ObjectKeyFromObject(c.receiver), got)).To(Succeed())
		return [2]int{int(got.Status.Events.Processed + got.Status.Events.Deferred), len(got.Status.RecentEvents)}
	}, patience, often).Should(Equal([2]int{40, 32}))

	// The rights go no further than the receiver's own Secret.
	kc, err := webhookserver.NewClient(c.server)
	g.Expect(err).NotTo(HaveOccurred())
	another := client.ObjectKey{Namespace: c.namespace, Name: "another"}
	g.Expect(kc.Get(t.Context(), another, &corev1.Secret{})).NotTo(Succeed())
	g.Expect(kc.List(t.Context(), &corev1.SecretList{}, client.InNamespace(c.namespace))).NotTo(Succeed())
}

// Without an API server nothing is acknowledged, and the receiver recovers by itself.
func TestNothingIsAcknowledgedWhileTheAPIServerIsAway(t *testing.T) {
	g := NewWithT(t)
	cp, sink := controlplane.Shared(t), newApp(t)
	c := newCluster(t, sink.URL)
	url, _ := c.start(t, "only")
	g.Expect(post(url, stripeEvent("evt_before"))).To(Equal(200))
	g.Expect(cp.Pause()).To(Succeed())
	t.Cleanup(func() { _ = cp.Resume() })
	status, err := post(url, stripeEvent("evt_during"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(status).To(Equal(503))
	g.Expect(sink.counts()).To(HaveLen(1))
	g.Expect(cp.Resume()).To(Succeed())
	again := func() (int, error) { return post(url, stripeEvent("evt_during")) }
	g.Eventually(again, 2*patience, often).Should(Equal(200))
	g.Expect(sink.counts()).To(Equal(map[string]int{"stripe:acct_1:evt_before": 1, "stripe:acct_1:evt_during": 1}))
}
