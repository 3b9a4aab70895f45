package webhookserver

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/serving"
)

// namedPrice is what the Plans of the namespace call a price.
type namedPrice struct {
	plan string
	planPrice
}

// plans knows the names of the prices of the namespace's Plans, and what they cost, retired ones too. It keeps nothing
// else of a Plan.
type plans struct {
	// cluster and namespace are those whose Plans' marks are believed.
	cluster, namespace string

	// since is when run began, in nanoseconds; 0: not yet. known: all Plans were read once.
	since atomic.Int64
	known atomic.Bool

	mu     sync.RWMutex
	byID   map[string]namedPrice
	byPlan map[string][]string // the ids that a Plan has in byID
}

// plansPatience is how long names are waited for. An API server that does not answer has no receiver either; one that
// tells of the receiver, and not of the Plans, must not keep events from being taken.
const plansPatience = time.Minute

// unknown says that no Plan was read yet, and that this is worth waiting for: what is written down of an event without
// names stays without.
func (p *plans) unknown(now time.Time) bool {
	if p.known.Load() {
		return false
	}
	since := p.since.Load()
	return since == 0 || now.Sub(time.Unix(0, since)) < plansPatience
}

func newPlans(cluster, namespace string) *plans {
	return &plans{
		cluster: cluster, namespace: namespace, byID: map[string]namedPrice{}, byPlan: map[string][]string{},
	}
}

// run follows the Plans of the namespace until ctx ends. An entry is kept for every provider of a Plan; ids of
// different providers do not clash.
func (p *plans) run(ctx context.Context, c client.WithWatch, log *slog.Logger) {
	p.since.Store(time.Now().UnixNano())
	late := time.AfterFunc(plansPatience, func() {
		log.Warn("the Plans cannot be read; events are recorded without the names of plans until they are")
	})
	defer late.Stop()
	var seen map[string]bool
	f := serving.Follower{
		Client: c, Log: log, What: "plans",
		List:  func() client.ObjectList { return &v1alpha1.PlanList{} },
		Opts:  []client.ListOption{client.InNamespace(p.namespace)},
		Begin: func() { seen = map[string]bool{} },
		Set: func(o client.Object) {
			if seen != nil {
				seen[o.GetName()] = true
			}
			p.set(o.GetName(), pricesOf(o.(*v1alpha1.Plan)))
		},
		Gone: func(o client.Object) { p.set(o.GetName(), nil) },
		End: func() {
			p.keep(seen)
			seen = nil
			p.known.Store(true)
			late.Stop()
		},
	}
	f.Run(ctx)
}

// name says which Plan and price an event is about: by the price's id in the status of a Plan of the namespace, or else
// by the marks at the provider, if they are of this cluster and namespace, as those of a Plan that is gone are. Others
// who share the account may have a Plan of the same name, whose sale is none of this namespace's business. What the
// subscription costs the Plan says where the event does not.
func (p *plans) name(e *billing.Event) {
	s := e.Subscription
	if s == nil {
		return
	}
	named := *s
	p.mu.RLock()
	found, ok := p.byID[s.PriceID]
	p.mu.RUnlock()
	switch {
	case ok:
		named.Plan, named.Price = found.plan, found.name
		if named.Charge == nil {
			named.Charge = found.charge(s)
		}
	case p.cluster == "" || s.Owner.Cluster != p.cluster || s.Owner.Namespace != p.namespace:
		named.Plan, named.Price = "", ""
	}
	e.Subscription = &named
}

// recurring says that the price is a Plan's, and of a subscription.
func (p *plans) recurring(priceID string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.byID[priceID].repeats
}

func (p *plans) set(plan string, prices map[string]planPrice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range p.byPlan[plan] {
		if p.byID[id].plan == plan {
			delete(p.byID, id)
		}
	}
	delete(p.byPlan, plan)
	for id, price := range prices {
		p.byID[id] = namedPrice{plan, price}
		p.byPlan[plan] = append(p.byPlan[plan], id)
	}
}

func (p *plans) keep(seen map[string]bool) {
	p.mu.RLock()
	var gone []string
	for plan := range p.byPlan {
		if !seen[plan] {
			gone = append(gone, plan)
		}
	}
	p.mu.RUnlock()
	for _, plan := range gone {
		p.set(plan, nil)
	}
}
