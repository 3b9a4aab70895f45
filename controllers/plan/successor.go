package plan

import (
	"context"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
)

// foretell publishes, before a price is taken off sale, which one is sold instead. Who sells by the status hears of the
// successor while both can be bought. All of the spec's prices have their successors by then, so that one write tells
// of all of them; a price that the status does not offer costs none.
func (s *sale) foretell(
	out *outcome, rules catalog.Rules, want billing.Plan,
) func(context.Context, string, billing.Observed) error {
	return func(ctx context.Context, id string, have billing.Observed) error {
		i := statusIndex(s.plan, s.at.Name)
		if i < 0 || !isCurrent(s.plan.Status.Providers[i].Prices, id) {
			return nil
		}
		out.sells(s.Now(), rules, want, have)
		if isCurrent(out.known.Prices, id) {
			return nil
		}
		next := s.plan.Status.DeepCopy()
		next.Providers[i].Prices, next.Providers[i].RetiredPrices = out.known.Prices, out.known.RetiredPrices
		return s.writeStatus(ctx, s.plan, next)
	}
}
