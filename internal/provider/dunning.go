package provider

import (
	"context"
	"fmt"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Dunner is a Connection of CapabilityDunning. It is a Seller, too: subscriptions are read and ended through
// Subscriptions.
type Dunner interface {
	Seller
	Dunning() Dunning
}

// Collector is an Adapter that says before anything is asked how its provider collects.
type Collector interface {
	DunningTraits() DunningTraits
}

// DunningTraits are the ways in which providers collect, as data that dunning decides by.
type DunningTraits struct {
	// NoCancelNow: a subscription ends with what was paid for, never before.
	NoCancelNow bool
	// NoCount: the provider does not tell how often an invoice failed. Its events are counted.
	NoCount bool
	// MaxFailures is how often one invoice can fail, after which the provider tries no more; 0 where that is not known.
	MaxFailures int
}

// Refusal says in a sentence why the provider cannot do what a spec asks, or nothing.
func (t DunningTraits) Refusal(p billing.Provider, action billing.DunningAction, after int) string {
	switch {
	case t.NoCancelNow && action == billing.DunCancel:
		return fmt.Sprintf("spec.dunning.action: %s cannot cancel a subscription at once; write CancelAtPeriodEnd", p)
	case t.MaxFailures > 0 && after > t.MaxFailures:
		return fmt.Sprintf("spec.dunning.afterFailedPayments: %s tries a payment at most %d times; write %d or less", p,
			t.MaxFailures, t.MaxFailures)
	}
	return ""
}

// Dunning reads what is owed, and pauses what is not paid for. It is safe for concurrent use.
type Dunning interface {
	Traits() DunningTraits
	// Arrears reads afresh the invoice whose payment failed, as an event of the provider's tells. An event that tells none
	// gives one without an id.
	Arrears(ctx context.Context, e *billing.Event) (Arrears, error)
	// Pause stops the collection for a subscription at once and for no fixed time. One that is paused already is no error.
	Pause(ctx context.Context, id string) (billing.Subscription, error)
}

// Arrears are an invoice, whatever the provider calls it, that failed to be paid.
type Arrears struct {
	InvoiceID      string
	SubscriptionID string
	FailedPayments int  // 0 with DunningTraits.NoCount
	Open           bool // it is still to be paid
}
