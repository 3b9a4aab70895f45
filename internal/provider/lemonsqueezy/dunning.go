package lemonsqueezy

import (
	"context"
	"fmt"
	"net/http"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var _ provider.Dunner = &connection{}

// maxFailures is the first attempt and the four that LemonSqueezy makes in the two weeks after it.
const maxFailures = 5

type dunning struct{ *subscriptions }

func (c *connection) Dunning() provider.Dunning { return &dunning{&subscriptions{c}} }

// DunningTraits of LemonSqueezy: no invoice tells its attempts, and nothing ends before it was used up.
func (Adapter) DunningTraits() provider.DunningTraits {
	return provider.DunningTraits{NoCancelNow: true, NoCount: true, MaxFailures: maxFailures}
}

func (d *dunning) Traits() provider.DunningTraits { return Adapter{}.DunningTraits() }

// invoice are the attributes of a subscription's invoice that dunning reads.
type invoice struct {
	StoreID        int64  `json:"store_id"`
	SubscriptionID int64  `json:"subscription_id"`
	Status         string `json:"status"`
	TestMode       *bool  `json:"test_mode"`
}

// Arrears reads the subscription's invoice.
func (d *dunning) Arrears(ctx context.Context, e *billing.Event) (provider.Arrears, error) {
	const op = "get invoice"
	var p payload
	if err := p.read(e.Native); err != nil {
		return provider.Arrears{}, fmt.Errorf("%w: %w", provider.ErrMalformedEvent, err)
	}
	if p.kind != kindInvoice || !isID(p.id) {
		return provider.Arrears{}, nil
	}
	doc, err := get[invoice](ctx, &d.client, op, "/v1/subscription-invoices/"+p.id, kindInvoice)
	if err != nil {
		return provider.Arrears{}, err
	}
	a := doc.Data.Attributes
	if !d.owns(subscription{StoreID: a.StoreID, TestMode: a.TestMode}) || doc.Data.ID != p.id {
		return provider.Arrears{}, &provider.Error{
			Class: provider.ClassNotFound, Provider: name, Operation: op, Message: fmt.Sprintf("there is no invoice %q", p.id),
		}
	}
	return provider.Arrears{
		InvoiceID: p.id, SubscriptionID: number(a.SubscriptionID), Open: a.Status == "pending",
	}, nil
}

// pausing is the change that pauses.
type pausing struct {
	Pause struct {
		Mode string `json:"mode"`
	} `json:"pause"`
}

// Pause stops the collection, and the service with it.
func (d *dunning) Pause(ctx context.Context, id string) (billing.Subscription, error) {
	r, err := d.read(ctx, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	if got := subscriptionOf(r); got.Status == billing.StatusPaused {
		return got, nil
	}
	if err := changeable(r); err != nil {
		return billing.Subscription{}, err
	}
	var patch pausing
	patch.Pause.Mode = "void"
	got, err := d.write(ctx, "pause subscription", http.MethodPatch, id, patch)
	if err == nil && got.Status != billing.StatusPaused {
		return billing.Subscription{}, ignored()
	}
	return got, err
}
