// Package catalog lets a real operator work against the sandbox and looks at what it says in status, what it writes to
// Kubernetes, and what it asks of the provider.
package catalog

import (
	"context"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{NoFsync: true}) }

const often = 20 * time.Millisecond

// plan and account read an object's status as users see it.
func plan(s *stack.Stack, name string) *v1alpha1.Plan {
	s.T.Helper()
	p := &v1alpha1.Plan{}
	if err := s.Client.Get(context.Background(), s.Key(name), p); err != nil {
		s.T.Fatal(err)
	}
	return p
}

func account(s *stack.Stack) *v1alpha1.PaymentProvider {
	s.T.Helper()
	p := &v1alpha1.PaymentProvider{}
	if err := s.Client.Get(context.Background(), s.Key("stripe"), p); err != nil {
		s.T.Fatal(err)
	}
	return p
}

// planSays and accountSays are the objects' States.
func planSays(s *stack.Stack, name string) func() string {
	return func() string { return s.State(plan(s, name)) }
}

func accountSays(s *stack.Stack) func() string { return func() string { return s.State(account(s)) } }

// States.
const (
	accountReady = "Current True " + v1alpha1.ReasonCredentialsValid
	planReady    = "Current True " + v1alpha1.ReasonInSync
)

func eventually(s *stack.Stack, f func() string) AsyncAssertion {
	return NewWithT(s.T).Eventually(f, stack.Patience, often)
}

// change updates an object, again after a conflict.
func change[T client.Object](s *stack.Stack, object T, how func(T)) {
	s.T.Helper()
	NewWithT(s.T).Eventually(func() error {
		if err := s.Client.Get(context.Background(), s.Key(object.GetName()), object); err != nil {
			return err
		}
		how(object)
		return s.Client.Update(context.Background(), object)
	}, stack.Patience, often).Should(Succeed())
}

// touch asks for a reconcile now.
func touch[T client.Object](s *stack.Stack, object T) {
	s.T.Helper()
	change(s, object, func(o T) {
		a := o.GetAnnotations()
		if a == nil {
			a = map[string]string{}
		}
		a[v1alpha1.AnnotationReconcileAt] = time.Now().Format(time.RFC3339Nano)
		o.SetAnnotations(a)
	})
}

// active are the names of the active prices of a plan at the provider, sorted; inactive ones are counted.
func active(s *stack.Stack, plan string) (names []string, inactive int) {
	for _, p := range s.Sandbox.Stripe().Account(s.APIKey()).Prices() {
		switch {
		case p.Metadata["kassa_plan"] != s.Namespace+"/"+plan:
		case p.Active:
			names = append(names, p.Metadata["kassa_price"])
		default:
			inactive++
		}
	}
	slices.Sort(names)
	return names, inactive
}

func products(s *stack.Stack, plan string) []stripe.Product {
	return slices.DeleteFunc(s.Sandbox.Stripe().Account(s.APIKey()).Products(), func(p stripe.Product) bool {
		return p.Metadata["kassa_plan"] != s.Namespace+"/"+plan
	})
}

func expectOneOfEach(s *stack.Stack, plan string) {
	s.T.Helper()
	g := NewWithT(s.T)
	names, inactive := active(s, plan)
	g.Expect(names).To(Equal([]string{"monthly", "yearly"}))
	g.Expect(inactive).To(BeZero())
	g.Expect(products(s, plan)).To(HaveLen(1))
}
