package stripe

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var _ provider.Dunner = &connection{}

type dunning struct{ *subscriptions }

func (c *connection) Dunning() provider.Dunning { return &dunning{&subscriptions{c}} }

// DunningTraits are none: Stripe counts, and does everything.
func (Adapter) DunningTraits() provider.DunningTraits { return provider.DunningTraits{} }

func (d *dunning) Traits() provider.DunningTraits { return Adapter{}.DunningTraits() }

// invoice is the part of Stripe's that dunning reads.
type invoice struct {
	stripe.APIResource
	ID           string               `json:"id"`
	Object       string               `json:"object"`
	Status       string               `json:"status"`
	AttemptCount int64                `json:"attempt_count"`
	Subscription *stripe.Subscription `json:"subscription"`
}

// Arrears reads the invoice. Stripe counts a first attempt and then its own retries; what the customer tries by hand
// between them is not counted.
func (d *dunning) Arrears(ctx context.Context, e *billing.Event) (provider.Arrears, error) {
	id, err := invoiceOf(e)
	if err != nil || id == "" {
		return provider.Arrears{}, err
	}
	out := &invoice{}
	_, err = d.call(ctx, request{
		op: "get invoice", method: http.MethodGet, path: stripe.FormatURLPath("/v1/invoices/%s", id),
		params: &stripe.InvoiceParams{}, out: out,
		valid: func() bool { return out.Object == "invoice" && out.ID == id && out.Status != "" },
	})
	if err != nil {
		return provider.Arrears{}, err
	}
	a := provider.Arrears{
		InvoiceID: id, FailedPayments: int(min(max(out.AttemptCount, 0), maxAttempts)), Open: out.Status == "open",
	}
	if out.Subscription != nil {
		a.SubscriptionID = out.Subscription.ID
	}
	return a, nil
}

// invoiceOf is the id of the invoice that an event is about, or "".
func invoiceOf(e *billing.Event) (string, error) {
	var r reader
	var native event
	r.Reset(e.Native)
	r.event(&native)
	if err := r.Close(); err != nil {
		return "", fmt.Errorf("%w: %w", provider.ErrMalformedEvent, err)
	}
	id := native.Object.Invoice
	if native.Object.Object == "invoice" {
		id = native.Object.ID
	}
	if !strings.HasPrefix(id, "in_") {
		return "", nil
	}
	return id, nil
}

// Pause stops the collection. The invoices of the time until it is taken up again are void; one that is open stays
// open.
func (d *dunning) Pause(ctx context.Context, id string) (billing.Subscription, error) {
	out, err := d.send(ctx, "pause subscription", http.MethodPost, id, &stripe.SubscriptionParams{
		PauseCollection: &stripe.SubscriptionPauseCollectionParams{Behavior: stripe.String("void")},
	})
	if err != nil {
		return billing.Subscription{}, err
	}
	return subscriptionOf(out), nil
}
