package records

import (
	"fmt"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Reading is what a provider said of a doubtful subscription when it was asked.
type Reading struct {
	ID     string
	Moment Moment    // of the doubt
	At     time.Time // when it was read
	// Told is by the rules by which events are read; nil where the provider has no such subscription.
	Told  *billing.EventSubscription
	Ended time.Time // zero: not, or not told
}

// Complete adds what the provider did not tell and the row knows of the same price: its names, and what one costs. They
// may be those of a Plan that is gone.
func (r *Reading) Complete(row Subscription) {
	if r.Told == nil || r.Told.PriceID != row.PriceID {
		return
	}
	told := *r.Told
	if told.Plan == "" {
		told.Plan, told.Price = row.Plan, row.Price
	}
	known := row.Charge
	if told.Charge == nil && told.Quantity > 0 && known != nil &&
		(told.Currency == "" || told.Currency == known.Unit.Currency) {
		charge := *known
		charge.Quantity = told.Quantity
		told.Charge = &charge
	}
	r.Told = &told
}

// Read is what a reading comes to. It is of the doubt's moment, after its events and before all that are later. Of two
// readings the later one counts. Whose the subscription is, nobody doubted.
func Read(account Account, r Reading) Rows {
	at, _ := r.Moment.Time()
	out := Subscription{Started: at, Asked: r.Moment}
	if s := r.Told; s != nil && s.Status != "" {
		finality := passing
		if s.Status.Ended() {
			finality, out.Ended = settled, r.Ended
			if out.Ended.IsZero() {
				out.Ended = r.At
			}
		}
		out.snapshot(s)
		out.Version = version(finality, at, rankRead, fmt.Sprintf("%016d", max(r.At.UnixMicro(), 0)))
		out.Asked = max(out.Asked, out.Version.Moment())
	}
	return Rows{Subscriptions: map[SubscriptionKey]Subscription{{account, r.ID}: out}}
}
