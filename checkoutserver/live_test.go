package checkoutserver

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
	"github.com/kassa-dev/kassa/test/controlplane"
)

const (
	// liveWithin is how soon a change must count.
	liveWithin = 5 * time.Second
	patience   = 20 * time.Second
	often      = 20 * time.Millisecond
)

// deployed is a server that follows an API server.
type deployed struct {
	*shop

	client      client.WithWatch
	namespace   string
	url, health string
	stop        func() error
}

func deploy(t *testing.T) *deployed {
	t.Helper()
	return deployThrough(t, func(c client.WithWatch) client.WithWatch { return c })
}

// deployThrough has a server that reads through what through makes of its client.
func deployThrough(t *testing.T, through func(client.WithWatch) client.WithWatch) *deployed {
	t.Helper()
	cp := controlplane.Shared(t)
	c, err := NewClient(cp.Config())
	d := &deployed{shop: newShop(t), client: c, namespace: cp.Namespace(t)}
	d.g.Expect(err).NotTo(HaveOccurred())
	requests, health := listen(t), listen(t)
	d.server = New(Options{
		Namespace: d.namespace, Name: "shop", Client: through(c), Registry: d.registry(), Clients: plainClients{},
		Requests: requests, Health: health, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	d.url, d.health = "http://"+requests.Addr().String(), "http://"+health.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.server.Run(ctx) }()
	d.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = d.stop() })
	return d
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (d *deployed) create(o client.Object) {
	d.t.Helper()
	o.SetNamespace(d.namespace)
	d.g.Expect(d.client.Create(d.t.Context(), o)).To(Succeed())
}

func (d *deployed) secret(name string, data map[string]string) *corev1.Secret {
	d.t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: data}
	d.create(s)
	return s
}

func (d *deployed) storefront(of *v1alpha1.CheckoutEndpoint, doc *storefront.Document) *corev1.Secret {
	d.t.Helper()
	text, err := doc.Encode()
	d.g.Expect(err).NotTo(HaveOccurred())
	return &corev1.Secret{
		Type: storefront.SecretType,
		ObjectMeta: metav1.ObjectMeta{
			Name: storefront.SecretName("shop"), Namespace: d.namespace, OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(of, v1alpha1.GroupVersion.WithKind("CheckoutEndpoint")),
			},
		},
		Data: map[string][]byte{storefront.DocumentKey: []byte(text)},
	}
}

// ask sends a purchase with a token and returns the answer's status.
func (d *deployed) ask(token string) int {
	d.t.Helper()
	r, err := http.NewRequest(http.MethodPost, d.url+"/v1/checkouts", strings.NewReader(buyMonthly))
	d.g.Expect(err).NotTo(HaveOccurred())
	r.Header = http.Header{
		"Content-Type": {"application/json"}, "Authorization": {"Bearer " + token}, "Kassa-User-Id": {"u1"},
	}
	return d.do(r)
}

func (d *deployed) ready() int {
	d.t.Helper()
	r, err := http.NewRequest(http.MethodGet, d.health+"/readyz", http.NoBody)
	d.g.Expect(err).NotTo(HaveOccurred())
	return d.do(r)
}

