package plan

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/catalog"
)

// refusals remembers what providers refused for good, so that a Plan that cannot be carried out does not ask for it at
// every snapshot. It begins anew with another spec or another key, when the user asks, and after forgetAfter, because
// the cause may be where Kassa does not look, such as in the settings of the account. The zero value is ready.
type refusals struct {
	mu  sync.Mutex
	all map[types.UID]map[string]refusal // by Plan and name of the provider
}

// forgetAfter is how often a Plan asks for what a provider refused for good, while nothing changes.
const forgetAfter = time.Hour

type refusal struct {
	generation int64
	account    *accounts.Account // another one for each key
	since      time.Time
	of         *catalog.Refusals
}

// at are the refusals of a sale. The caller adds to them; a Plan is worked on by one at a time.
func (r *refusals) at(s *sale) *catalog.Refusals {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[types.UID]map[string]refusal{}
	}
	plan := r.all[s.plan.UID]
	if plan == nil {
		plan = map[string]refusal{}
		r.all[s.plan.UID] = plan
	}
	known := plan[s.at.Name]
	over := s.Now().Sub(known.since) >= forgetAfter
	if s.asked || over || known.generation != s.plan.Generation || known.account != s.account {
		known = refusal{s.plan.Generation, s.account, s.Now(), &catalog.Refusals{}}
		plan[s.at.Name] = known
	}
	return known.of
}

func (r *refusals) forget(plan types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, plan)
}
