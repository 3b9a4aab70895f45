package checkoutserver

import (
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// changeable refuses another plan to a subscription whose time is not paid for: with a proration, what is left of it
// would be credited all the same, so that whoever pays nothing gets money for it. One that has ended, the provider
// refuses with a reason of its own.
func (o *owned) changeable() error {
	var why string
	switch o.Status {
	case billing.StatusActive, billing.StatusTrialing, billing.StatusCanceling, billing.StatusCanceled,
		billing.StatusIncompleteExpired:
		return nil
	case billing.StatusPastDue, billing.StatusUnpaid:
		why = "has an unpaid bill for this subscription: pay it in the customer portal, then change the plan"
	case billing.StatusIncomplete:
		why = "waits for the first payment of this subscription: pay it in the customer portal, then change the plan"
	case billing.StatusPaused:
		why = "has this subscription paused: its plan can be changed when it goes on"
	default:
		why = "does not say that this subscription is paid for, so that its plan cannot be changed"
	}
	return &provider.RefusalError{Provider: o.at.Type, Reason: why}
}
