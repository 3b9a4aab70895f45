package catalog

import (
	"fmt"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// budgetWindow is the time that a replacement counts for.
const budgetWindow = time.Hour

// BudgetError says that a plan would replace more prices of the account than its guardrails admit within an hour.
// Nothing of the plan was written.
type BudgetError struct {
	Wanted, Done, Max int
	// Until is when enough earlier replacements are an hour old. It is zero when waiting does not help, because the
	// plan alone exceeds the budget.
	Until time.Time
}

func (e BudgetError) Error() string {
	prices := "1 price"
	if e.Wanted != 1 {
		prices = fmt.Sprintf("%d prices", e.Wanted)
	}
	text := fmt.Sprintf("%s would be replaced, %d were within the last hour, and "+
		"spec.guardrails.maxReplacementsPerHour of the PaymentProvider is %d", prices, e.Done, e.Max)
	if e.Until.IsZero() {
		return text + "; if all this is meant, raise it"
	}
	return text + "; if this is meant, raise it or wait until " + e.Until.UTC().Format(time.RFC3339)
}

// Replacements counts the operations that make a price that is on sale give way.
func Replacements(steps []Operation) (n int) {
	for _, op := range steps {
		if op.Replaces() {
			n++
		}
	}
	return n
}

// spending is one plan's share of the budget that the catalogue does not show yet.
type spending struct {
	owner  ownerKey
	prices int
	at     time.Time
	done   bool // carried out; without this the plan is still at it
}

// Spend takes n replacements out of the account's budget of limit within an hour, or returns a BudgetError. How much is
// spent is read off the catalogue, where every replacement is a price that is younger than another of its name: so it
// survives the operator, and cannot be reset by starting another. What the catalogue does not show, a replacement under
// way, an old price that was put back on sale, or one whose name is gone, is remembered by this process. Done ends what
// Spend began.
func (m *Mirror) Spend(owner billing.Owner, n, limit int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	times := m.replacements(owner.Cluster, now)
	kept := m.spendings[:0]
	for _, s := range m.spendings {
		if now.Sub(s.at) >= budgetWindow || s.owner == keyOf(owner) && !s.done {
			continue // over, or begun before by the same plan
		}
		kept = append(kept, s)
		for range s.prices {
			times = append(times, s.at)
		}
	}
	m.spendings = kept
	if len(times)+n <= limit {
		m.spendings = append(m.spendings, spending{owner: keyOf(owner), prices: n, at: now})
		return nil
	}
	e := BudgetError{Wanted: n, Done: len(times), Max: limit}
	if n <= limit {
		slices.SortFunc(times, time.Time.Compare)
		e.Until = times[len(times)+n-limit-1].Add(budgetWindow)
	}
	return e
}

// Done ends what the owner's last Spend began, after Put has shown the mirror what came of it. done are the operations
// that were carried out.
func (m *Mirror) Done(owner billing.Owner, done []Operation) {
	hidden := 0
	for _, op := range done {
		if op.Replaces() && op.Kind != CreatePrice {
			hidden++
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := m.spendings[:0]
	for _, s := range m.spendings {
		if s.owner == keyOf(owner) && !s.done {
			if hidden == 0 {
				continue
			}
			s.prices, s.done = hidden, true
		}
		kept = append(kept, s)
	}
	m.spendings = kept
}

// replacements are the times, within the window, at which a cluster's prices were made in place of older ones.
func (m *Mirror) replacements(cluster string, now time.Time) []time.Time {
	var times []time.Time
	for _, o := range m.products {
		for i := range o.Prices {
			p := &o.Prices[i]
			young := now.Sub(p.Created) < budgetWindow
			if young && p.Owner.Cluster == cluster && p.Owner.Identifies() && p.Name != "" && hasElder(o.Prices, p) {
				times = append(times, p.Created)
			}
		}
	}
	return times
}

func hasElder(prices []billing.Price, p *billing.Price) bool {
	for i := range prices {
		e := &prices[i]
		older := e.Created.Before(p.Created) || e.Created.Equal(p.Created) && e.ID < p.ID
		if older && e.Owner.Same(p.Owner) && e.Name == p.Name {
			return true
		}
	}
	return false
}
