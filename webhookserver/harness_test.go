package webhookserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crlog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/postgres"
)

func TestMain(m *testing.M) {
	crlog.SetLogger(logr.Discard())
	code := controlplane.Run(m, controlplane.Options{NoFsync: true})
	postgres.Close()
	os.Exit(code)
}

const (
	testSecret = "test-signing-secret"
	patience   = 20 * time.Second
	often      = 20 * time.Millisecond
)

// fixture is a receiver's resource in a namespace of its own, and the servers that a test starts for it.
type fixture struct {
	t         *testing.T
	g         *WithT
	client    client.WithWatch
	namespace string
	ledger    *memoryLedger
	receiver  *v1alpha1.WebhookReceiver
	secret    *corev1.Secret
}

// newFixture applies a receiver with these sinks; edit changes it before it is created.
func newFixture(t *testing.T, sinks []v1alpha1.Sink, edit ...func(*v1alpha1.WebhookReceiver)) *fixture {
	t.Helper()
	g := NewWithT(t)
	cp := controlplane.Shared(t)
	c, err := NewClient(cp.Config())
	g.Expect(err).NotTo(HaveOccurred())
	f := &fixture{t: t, g: g, client: c, namespace: cp.Namespace(t), ledger: newMemoryLedger()}
	f.receiver = &v1alpha1.WebhookReceiver{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "stripe"},
		Spec: v1alpha1.WebhookReceiverSpec{
			ProviderRef:  v1alpha1.ProviderReference{Name: "stripe"},
			URL:          "https://hooks.example.com/stripe",
			Registration: v1alpha1.Registration{Managed: &v1alpha1.ManagedRegistration{}},
			Delivery: &v1alpha1.Delivery{Sinks: sinks, Retry: &v1alpha1.DeliveryRetry{
				MinBackoff: &metav1.Duration{Duration: 100 * time.Millisecond},
				MaxBackoff: &metav1.Duration{Duration: time.Second},
			}},
		},
	}
	for _, e := range edit {
		e(f.receiver)
	}
	g.Expect(c.Create(t.Context(), f.receiver)).To(Succeed())
	f.receiver.Status.Provider = &v1alpha1.ReceiverProvider{
		Type: v1alpha1.ProviderStripe, AccountID: "acct_1", Mode: v1alpha1.ModeTest,
	}
	f.receiver.Status.URL = f.receiver.Spec.URL
	g.Expect(c.Status().Update(t.Context(), f.receiver)).To(Succeed())
	f.secret = &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "stripe-signing"},
		Data: map[string][]byte{
			"signing-secret": []byte(testSecret), "signing-secret-previous": []byte("old-secret\n"),
			"endpoint-id": []byte("we_1"),
		},
	}
	g.Expect(c.Create(t.Context(), f.secret)).To(Succeed())
	return f
}

// replica is a running server.
type replica struct {
	f      *fixture
	server *Server
	url    string // where events are posted
	health string
	stop   func() error
}

// start runs a server and waits until it is ready.
func (f *fixture) start(edit ...func(*Options)) *replica {
	f.t.Helper()
	r := f.startUnready(edit...)
	f.g.Eventually(func() int { return get(f.t, r.health+"/readyz").StatusCode }, patience, often).Should(Equal(200))
	return r
}

