// Package stack puts together what integration tests and benchmarks run on: a real API server, the sandbox in this
// process (so that tests can watch and disturb every call), the operator as a real process that can be killed, and a
// local node for what it deploys.
package stack

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/child"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/localnode"
)

// Image is what Deployments of Kassa's servers name.
const Image = "kassa:test"

// Patience is how long Eventually waits at most. Nothing is asserted about how long things take.
const Patience = 60 * time.Second

// Options of a stack.
type Options struct {
	// Node starts a local node; without one nothing that is deployed runs.
	Node bool
	// Sandbox is passed on; its webhooks go through the node's Service network where there is a node.
	Sandbox sandbox.Options
	// Front is put before the sandbox's handler: a proxy that spoils answers, or a witness of headers.
	Front func(http.Handler) http.Handler
	// OperatorEnv is added to the environment of the operators.
	OperatorEnv []string
	// ServerArgs follow the arguments of what the node runs.
	ServerArgs []string
	// ServerEnv is added to the environment of what the node runs.
	ServerEnv []string
}

// Stack is one namespace's worth of everything.
type Stack struct {
	T          testing.TB
	Plane      *controlplane.ControlPlane
	Client     client.Client
	Namespace  string
	Sandbox    *sandbox.Sandbox
	SandboxURL string
	Node       *localnode.Node
	Binary     string

	operatorEnv []string
	operatorLog string
	operators   []*child.Process
	sandboxAt   string // host:port
	server      *http.Server
	front       http.Handler
}

// New makes a stack in a namespace of its own. The package's TestMain calls controlplane.Main.
func New(t testing.TB, o Options) *Stack {
	t.Helper()
	plane := controlplane.Shared(t)
	s := &Stack{T: t, Plane: plane, Binary: program(t, plane.Dir(), "kassa"), operatorEnv: o.OperatorEnv}
	s.Namespace = s.Plane.Namespace(t)
	scheme := runtime.NewScheme()
	must(t, clientgoscheme.AddToScheme(scheme))
	must(t, v1alpha1.AddToScheme(scheme))
	c, err := client.New(s.Plane.Config(), client.Options{Scheme: scheme})
	must(t, err)
	s.Client = c
	if o.Node {
		s.startNode(t, o)
		proxy, err := url.Parse(s.Node.ProxyURL())
		must(t, err)
		transport := &http.Transport{Proxy: http.ProxyURL(proxy), MaxIdleConnsPerHost: 32}
		t.Cleanup(transport.CloseIdleConnections)
		o.Sandbox.WebhookTransport = transport
		// So does the operator, which asks receivers; what is on this machine, Go never asks a proxy for.
		s.operatorEnv = append([]string{"HTTP_PROXY=" + s.Node.ProxyURL(), "NO_PROXY="}, s.operatorEnv...)
	}
	s.startSandbox(t, o)
	t.Cleanup(s.leave)
	return s
}

// leave removes the test's objects. Operators of later tests see every namespace, and somebody else's server, such as
// another test's sandbox, may get this sandbox's address.
func (s *Stack) leave() {
	s.T.Helper()
	ctx := context.Background()
	for _, list := range []client.ObjectList{
		&v1alpha1.CheckoutEndpointList{}, &v1alpha1.WebhookReceiverList{}, &v1alpha1.PlanList{},
		&v1alpha1.PaymentProviderList{},
	} {
		must(s.T, s.Client.List(ctx, list, client.InNamespace(s.Namespace)))
		must(s.T, meta.EachListItem(list, func(o runtime.Object) error {
			object, ok := o.(client.Object)
			if !ok {
				return fmt.Errorf("%T is no object", o)
			}
			// An object that is being deleted gets no new finalizer.
			if err := s.Client.Delete(ctx, object); err != nil {
				return client.IgnoreNotFound(err)
			}
			free := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
			return client.IgnoreNotFound(s.Client.Patch(ctx, object, free))
		}))
	}
}

func (s *Stack) startNode(t testing.TB, o Options) {
	t.Helper()
	node, err := localnode.Start(context.Background(), localnode.Options{
		Config: s.Plane.Config(), Namespace: s.Namespace, Dir: t.TempDir(), CollectGarbage: true,
		Images: map[string]localnode.Image{Image: {Path: s.Binary, Env: o.ServerEnv, More: o.ServerArgs}},
	})
	must(t, err)
	s.Node = node
	t.Cleanup(func() { _ = node.Stop() })
}

func (s *Stack) startSandbox(t testing.TB, o Options) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	must(t, err)
	s.sandboxAt = listener.Addr().String()
	s.SandboxURL = "http://" + s.sandboxAt
	o.Sandbox.PublicURL = s.SandboxURL
	s.Sandbox = sandbox.New(o.Sandbox)
	s.front = s.Sandbox.Handler()
	if o.Front != nil {
		s.front = o.Front(s.front)
	}
	s.serveSandbox(listener)
	t.Cleanup(func() {
		s.SandboxDown()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Sandbox.Close(ctx)
	})
}

func (s *Stack) serveSandbox(listener net.Listener) {
	server := &http.Server{Handler: s.front, ReadHeaderTimeout: 10 * time.Second}
	s.server = server
	go func() { _ = server.Serve(listener) }()
}