func (d *deployed) do(r *http.Request) int {
	d.t.Helper()
	res, err := http.DefaultClient.Do(r)
	d.g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func TestLiveConfiguration(t *testing.T) {
	d := deploy(t)
	d.g.Expect(d.ready()).To(Equal(503))
	d.g.Expect(d.ask(testToken)).To(Equal(503))

	doc := testDocument(d.namespace)
	doc.Providers[0].Weight, doc.Providers[1].Weight = 1, 0
	endpoint := testEndpoint()
	endpoint.UID = ""
	d.create(endpoint)
	config := d.storefront(endpoint, doc)
	d.create(config)
	stripe := d.secret("stripe-key", map[string]string{"apiKey": "key-stripe"})
	app := d.secret("app", map[string]string{"token": testToken})
	d.g.Eventually(d.ready, patience, often).Should(Equal(200), "Paddle's Secret is not there, and Stripe's is enough")
	d.g.Expect(d.ask(testToken)).To(Equal(201))

	t.Log("a token of the app is replaced")
	app.StringData = map[string]string{"token": "another-token"}
	d.g.Expect(d.client.Update(t.Context(), app)).To(Succeed())
	d.g.Eventually(func() int { return d.ask("another-token") }, liveWithin, often).Should(Equal(201))
	d.g.Expect(d.ask(testToken)).To(Equal(401))

	t.Log("a provider's key is replaced")
	stripe.StringData = map[string]string{"apiKey": "key-stripe/2"}
	d.g.Expect(d.client.Update(t.Context(), stripe)).To(Succeed())
	d.g.Eventually(func() string {
		d.stripe.mu.Lock()
		defer d.stripe.mu.Unlock()
		return d.stripe.keys[len(d.stripe.keys)-1]
	}, liveWithin, often).Should(Equal("key-stripe/2"))
	d.g.Expect(d.ask("another-token")).To(Equal(201))

	t.Log("the users move to another provider")
	d.secret("paddle-key", map[string]string{"apiKey": "key-paddle", "clientToken": "test_1"})
	doc.Providers[0].Weight, doc.Providers[1].Weight = 0, 1
	config.Data = d.storefront(endpoint, doc).Data
	d.g.Expect(d.client.Update(t.Context(), config)).To(Succeed())
	d.g.Eventually(func() int { d.ask("another-token"); return len(d.paddle.checkouts()) }, liveWithin, often).
		Should(BeNumerically(">", 0))

	t.Log("a storefront that is gone, or cannot be read, is no reason to sell nothing")
	config.Data = map[string][]byte{storefront.DocumentKey: []byte("{")}
	d.g.Expect(d.client.Update(t.Context(), config)).To(Succeed())
	d.g.Expect(d.client.Delete(t.Context(), config)).To(Succeed())
	d.g.Consistently(func() int { return d.ask("another-token") }, time.Second, often).Should(Equal(201))

	t.Log("the endpoint is gone")
	d.g.Expect(d.client.Delete(t.Context(), endpoint)).To(Succeed())
	d.g.Eventually(d.ready, liveWithin, often).Should(Equal(503))
	d.g.Expect(d.ask("another-token")).To(Equal(503))
	d.g.Expect(d.stop()).To(Succeed())
}

// A Secret of the right name is not enough: what is in it decides what is sold, and where keys are sent.
func TestOnlyTheEndpointsOwnStorefrontCounts(t *testing.T) {
	d := deploy(t)
	endpoint, doc := testEndpoint(), testDocument(d.namespace)
	endpoint.UID = ""
	d.create(endpoint)
	d.secret("stripe-key", map[string]string{"apiKey": "key-stripe"})
	d.secret("paddle-key", map[string]string{"apiKey": "key-paddle", "clientToken": "test_1"})
	d.secret("app", map[string]string{"token": testToken})
	own := d.storefront(endpoint, doc)
	owners := own.OwnerReferences
	own.OwnerReferences = nil
	d.create(own)
	why := func() string { _, why := d.server.config.current(); return why }
	is := func(want string) {
		t.Helper()
		d.g.Eventually(why, patience, often).Should(ContainSubstring(want))
		d.g.Expect(d.ready()).To(Equal(503))
		d.g.Expect(d.ask(testToken)).To(Equal(503))
	}
	const foreign, another = "not the CheckoutEndpoint's own", "was written for another CheckoutEndpoint of this name"
	is(foreign)
	for name, c := range map[string]struct {
		change func(*metav1.OwnerReference)
		want   string
	}{
		"an owner that does not control it": {func(o *metav1.OwnerReference) { o.Controller = nil }, foreign},
		"another kind":                      {func(o *metav1.OwnerReference) { o.Kind = "Plan" }, foreign},
		"another group":                     {func(o *metav1.OwnerReference) { o.APIVersion = "example.com/v1" }, foreign},
		"another name":                      {func(o *metav1.OwnerReference) { o.Name = "other" }, foreign},
		"another object of this name":       {func(o *metav1.OwnerReference) { o.UID = "another" }, another},
	} {
		t.Log(name)
		own.OwnerReferences = []metav1.OwnerReference{*owners[0].DeepCopy()}
		c.change(&own.OwnerReferences[0])
		d.g.Expect(d.client.Update(t.Context(), own)).To(Succeed())
		d.g.Consistently(d.ready, 200*time.Millisecond, often).Should(Equal(503))
		if c.want == another {
			is(another)
		}
	}
	own.OwnerReferences = owners
	d.g.Expect(d.client.Update(t.Context(), own)).To(Succeed())
	d.g.Eventually(d.ready, liveWithin, often).Should(Equal(200))

	t.Log("a foreign one takes the place of the own: what is known stays")
	own.OwnerReferences, own.Data = nil, map[string][]byte{storefront.DocumentKey: []byte("{}")}
	d.g.Expect(d.client.Update(t.Context(), own)).To(Succeed())
	d.g.Consistently(func() int { return d.ask(testToken) }, 500*time.Millisecond, often).Should(Equal(201))

	t.Log("the endpoint is made anew")
	d.g.Expect(d.client.Delete(t.Context(), endpoint)).To(Succeed())
	d.g.Eventually(d.ready, liveWithin, often).Should(Equal(503))
	endpoint = testEndpoint()
	endpoint.UID = ""
	d.create(endpoint)
	is(another)
	own.OwnerReferences, own.Data = d.storefront(endpoint, doc).OwnerReferences, d.storefront(endpoint, doc).Data
	d.g.Expect(d.client.Update(t.Context(), own)).To(Succeed())
	d.g.Eventually(d.ready, liveWithin, often).Should(Equal(200))
}

// What is under way when a server is told to stop is finished.
func TestDrain(t *testing.T) {
	d := deploy(t)
	doc := testDocument(d.namespace)
	doc.Providers = doc.Providers[:1]
	endpoint := testEndpoint()
	endpoint.UID = ""
	d.create(endpoint)
	d.create(d.storefront(endpoint, doc))
	d.secret("stripe-key", map[string]string{"apiKey": "key-stripe"})
	d.secret("app", map[string]string{"token": testToken})
	d.stripe.hold = make(chan struct{})
	d.g.Eventually(d.ready, patience, often).Should(Equal(200))
	status := make(chan int, 1)
	go func() { status <- d.ask(testToken) }()
	d.g.Eventually(d.server.inFlight.Load, patience, often).Should(Equal(int64(1)))
	stopped := make(chan error, 1)
	go func() { stopped <- d.stop() }()
	d.g.Eventually(d.server.draining.Load, patience, often).Should(BeTrue())
	d.g.Consistently(stopped, 100*time.Millisecond).ShouldNot(Receive())
	close(d.stripe.hold)
	d.g.Eventually(status, patience).Should(Receive(Equal(201)))
	d.g.Eventually(stopped, patience).Should(Receive(BeNil()))
}

// A key that was replaced makes a new connection, and nothing else does.
func TestConnectionsAreKept(t *testing.T) {
	s := newShop(t)
	s.resolve()
	s.resolve()
	s.g.Expect(s.stripe.keys).To(HaveLen(1))
	for name, secret := range s.server.config.secrets {
		if name.Name == "stripe-key" {
			secret.data = map[string][]byte{"apiKey": []byte("key-stripe/2")}
		}
	}
	s.resolve()
	s.g.Expect(s.stripe.keys).To(Equal([]string{"key-stripe", "key-stripe/2"}))
	s.g.Expect(s.paddle.keys).To(HaveLen(1))
	s.server.config.doc.Providers = s.server.config.doc.Providers[1:]
	s.resolve()
	s.g.Expect(s.server.config.connections.open).To(HaveLen(1))
	s.g.Expect(s.log.String()).NotTo(ContainSubstring("key-stripe/"))
}

func TestProviderWithoutClientTokenSellsNothing(t *testing.T) {
	s := newShop(t, func(_ *v1alpha1.CheckoutEndpoint, doc *storefront.Document) { doc.Providers[1].ClientToken = nil })
	for _, at := range s.settings().sites {
		if at.Type == billing.Paddle {
			s.g.Expect(at.closed).To(ContainSubstring("client token"))
			s.g.Expect(at.down).To(BeEmpty(), "its subscriptions can be managed")
		}
	}
}
