package paddle

import (
	"context"
	"errors"
	"net/url"
	"regexp"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var transactionIDs = regexp.MustCompile(`^txn_[a-z0-9]{26}$`)

// checkouts are transactions: each is one purchase by one buyer, who pays it with Paddle's script on a page of Kassa's.
type checkouts struct{ *connection }

func (c *connection) Checkouts() provider.Checkouts { return &checkouts{c} }

// Traits of Paddle's checkouts. The page is Kassa's own, so that it leads back wherever it wants.
func (c *checkouts) Traits() provider.CheckoutTraits {
	return provider.CheckoutTraits{BuyerPage: true, NeedsEmail: true}
}

// Open makes a transaction. Where the buyer goes afterwards, and whether there is a field for a code, the page tells
// Paddle's script. The trial is that of the price, and taxes and addresses are Paddle's own affair. A transaction that
// nobody pays does not end; nothing keeps a second request from making another one, which costs nobody anything.
func (c *checkouts) Open(ctx context.Context, in provider.CheckoutSpec) (provider.Checkout, error) {
	const op = "create transaction"
	if !ids.MatchString(in.PriceID) {
		return provider.Checkout{}, c.notFound(op, in.PriceID)
	}
	req := &paddle.CreateTransactionRequest{
		Items: []paddle.CreateTransactionItems{
			*paddle.NewCreateTransactionItemsTransactionItemFromCatalog(&paddle.TransactionItemFromCatalog{
				PriceID: in.PriceID, Quantity: max(in.Quantity, 1),
			}),
		},
		CustomData:     checkoutData(in),
		CollectionMode: paddle.PtrTo(paddle.CollectionModeAutomatic),
		Checkout:       &paddle.TransactionCheckout{URL: &in.PageURL},
	}
	if in.Currency != "" {
		req.CurrencyCode = paddle.PtrTo(paddle.CurrencyCode(in.Currency))
	}
	customer, err := c.customerFor(ctx, in.Email)
	if err != nil {
		return provider.Checkout{}, err
	}
	if customer != "" {
		req.CustomerID = &customer
	}
	ctx, _ = withCall(ctx, op)
	t, err := c.sdk.CreateTransaction(ctx, req)
	if err != nil {
		return provider.Checkout{}, refusalOf(asError(op, err))
	}
	return checkoutOf(op, t)
}

// checkoutOf has no end: a transaction waits for its buyer.
func checkoutOf(op string, t *paddle.Transaction) (provider.Checkout, error) {
	if t == nil || !transactionIDs.MatchString(t.ID) || t.Checkout == nil || t.Checkout.URL == nil {
		return provider.Checkout{}, asError(op, errUnexpected)
	}
	if u, err := url.Parse(*t.Checkout.URL); err != nil || u.Host == "" {
		return provider.Checkout{}, asError(op, errUnexpected)
	}
	return provider.Checkout{ID: t.ID, URL: *t.Checkout.URL}, nil
}

// checkoutData is what Paddle hands on from the transaction to its subscription. The marks of the price, which say
// more, travel with the items.
func checkoutData(in provider.CheckoutSpec) paddle.CustomData {
	data := paddle.CustomData{}
	if in.Plan != "" {
		data[markPlan] = "/" + in.Plan
	}
	if in.Price != "" {
		data[markPrice] = in.Price
	}
	for k, v := range in.Metadata {
		if k != billing.MetadataUserID { // whose it is, is not for the buyer to say
			data[k] = v
		}
	}
	if in.UserID != "" {
		data[billing.MetadataUserID] = in.UserID
	}
	return data
}

// refusalOf makes a *provider.RefusalError of what Paddle does not do by its rules, and leaves every other error.
func refusalOf(err error) error {
	var e *provider.Error
	if !errors.As(err, &e) {
		return err
	}
	if reason, ok := reasons[e.Code]; ok {
		return &provider.RefusalError{Provider: name, Reason: reason}
	}
	return err
}

// reasons are the rules by which Paddle refuses, for whoever asked.
var reasons = map[string]string{
	"transaction_item_quantity_out_of_range": tooMany,
	"subscription_quantity_not_valid":        tooMany,
	"transaction_balance_less_than_charge_limit": "does not charge so little: the amount is below its minimum for the " +
		"currency",

	"subscription_update_when_canceled":       ended,
	"subscription_is_canceled_action_invalid": ended,
	"subscription_is_inactive_action_invalid": "does not do this for a subscription that is paused or has ended",
	"subscription_not_active":                 "does this for an active subscription alone",
	"subscription_update_when_trialing":       trialing,
	"subscription_trialing_items_update_invalid_options": "charges nothing during a trial: the plan can be changed " +
		"without proration alone until the trial ends",
	"subscription_update_when_past_due":    "does not change a subscription with an unpaid bill: pay the bill first",
	"subscription_outstanding_transaction": "does not change a subscription with an unpaid bill: pay the bill first",
	"subscription_outstanding_pending_refund": "does not change a subscription while a refund waits for approval: " +
		"try again when it is decided",
	"subscription_only_update_items_on_paused_subscription": paused,
	"subscription_incorrect_proration_on_paused_subscription": "charges nothing while a subscription is paused: the " +
		"plan can be changed without proration alone",
	"subscription_locked_renewal": "does not change a subscription shortly before it renews: try again in an hour",
	"subscription_locked_processing": "is still at work on an earlier change of this subscription: try again in a " +
		"minute",
	"subscription_locked_pending_changes":                    scheduled,
	"subscription_scheduled_change_invalid_update":           scheduled,
	"subscription_invalid_billing_mode_for_scheduled_change": scheduled,
	"subscription_payment_declined": "could not collect the payment for the change, so nothing was changed: update " +
		"the payment method and try again",
	"subscription_missing_payment_method_cannot_update": "has no payment method for this subscription: add one and try " +
		"again",
	"subscription_update_transaction_balance_less_than_charge_limit": "does not charge so little as this change costs: " +
		"choose a proration for the next period",
	"subscription_immediate_charge_hour_limit_exceeded": "takes only so many charges for one subscription: try again in " +
		"an hour",
	"subscription_immediate_charge_24_hour_limit_exceeded": "takes only so many charges for one subscription: try again " +
		"in a day",
	"subscription_new_items_not_valid": "does not bill this price together with what the subscription has: the billing " +
		"periods differ",
	"subscription_currency_update_not_allowed": "does not change the currency of this subscription",
	"subscription_not_automatic_collection":    "does not do this for a subscription that is paid by invoice",
}

const (
	tooMany        = "does not sell this quantity: a price has a maximum there, which is 100 unless the seller set another"
	ended          = "does not change a subscription that has ended: buy the plan again"
	trialing       = "does not do this during a trial"
	paused         = "changes nothing but the plan of a paused subscription: only the seller can resume it"
	pausedBySeller = "does not bill this subscription: it is paused; only the seller can resume it"
	scheduled      = "does not change a subscription that is set to end or to pause: undo that first"
)