// SandboxDown breaks the sandbox's connections and lets nobody connect to it until SandboxUp. It keeps its data.
func (s *Stack) SandboxDown() { _ = s.server.Close() }

// SandboxUp lets the sandbox be reached again, at the same address.
func (s *Stack) SandboxUp() {
	s.T.Helper()
	NewWithT(s.T).Eventually(func() error {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.sandboxAt)
		if err == nil {
			s.serveSandbox(listener)
		}
		return err
	}, Patience, often).Should(Succeed())
}

// Operator starts an operator process that sees every namespace, with the rights that the project ships. Kill it, Stop
// it, or let the test's end do so.
func (s *Stack) Operator(args ...string) *child.Process {
	s.T.Helper()
	return s.OperatorAs(s.shippedIdentity(), args...)
}

// OperatorAs starts an operator process with a kubeconfig.
func (s *Stack) OperatorAs(kubeconfig string, args ...string) *child.Process {
	s.T.Helper()
	if s.operatorLog == "" {
		s.operatorLog = filepath.Join(s.T.TempDir(), "operator.log")
		s.T.Cleanup(s.showOperatorLog)
	}
	log, err := os.OpenFile(s.operatorLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(s.T, err)
	p, err := child.Start(child.Command{
		Path: s.Binary,
		Args: append([]string{
			"operator", "--metrics-bind-address=0", "--health-probe-bind-address=0", "--server-image=" + Image,
		}, args...),
		Env:    append(append(os.Environ(), "KUBECONFIG="+kubeconfig), s.operatorEnv...),
		Output: log,
	})
	must(s.T, err)
	must(s.T, log.Close())
	s.T.Cleanup(func() { p.Kill() })
	s.operators = append(s.operators, p)
	return p
}

// KillOperators kills every operator of this test.
func (s *Stack) KillOperators() {
	for _, p := range s.operators {
		p.Kill()
	}
}

// OperatorLog is everything that the operators of this test printed.
func (s *Stack) OperatorLog() string {
	text, err := os.ReadFile(s.operatorLog)
	if err != nil {
		return ""
	}
	return string(text)
}

func (s *Stack) showOperatorLog() {
	if !s.T.Failed() {
		return
	}
	lines := strings.Split(strings.TrimSpace(s.OperatorLog()), "\n")
	s.T.Logf("the operator's last lines:\n%s", strings.Join(lines[max(0, len(lines)-30):], "\n"))
}

// Key is the name of an object in the stack's namespace.
func (s *Stack) Key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: s.Namespace, Name: name}
}

// Create makes objects in the stack's namespace.
func (s *Stack) Create(objects ...client.Object) {
	s.T.Helper()
	for _, o := range objects {
		o.SetNamespace(s.Namespace)
		must(s.T, s.Client.Create(context.Background(), o))
	}
}

// Secret is a Secret with one key.
func Secret(name, key, value string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{key: []byte(value)},
	}
}

// APIKey is the test key that Provider's Secret has: an account of its own for each test.
func (s *Stack) APIKey() string { return "sk_test_" + strings.ReplaceAll(s.Namespace, "-", "") }

// Provider is a PaymentProvider at the sandbox, without its Secret, with no limit that a test would feel.
func (s *Stack) Provider() *v1alpha1.PaymentProvider {
	return &v1alpha1.PaymentProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "stripe"},
		Spec: v1alpha1.PaymentProviderSpec{
			Mode: v1alpha1.ModeTest, BaseURL: s.SandboxURL,
			Stripe: &v1alpha1.StripeProvider{
				APIKeySecretRef: v1alpha1.SecretKeyReference{Name: "stripe-api", Key: "api-key"},
			},
			RateLimit: &v1alpha1.RateLimit{RequestsPerSecond: 1000, Burst: 2000},
		},
	}
}

// CreateProvider makes the PaymentProvider and its Secret.
func (s *Stack) CreateProvider() {
	s.T.Helper()
	s.Create(Secret("stripe-api", "api-key", s.APIKey()), s.Provider())
}

// Plan is a Plan with two recurring prices.
func Plan(name string) *v1alpha1.Plan {
	return &v1alpha1.Plan{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.PlanSpec{
			Providers: []v1alpha1.PlanProvider{{Name: "stripe"}}, DisplayName: "Plan " + name,
			Prices: []v1alpha1.Price{
				recurring("monthly", "29.00", v1alpha1.IntervalMonth), recurring("yearly", "290.00", v1alpha1.IntervalYear),
			},
		},
	}
}

func recurring(name, amount string, every v1alpha1.Interval) v1alpha1.Price {
	return v1alpha1.Price{
		Name: name, Amount: v1alpha1.Amount(amount), Currency: "USD", Recurring: &v1alpha1.Recurring{Interval: every},
	}
}

// Quiet waits until the provider has not been called for a while.
func (s *Stack) Quiet() traffic.Counts {
	s.T.Helper()
	last, since := s.Sandbox.Counts(), time.Now()
	NewWithT(s.T).Eventually(func() bool {
		if now := s.Sandbox.Counts(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 300*time.Millisecond
	}, Patience, often).Should(BeTrue())
	return last
}

// Main is a package's TestMain.
func Main(m *testing.M, o controlplane.Options) {
	ctrl.SetLogger(logr.Discard())
	controlplane.Main(m, o)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
