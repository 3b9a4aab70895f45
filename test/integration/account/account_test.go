// Package account looks at what a real operator does with an account at a provider: modes and keys, outages and
// pauses, resyncs and the end. What objects say is read by kstatus, as Argo CD, Flux and kubectl wait do.
package account

import (
	"encoding/pem"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

// TestMain lets all tests run at once, because they spend their time waiting for back-offs to end.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "32"); err != nil {
		panic(err)
	}
	stack.Main(m, controlplane.Options{NoFsync: true})
}

// often is how often Eventually looks.
const often = 20 * time.Millisecond

// States.
const (
	accountReady = "Current True " + v1alpha1.ReasonCredentialsValid
	planReady    = "Current True " + v1alpha1.ReasonInSync
)

// TestOneOperator has one operator work for all tests at once, as it would for many tenants. Each has its own
// namespace, account and sandbox.
func TestOneOperator(t *testing.T) {
	tests := map[string]func(*testing.T){
		"a test key in live mode":      aTestKeyInLiveMode,
		"suspended":                    suspended,
		"a rotated key":                aRotatedKey,
		"a revoked key":                aRevokedKey,
		"a resync of an idle account":  aResyncOfAnIdleAccount,
		"drift":                        drift,
		"a pause for the account":      aPauseForTheAccount,
		"deletion during an outage":    deletionDuringAnOutage,
		"an account that was never up": anAccountThatWasNeverUp,
	}
	for name, o := range outages {
		tests["outage: "+name] = o.test
	}
	base := stack.New(t, stack.Options{OperatorEnv: []string{"SSL_CERT_FILE=" + certificates(t)}})
	base.Operator()
	t.Run("together", func(t *testing.T) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
}

// certificates is a file with the certificate that all servers of httptest have.
func certificates(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// named are empty objects of which State reads the rest.
func plan(name string) *v1alpha1.Plan {
	return &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func account() *v1alpha1.PaymentProvider {
	return &v1alpha1.PaymentProvider{ObjectMeta: metav1.ObjectMeta{Name: "stripe"}}
}

// deploy makes an account and Plans, and waits until they are ready and the provider is left alone.
func deploy(t *testing.T, o stack.Options, plans ...string) *stack.Stack {
	t.Helper()
	s := stack.New(t, o)
	s.CreateProvider()
	s.AwaitState(account(), accountReady)
	for _, name := range plans {
		s.Create(stack.Plan(name))
	}
	for _, name := range plans {
		s.AwaitState(plan(name), planReady)
	}
	s.Quiet()
	return s
}

// resync asks for the account to be read now. It returns the account as it is then.
func resync(s *stack.Stack) *v1alpha1.PaymentProvider {
	s.T.Helper()
	pp := account()
	s.Change(pp, func() {
		metav1.SetMetaDataAnnotation(&pp.ObjectMeta, v1alpha1.AnnotationReconcileAt, time.Now().Format(time.RFC3339Nano))
	})
	return pp
}

// arrivals notes when requests arrive, from now on.
type arrivals struct {
	mu   sync.Mutex
	list []arrival
}

type arrival struct {
	traffic.Request
	at time.Time
}

func watch(s *stack.Stack) *arrivals {
	a := &arrivals{}
	s.Sandbox.OnRequest(func(p traffic.Phase, r traffic.Request) {
		if p != traffic.BeforeCommit {
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.list = append(a.list, arrival{r, time.Now()})
	})
	return a
}

func (a *arrivals) all() []arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.list)
}

// paths are the methods and paths of the requests, sorted.
func (a *arrivals) paths() []string {
	list := []string{}
	for _, r := range a.all() {
		list = append(list, r.Method+" "+r.Path)
	}
	slices.Sort(list)
	return list
}

// catalogue is a Plan at the provider.
type catalogue struct {
	Products []string // names, with "(archived)" where they are
	Active   []string // names of the active prices, sorted
	Archived int      // prices
}

func wanted(plan string) catalogue {
	return catalogue{Products: []string{"Plan " + plan}, Active: []string{"monthly", "yearly"}}
}

func sold(s *stack.Stack, key, plan string) catalogue {
	var c catalogue
	owner, view := s.Namespace+"/"+plan, s.Sandbox.Stripe().Account(key)
	for _, p := range view.Products() {
		switch {
		case p.Metadata["kassa_plan"] != owner:
		case p.Active:
			c.Products = append(c.Products, p.Name)
		default:
			c.Products = append(c.Products, p.Name+" (archived)")
		}
	}
	for _, p := range view.Prices() {
		switch {
		case p.Metadata["kassa_plan"] != owner:
		case p.Active:
			c.Active = append(c.Active, p.Metadata["kassa_price"])
		default:
			c.Archived++
		}
	}
	slices.Sort(c.Active)
	return c
}