func (f *fixture) startUnready(edit ...func(*Options)) *replica {
	f.t.Helper()
	o := Options{
		Namespace: f.namespace, Name: "stripe", Identity: fmt.Sprintf("replica-%d", time.Now().UnixNano()),
		Client: f.client, Ledger: f.ledger, Registry: provider.NewRegistry(testAdapter{}),
		Events: listen(f.t), Health: listen(f.t), Log: slog.New(slog.NewTextHandler(f.t.Output(), nil)),
	}
	for _, e := range edit {
		e(&o)
	}
	r := &replica{
		f: f, server: New(o),
		url: "http://" + o.Events.Addr().String() + "/stripe", health: "http://" + o.Health.Addr().String(),
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Run(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	f.t.Cleanup(func() { _ = r.stop() })
	return r
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// answer is an HTTP answer, read to its end.
type answer struct {
	*http.Response
	body string
}

func get(t *testing.T, url string) answer {
	t.Helper()
	res, err := http.Get(url)
	return answerOf(t, res, err)
}

func answerOf(t *testing.T, res *http.Response, err error) answer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(body)}
}

func eventBody(id, kind string) string {
	return fmt.Sprintf(`{"id":%q,"type":%q,"created":1769853600,"subscription":"sub_1","price":"price_1"}`, id, kind)
}

// send posts a rightly signed event.
func (r *replica) send(body string) answer {
	r.f.t.Helper()
	return r.post(strings.NewReader(body), sign(testSecret, time.Now(), []byte(body)))
}

func (r *replica) post(body io.Reader, signature string) answer {
	r.f.t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.url, body)
	if err != nil {
		r.f.t.Fatal(err)
	}
	if signature != "" {
		req.Header.Set(signatureHeader, signature)
	}
	res, err := http.DefaultClient.Do(req)
	return answerOf(r.f.t, res, err)
}

// settings are what counts now.
func (r *replica) settings() *settings {
	now, _ := r.server.config.current()
	return now
}

func (r *replica) metric(line string) bool {
	return strings.Contains("\n"+get(r.f.t, r.health+"/metrics").body, "\n"+line+"\n")
}

// inbox lists the WebhookEvents.
func (f *fixture) inbox() []v1alpha1.WebhookEvent {
	f.t.Helper()
	var list v1alpha1.WebhookEventList
	f.g.Expect(f.client.List(f.t.Context(), &list, client.InNamespace(f.namespace))).To(Succeed())
	return list.Items
}

func (f *fixture) read() *v1alpha1.WebhookReceiver {
	f.t.Helper()
	out := &v1alpha1.WebhookReceiver{}
	f.g.Expect(f.client.Get(f.t.Context(), client.ObjectKeyFromObject(f.receiver), out)).To(Succeed())
	return out
}

func (f *fixture) totals() v1alpha1.EventTotals {
	if e := f.read().Status.Events; e != nil {
		return *e
	}
	return v1alpha1.EventTotals{}
}

// app is a sink.
type app struct {
	*httptest.Server
	mu    sync.Mutex
	got   [][]byte
	heads []http.Header
	// refused are the requests, from 0, of which refuse was told.
	refused map[int]bool
	answer  func(n int, w http.ResponseWriter) // n counts from 1; nil: 200
}

func newApp(t *testing.T, answer func(n int, w http.ResponseWriter)) *app {
	a := &app{answer: answer}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.got = append(a.got, body)
		a.heads = append(a.heads, r.Header)
		n, answer := len(a.got), a.answer
		a.mu.Unlock()
		if answer != nil {
			answer(n, w)
		}
	}))
	t.Cleanup(a.Close)
	return a
}

func status(code int) func(int, http.ResponseWriter) {
	return func(_ int, w http.ResponseWriter) { w.WriteHeader(code) }
}

// recover makes the app take everything from now on.
func (a *app) recover() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = nil
}

func (a *app) sink(name string, events ...string) v1alpha1.Sink {
	return v1alpha1.Sink{Name: name, HTTP: v1alpha1.HTTPSink{URI: a.URL + "/billing"}, Events: events}
}

func (a *app) bodies() [][]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.got)
}

// refuse takes note in an answer that the nth request, from 1, is not taken.
func (a *app) refuse(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refused == nil {
		a.refused = map[int]bool{}
	}
	a.refused[n-1] = true
}

// head is the header of the nth request, from 0.
func (a *app) head(n int) http.Header {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.heads[n]
}

func (a *app) count() int { return len(a.bodies()) }

// ids are the ids of the CloudEvents that came, in order.
func (a *app) ids() []string {
	var out []string
	for _, b := range a.bodies() {
		var e struct{ ID string }
		_ = json.NewDecoder(bytes.NewReader(b)).Decode(&e)
		out = append(out, e.ID)
	}
	return out
}

var _ ledger.Ledger = (*memoryLedger)(nil)
