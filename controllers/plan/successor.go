package plan

import (
	"context"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/desired"
)

// foretell publishes, before a price is taken off sale, which one is sold instead. Who sells by the status, or by the
// ConfigMap of spec.publishTo, hears of the successor while both can be bought. All of the spec's prices have their
// successors by then, so that one write tells of all of them; a price that the status does not offer costs none.
func (s *sale) foretell(
	out *outcome, rules catalog.Rules, want billing.Plan,
) func(context.Context, string, billing.Observed) error {
	return func(ctx context.Context, id string, have billing.Observed) error {
		i := desired.StatusIndex(s.plan, s.at.Name)
		if i < 0 || !isCurrent(s.plan.Status.Providers[i].Prices, id) {
			return nil
		}
		out.sells(s.Now(), rules, want, have)
		if isCurrent(out.known.Prices, id) {
			return nil
		}
		next := s.plan.Status.DeepCopy()
		next.Providers[i].Prices, next.Providers[i].RetiredPrices = out.known.Prices, out.known.RetiredPrices
		if err := s.writeStatus(ctx, s.plan, next); err != nil {
			return err
		}
		_, err := s.publish(ctx, s.plan, told(next)) // what stands in the way is told when all is done
		return err
	}
}

// told are the outcomes that a status tells of.
func told(status *v1alpha1.PlanStatus) []outcome {
	outcomes := make([]outcome, len(status.Providers))
	for i, known := range status.Providers {
		outcomes[i] = outcome{name: known.Name, known: known, gone: known.Reason == v1alpha1.ReasonMissing}
	}
	return outcomes
}
