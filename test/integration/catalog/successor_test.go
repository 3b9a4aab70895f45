package catalog

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// Checkout servers sell by the Plan's status, and others by its ConfigMap: before the first old price is archived, both
// have the successors of all of them, in one write more than the edit costs anyway.
func TestTheStatusHasSuccessorsBeforeOldPricesAreArchived(t *testing.T) {
	for _, peer := range stack.Peers {
		t.Run(peer.Name, func(t *testing.T) {
			g := NewWithT(t)
			s := stack.New(t, stack.Options{})
			s.Operator()
			s.Create(stack.Secret(peer.Name, "key", peer.Key(s.Namespace)), peer.Provider(peer.Name, s.SandboxURL))
			pro := stack.Plan("pro")
			pro.Spec.Providers[0].Name = peer.Name
			pro.Spec.PublishTo = &v1alpha1.PublishTo{ConfigMapName: "pro-prices"}
			for i := range 4 {
				p := pro.Spec.Prices[0]
				p.Name = fmt.Sprintf("monthly-%d", i)
				pro.Spec.Prices = append(pro.Spec.Prices, p)
			}
			s.Create(pro)
			eventually(s, planSays(s, "pro")).Should(Equal(planReady))
			s.Quiet()
			var old []string
			for _, p := range plan(s, "pro").Status.Providers[0].Prices {
				old = append(old, p.ID)
			}
			g.Expect(old).To(HaveLen(6))

			var mu sync.Mutex
			var archived, offered, kept []string
			s.Sandbox.OnRequest(func(phase traffic.Phase, r traffic.Request) {
				id := path.Base(r.Path)
				if phase != traffic.BeforeCommit || !r.Write() || !slices.Contains(old, id) {
					return
				}
				now := &v1alpha1.Plan{}
				err := s.Client.Get(context.Background(), s.Key("pro"), now)
				cm := &corev1.ConfigMap{}
				err = errors.Join(err, s.Client.Get(context.Background(), s.Key("pro-prices"), cm))
				mu.Lock()
				defer mu.Unlock()
				archived = append(archived, id)
				if err != nil || len(now.Status.Providers[0].Prices) != len(old) {
					offered = append(offered, "not all")
					return
				}
				for _, p := range now.Status.Providers[0].Prices {
					there := cm.Data[peer.Name+".prices."+p.Name]
					if slices.Contains(old, p.ID) || p.State != v1alpha1.PriceActive || there != p.ID {
						offered = append(offered, p.Name)
					}
				}
				for _, p := range now.Status.Providers[0].RetiredPrices {
					if p.ID == id {
						kept = append(kept, id)
					}
				}
			})
			before := s.Writes()["APPLY plans/status"]
			change(s, plan(s, "pro"), func(p *v1alpha1.Plan) {
				for i := range p.Spec.Prices {
					p.Spec.Prices[i].Amount = "39.00"
				}
			})
			g.Eventually(func() int64 { return plan(s, "pro").Status.ObservedGeneration }, stack.Patience, often).
				Should(Equal(plan(s, "pro").Generation))
			eventually(s, planSays(s, "pro")).Should(Equal(planReady))
			s.Quiet()
			s.Sandbox.OnRequest(nil)
			g.Expect(archived).To(ConsistOf(old))
			g.Expect(offered).To(BeEmpty(), "prices that are about to be archived, or not on sale")
			g.Expect(kept).To(ConsistOf(old), "what is on sale still is known to be the Plan's")
			writes := 2
			if peer.Name == "paddle" {
				writes += len(old) // Paddle's creates are noted first
			}
			// The ConfigMap's change has Kassa look at the Plan once more, perhaps before it hears of its own last write:
			// then one is refused.
			g.Expect(s.Writes()["APPLY plans/status"] - before).To(Or(Equal(writes), Equal(writes+1)))
		})
	}
}
