// Package crash kills a real operator at every call that it makes to a provider, starts another, and looks at the end
// state.
package crash

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/child"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{NoFsync: true}) }

// sequences are the changes during which the operator is killed: each prepares a state and then asks for another.
var sequences = []struct {
	name    string
	prepare func(*stack.Stack, *v1alpha1.Plan)
	change  func(*stack.Stack, *v1alpha1.Plan)
	prices  int // objects at the provider in the end
}{
	{
		"create plan", func(*stack.Stack, *v1alpha1.Plan) {},
		func(s *stack.Stack, p *v1alpha1.Plan) { s.Create(p) }, 2,
	},
	{
		"change amount",
		func(s *stack.Stack, p *v1alpha1.Plan) {
			s.Create(p)
			awaitReady(s, p)
		},
		func(s *stack.Stack, p *v1alpha1.Plan) {
			g := NewWithT(s.T)
			g.Eventually(func() error {
				if err := s.Client.Get(context.Background(), s.Key(p.Name), p); err != nil {
					return err
				}
				p.Spec.Prices[0].Amount = "39.00"
				return s.Client.Update(context.Background(), p)
			}, stack.Patience).Should(Succeed())
		}, 3,
	},
}

func TestKillAtEveryCall(t *testing.T) {
	for _, seq := range sequences {
		for _, phase := range []traffic.Phase{traffic.BeforeCommit, traffic.AfterCommit} {
			t.Run(fmt.Sprintf("%s, phase %d", seq.name, phase), func(t *testing.T) {
				s := stack.New(t, stack.Options{})
				operator := s.Operator()
				s.CreateProvider()
				for point := int64(1); ; point++ {
					plan := stack.Plan(fmt.Sprintf("p%d", point))
					seq.prepare(s, plan)
					s.Quiet()
					killed := killAt(s, operator, point, phase)
					seq.change(s, plan)
					if !awaitReadyOrKill(s, plan, killed) {
						operator = s.Operator()
					}
					awaitReady(s, plan)
					expectOnePriceEach(s, plan, seq.prices, fmt.Sprintf("%s, killed at call %d", seq.name, point))
					if !killed.Load() {
						if point < 4 {
							t.Fatalf("the sequence has only %d calls", point-1)
						}
						t.Logf("%d points", point-1)
						return
					}
				}
			})
		}
	}
}

// killAt arms the sandbox: at its nth request from now the operator dies, before or after the request's commit.
func killAt(s *stack.Stack, operator *child.Process, n int64, phase traffic.Phase) *atomic.Bool {
	var count atomic.Int64
	killed := &atomic.Bool{}
	s.Sandbox.OnRequest(func(p traffic.Phase, _ traffic.Request) {
		if p == phase && count.Add(1) == n {
			operator.Kill()
			killed.Store(true)
		}
	})
	return killed
}

func ready(s *stack.Stack, plan *v1alpha1.Plan) bool {
	var now v1alpha1.Plan
	if err := s.Client.Get(context.Background(), s.Key(plan.Name), &now); err != nil {
		return false
	}
	return now.Status.ObservedGeneration == now.Generation &&
		meta.IsStatusConditionTrue(now.Status.Conditions, v1alpha1.ConditionReady)
}

func awaitReady(s *stack.Stack, plan *v1alpha1.Plan) {
	s.T.Helper()
	NewWithT(s.T).Eventually(func() bool { return ready(s, plan) }, stack.Patience, 20*time.Millisecond).Should(BeTrue())
}

// awaitReadyOrKill says whether the operator lived.
func awaitReadyOrKill(s *stack.Stack, plan *v1alpha1.Plan, killed *atomic.Bool) bool {
	s.T.Helper()
	NewWithT(s.T).Eventually(func() bool { return killed.Load() || ready(s, plan) }, stack.Patience,
		20*time.Millisecond).Should(BeTrue())
	return !killed.Load()
}

// expectOnePriceEach looks at the provider: one product, one active price for each name, and no duplicates.
func expectOnePriceEach(s *stack.Stack, plan *v1alpha1.Plan, objects int, where string) {
	s.T.Helper()
	g := NewWithT(s.T)
	account := s.Sandbox.Stripe().Account(s.APIKey())
	owner := s.Namespace + "/" + plan.Name
	products, all := 0, 0
	for _, p := range account.Products() {
		if p.Metadata["kassa_plan"] == owner {
			products++
		}
	}
	active := map[string]int{}
	for _, p := range account.Prices() {
		if p.Metadata["kassa_plan"] != owner {
			continue
		}
		all++
		if p.Active {
			active[p.Metadata["kassa_price"]]++
		}
	}
	g.Expect(products).To(Equal(1), where)
	g.Expect(active).To(Equal(map[string]int{"monthly": 1, "yearly": 1}), where)
	g.Expect(all).To(Equal(objects), "duplicates: "+where)
}
