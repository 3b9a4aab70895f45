package faults

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

const name = "pro"

// sequence is a change of a Plan that moves money: from a settled state, what is done, and what is for sale then.
type sequence struct {
	name    string
	prepare func(*world)
	change  func(*world)
	// first and second are the names of the prices that are on sale in the end at the two providers, with their amounts
	// in cents.
	first, second map[string]string
}

func newPlan(edit ...func(*v1alpha1.Plan)) *v1alpha1.Plan {
	p := stack.Plan(name)
	p.Spec.Providers = []v1alpha1.PlanProvider{{Name: "first"}}
	for _, e := range edit {
		e(p)
	}
	return p
}

func settled(w *world) {
	w.create(newPlan())
	w.settle(name, false)
}

var both = map[string]string{"monthly": "2900", "yearly": "29000"}

var sequences = []sequence{
	{"create", func(*world) {}, func(w *world) { w.create(newPlan()) }, both, nil},
	{"change amount", settled, func(w *world) {
		w.change(name, func(p *v1alpha1.Plan) { p.Spec.Prices[0].Amount = "39.00" })
	}, map[string]string{"monthly": "3900", "yearly": "29000"}, nil},
	{"change default", settled, func(w *world) {
		w.change(name, func(p *v1alpha1.Plan) { p.Spec.DefaultPrice = "yearly"; p.Spec.Description = "By the year" })
	}, both, nil},
	{"rename", settled, func(w *world) {
		w.change(name, func(p *v1alpha1.Plan) { p.Spec.Prices[0].Name = "month" })
	}, map[string]string{"month": "2900", "yearly": "29000"}, nil},
	{"adopt", func(*world) {}, func(w *world) {
		product, price := w.peer.byHand(w, "first")
		w.create(newPlan(func(p *v1alpha1.Plan) {
			p.Spec.Providers[0].Adopt = &v1alpha1.Adopt{
				ProductID: product, Prices: []v1alpha1.AdoptPrice{{Name: "monthly", ID: price}},
			}
			p.Spec.Prices[0].Amount = "39.00"
		}))
	}, map[string]string{"monthly": "3900", "yearly": "29000"}, nil},
	{"add provider", settled, func(w *world) {
		w.change(name, func(p *v1alpha1.Plan) {
			p.Spec.Providers = append(p.Spec.Providers, v1alpha1.PlanProvider{Name: "second"})
		})
	}, both, both},
	{"remove provider", func(w *world) {
		w.create(newPlan(func(p *v1alpha1.Plan) {
			p.Spec.Providers = append(p.Spec.Providers, v1alpha1.PlanProvider{Name: "second"})
		}))
		w.settle(name, false)
	}, func(w *world) {
		w.change(name, func(p *v1alpha1.Plan) { p.Spec.Providers = p.Spec.Providers[1:] })
	}, nil, both},
	{"delete", settled, func(w *world) {
		p := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}}
		if err := w.client.Delete(context.Background(), p); err != nil {
			w.t.Fatal(err)
		}
	}, nil, nil},
}

// undisturbed is the number of calls that a sequence makes when nothing goes wrong, and what is there in the end.
func undisturbed(t *testing.T, p peer, s sequence) (calls int, first, second shelf) {
	t.Helper()
	w := newWorld(t, p)
	s.prepare(w)
	w.restart()
	s.change(w)
	before := len(w.sandbox.Requests())
	w.settle(name, false)
	return len(w.sandbox.Requests()) - before, p.sold(w, "first"), p.sold(w, "second")
}
