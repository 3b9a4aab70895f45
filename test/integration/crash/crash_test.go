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
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/child"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{NoFsync: true}) }

// Whatever call the operator is killed at, before or after it takes effect at the provider, the next one brings the
// Plan to the same end as if nothing had been: the same prices on sale, and nothing made twice.
func TestKillAtEveryCall(t *testing.T) {
	for _, peer := range stack.Peers {
		for _, seq := range stack.Sequences {
			for _, phase := range []traffic.Phase{traffic.BeforeCommit, traffic.AfterCommit} {
				t.Run(fmt.Sprintf("%s/%s/phase %d", peer.Name, seq.Name, phase), func(t *testing.T) {
					newStage(t, peer, seq).run(phase)
				})
			}
		}
	}
}

// settle keeps the wait for the outcome of a create that a killed operator got no answer to short: the sandbox's lists
// show at once what was made.
const settle = "--list-settle=1s"

// stage is one namespace with two accounts, in which one Plan after the other goes through a sequence.
type stage struct {
	*stack.Stack
	peer     stack.Peer
	seq      stack.Sequence
	operator *child.Process
}

func newStage(t *testing.T, peer stack.Peer, seq stack.Sequence) *stage {
	t.Helper()
	s := &stage{Stack: stack.New(t, stack.Options{}), peer: peer, seq: seq}
	s.operator = s.Operator(settle)
	for _, name := range []string{"first", "second"} {
		s.Create(stack.Secret(name, "key", s.key(name)), peer.Provider(name, s.SandboxURL))
	}
	return s
}

func (s *stage) key(provider string) string { return s.peer.Key(s.Namespace + "/" + provider) }

func (s *stage) shelf(provider, plan string) stack.Shelf {
	return s.peer.Shelf(s.Sandbox, s.key(provider), s.Namespace+"/"+plan)
}

// run goes through the sequence without a kill, then with one at its first call, at its second, and so on to its end.
func (s *stage) run(phase traffic.Phase) {
	g := NewWithT(s.T)
	undisturbed := s.prepare("undisturbed")
	sale := s.watch("undisturbed")
	s.Sandbox.OnRequest(sale.Look)
	s.change(undisturbed)
	s.awaitEnd("undisturbed", nil)
	g.Expect(sale.Lost()).To(BeEmpty())
	first, second := s.shelf("first", "undisturbed"), s.shelf("second", "undisturbed")
	g.Expect(first.Amounts).To(Equal(s.seq.First))
	g.Expect(second.Amounts).To(Equal(s.seq.Second))
	for point := int64(1); ; point++ {
		name := fmt.Sprintf("p%d", point)
		plan := s.prepare(name)
		s.Quiet()
		sale := s.watch(name)
		killed := s.killAt(point, phase, sale)
		s.change(plan)
		if s.awaitEnd(name, killed) {
			s.operator = s.Operator(settle)
			s.awaitEnd(name, nil)
		}
		where := fmt.Sprintf("killed at call %d", point)
		g.Expect(s.shelf("first", name)).To(Equal(first), where)
		g.Expect(s.shelf("second", name)).To(Equal(second), where)
		g.Expect(sale.Lost()).To(BeEmpty(), where)
		if !killed.Load() {
			g.Expect(point).To(BeNumerically(">", 3), "the sequence has too few calls")
			s.T.Logf("%d points", point-1)
			return
		}
	}
}

func (s *stage) watch(plan string) *stack.Sale {
	return stack.NewSale(s.seq, func(account string) stack.Shelf { return s.shelf(account, plan) })
}

func (s *stage) prepare(name string) *v1alpha1.Plan {
	p := stack.SequencePlan(name)
	switch {
	case s.seq.Start != nil:
		s.seq.Start(p)
		s.Create(p)
		s.awaitEnd(name, nil)
	case s.seq.Adopts:
		p.Spec.Providers[0].Adopt = s.peer.Adoption(s.T, s.SandboxURL, s.key("first"))
	}
	return p
}

func (s *stage) change(p *v1alpha1.Plan) {
	g := NewWithT(s.T)
	switch {
	case s.seq.Change == nil:
		g.Expect(s.Client.Delete(context.Background(), p)).To(Succeed())
	case s.seq.Start == nil:
		s.seq.Change(p)
		s.Create(p)
	default:
		g.Eventually(func() error {
			if err := s.Client.Get(context.Background(), s.Key(p.Name), p); err != nil {
				return err
			}
			s.seq.Change(p)
			return s.Client.Update(context.Background(), p)
		}, stack.Patience).Should(Succeed())
	}
}

// killAt arms the sandbox: at its nth request from now the operator dies, before or after the request's commit.
func (s *stage) killAt(n int64, phase traffic.Phase, sale *stack.Sale) *atomic.Bool {
	var count atomic.Int64
	killed := &atomic.Bool{}
	operator := s.operator
	s.Sandbox.OnRequest(func(p traffic.Phase, r traffic.Request) {
		sale.Look(p, r)
		if p == phase && count.Add(1) == n {
			operator.Kill()
			killed.Store(true)
		}
	})
	return killed
}

// awaitEnd waits until the Plan is Ready, or gone where it is deleted, or the operator was killed, and says which.
func (s *stage) awaitEnd(name string, killed *atomic.Bool) bool {
	s.T.Helper()
	NewWithT(s.T).Eventually(func() bool {
		return killed != nil && killed.Load() || s.ended(name)
	}, stack.Patience, 20*time.Millisecond).Should(BeTrue(), name)
	return killed != nil && killed.Load()
}

func (s *stage) ended(name string) bool {
	var now v1alpha1.Plan
	err := s.Client.Get(context.Background(), s.Key(name), &now)
	if apierrors.IsNotFound(err) {
		return true
	}
	return err == nil && now.DeletionTimestamp.IsZero() && now.Status.ObservedGeneration == now.Generation &&
		meta.IsStatusConditionTrue(now.Status.Conditions, v1alpha1.ConditionReady)
}
