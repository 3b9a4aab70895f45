package faults

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/controllers/plan"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{NoFsync: true}) }

var registry = provider.NewRegistry(stripe.Adapter{}, paddle.Adapter{})

const (
	name = "pro" // of the Plan

	cluster = "cluster-of-the-tests"
	// timeout of one call to the provider. It must be shorter than what a fault delays.
	timeout = 150 * time.Millisecond
)

// unlimited are clients that give up soon and know no limit.
type unlimited struct{}

func (unlimited) Client(p billing.Provider, _, _ string, _ float64, _ int) *http.Client {
	return instrument.Client(instrument.Options{Provider: p, Timeout: timeout})
}

func (unlimited) Keep(string, ...string) {}

// world is one namespace, one sandbox, and the operators that come and go in them.
type world struct {
	t         testing.TB
	peer      stack.Peer
	client    client.WithWatch
	namespace string
	sandbox   *sandbox.Sandbox
	url       string
	now       time.Time
	operator  *plan.Reconciler
}

func newWorld(t testing.TB, p stack.Peer) *world {
	t.Helper()
	plane := controlplane.Shared(t)
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	cfg := plane.Config()
	cfg.QPS = -1
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, peer: p, client: c, namespace: plane.Namespace(t), sandbox: sandbox.New(sandbox.Options{}), now: time.Now(),
	}
	server := httptest.NewServer(w.sandbox.Handler())
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	w.url = server.URL
	for _, name := range []string{"first", "second"} {
		w.create(stack.Secret(name, "key", w.key(name)), p.Provider(name, w.url))
	}
	w.restart()
	return w
}

// key is the API key of a PaymentProvider: each has an account of its own.
func (w *world) key(provider string) string {
	return w.peer.Key(w.namespace + "/" + provider)
}

func (w *world) create(objects ...client.Object) {
	w.t.Helper()
	for _, o := range objects {
		o.SetNamespace(w.namespace)
		if err := w.client.Create(context.Background(), o); err != nil {
			w.t.Fatal(err)
		}
	}
}

// restart is another process of the operator: it knows nothing but what is in Kubernetes and at the provider.
func (w *world) restart() {
	clock := func() time.Time { return w.now }
	reader := indexless(w.client)
	w.operator = &plan.Reconciler{
		Client: reader, Events: &events.FakeRecorder{}, Cluster: cluster, Now: clock,
		Refused: func(types.NamespacedName) {},
		Accounts: &accounts.Pool{
			Registry: registry, Metadata: w.client, Live: w.client, Now: clock,
			Clients: unlimited{},
		},
	}
}

// indexless answers the lists that need a cache's index: nobody publishes here.
func indexless(c client.WithWatch) client.Client {
	return interceptor.NewClient(c, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			var o client.ListOptions
			o.ApplyOptions(opts)
			if o.FieldSelector != nil {
				return nil
			}
			return c.List(ctx, list, opts...)
		},
	})
}

func (w *world) get() *v1alpha1.Plan {
	w.t.Helper()
	p := &v1alpha1.Plan{}
	err := w.client.Get(context.Background(), types.NamespacedName{Namespace: w.namespace, Name: name}, p)
	if client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	return p
}

// reconcile is one Reconcile of the Plan by the operator of the moment.
func (w *world) reconcile() (ctrl.Result, error) {
	return w.operator.Reconcile(context.Background(), request(w.namespace))
}

func request(namespace string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

// settle reconciles until the Plan is Ready, or gone when it is being deleted. Each failure costs some of the clock's
// time, as a back-off does. again says whether another process goes on after each failure.
func (w *world) settle(again bool) {
	w.t.Helper()
	var trail []string
	for range 30 {
		result, err := w.reconcile()
		now := w.get()
		if now.Name == "" || ready(now) {
			return
		}
		state := stateOf(now)
		trail = append(trail, state)
		w.honest(now)
		w.now = w.now.Add(max(result.RequeueAfter, 2*time.Second))
		if again || err != nil && len(trail) > 5 {
			w.restart()
		}
	}
	w.t.Fatalf("%s does not settle:\n%s", name, strings.Join(trail, "\n"))
}

// honest looks at the status of a Plan that is not as it should be yet.
func (w *world) honest(p *v1alpha1.Plan) {
	w.t.Helper()
	g := NewWithT(w.t)
	c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil || p.Status.ObservedGeneration != p.Generation {
		return
	}
	g.Expect(c.Status).NotTo(BeEquivalentTo("True"), stateOf(p))
	g.Expect(c.Message).NotTo(BeEmpty())
	g.Expect(c.Message).NotTo(ContainSubstring(w.peer.KeyPrefix), "a key in a message")
	stalled := meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionStalled)
	g.Expect(stalled).To(BeFalse(), "what passes by itself stalls nothing: %s", stateOf(p))
	g.Expect(c.Reason).To(BeElementOf(v1alpha1.ReasonUnreachable, v1alpha1.ReasonRateLimited,
		v1alpha1.ReasonAwaitingConsistency, v1alpha1.ReasonProviderNotReady, v1alpha1.ReasonProgressing,
		v1alpha1.ReasonDeleting, v1alpha1.ReasonProviderError), stateOf(p))
}

func ready(p *v1alpha1.Plan) bool {
	return p.DeletionTimestamp.IsZero() && p.Status.ObservedGeneration == p.Generation &&
		meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionReady)
}

func stateOf(p *v1alpha1.Plan) string {
	c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return "no condition"
	}
	return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
}

// adoption names a product that was made by hand in a PaymentProvider's account.
func (w *world) adoption(provider string) *v1alpha1.Adopt {
	return w.peer.Adoption(w.t, w.url, w.key(provider))
}

// change updates the Plan's spec.
func (w *world) change(how func(*v1alpha1.Plan)) {
	w.t.Helper()
	p := w.get()
	how(p)
	if err := w.client.Update(context.Background(), p); err != nil {
		w.t.Fatal(err)
	}
}

// shelf is what one PaymentProvider's account has of the Plan.
func (w *world) shelf(provider string) stack.Shelf {
	return w.peer.Shelf(w.sandbox, w.key(provider), w.namespace+"/"+name)
}

// begin prepares a sequence and makes its change. The operator that goes on from there is new.
func (w *world) begin(s stack.Sequence) {
	w.t.Helper()
	p := stack.SequencePlan(name)
	if s.Start != nil {
		s.Start(p)
		w.create(p)
		w.settle(false)
	}
	w.restart()
	switch {
	case s.Change == nil:
		if err := w.client.Delete(context.Background(), p); err != nil {
			w.t.Fatal(err)
		}
	case s.Start != nil:
		w.change(s.Change)
	default:
		s.Change(p)
		if s.Adopts {
			p.Spec.Providers[0].Adopt = w.adoption("first")
		}
		w.create(p)
	}
}
