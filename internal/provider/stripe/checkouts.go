package stripe

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const opOpenCheckout = "open checkout"

// maxReference is the length of a client_reference_id, in bytes. A user's id that is longer travels in metadata alone.
const maxReference = 200

type checkouts struct{ *connection }

func (c *connection) Checkouts() provider.Checkouts { return &checkouts{c} }

// Traits of Stripe's checkouts: it has a page, ways back, and metadata on everything.
func (*checkouts) Traits() provider.CheckoutTraits { return provider.CheckoutTraits{} }

// Open makes a session. The same purchase sent twice, at whatever times, gives the same session as long as it is open.
func (c *checkouts) Open(ctx context.Context, in provider.CheckoutSpec) (provider.Checkout, error) {
	return c.open(ctx, in, time.Now())
}

func (c *checkouts) open(ctx context.Context, in provider.CheckoutSpec, now time.Time) (provider.Checkout, error) {
	params, ends := sessionParams(in), sessionEnds(in.ExpiresAt, in.ExpiryStep, now)
	out, err := create(in.IdempotencyKey, func(key string) (out provider.Checkout, a answer, err error) {
		params.IdempotencyKey = stripe.String(key)
		for _, end := range ends {
			params.ExpiresAt = end
			out, a, err = c.openAlone(ctx, params)
			if !isIdempotencyError(err) {
				break
			}
		}
		return out, a, err
	}, func(made provider.Checkout) (provider.Checkout, error) { return c.stillOpen(ctx, made.ID) })
	return out, ofParameter(err)
}

// openAlone sends a request once no other one with its key is under way. What that one is answered is the answer to
// this one, too.
func (c *checkouts) openAlone(
	ctx context.Context, params *stripe.CheckoutSessionParams,
) (provider.Checkout, answer, error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		out := &stripe.CheckoutSession{}
		a, err := c.call(ctx, request{
			op: opOpenCheckout, method: http.MethodPost, path: "/v1/checkout/sessions", params: params, out: out,
			valid: func() bool { return isOpen(out) },
		})
		if e := inUse(err); e != nil && !waits(ctx, pause) {
			e.Class = provider.ClassUnavailable // the other one may have made it, or not
		} else if e != nil {
			continue
		}
		return checkoutOf(out), a, err
	}
}

// inUse is the error that says so of the idempotency key, or nil.
func inUse(err error) *provider.Error {
	var e *provider.Error
	if errors.As(err, &e) && e.Code == string(stripe.ErrorCodeIdempotencyKeyInUse) {
		return e
	}
	return nil
}

// Pauses between questions about a request that is under way. Stripe makes a session in less than a second.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = time.Second
)

// waits reports whether there is time left after the pause.
func waits(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// stillOpen reads a session that an earlier answer told of. One that has expired counts as gone, so that another is
// made; one that was paid does not: the same purchase must not be paid twice.
func (c *checkouts) stillOpen(ctx context.Context, id string) (provider.Checkout, error) {
	out := &stripe.CheckoutSession{}
	_, err := c.call(ctx, request{
		op: opOpenCheckout, method: http.MethodGet, path: stripe.FormatURLPath("/v1/checkout/sessions/%s", id),
		params: &stripe.CheckoutSessionParams{}, out: out,
		valid: func() bool { return out.Object == "checkout.session" && out.ID == id },
	})
	ended := &provider.Error{Provider: billing.Stripe, Operation: opOpenCheckout}
	switch {
	case err != nil:
		return provider.Checkout{}, err
	case out.Status == stripe.CheckoutSessionStatusComplete:
		ended.Class, ended.Message, ended.Err = provider.ClassConflict, provider.ErrPaid.Error(), provider.ErrPaid
		return provider.Checkout{}, ended
	case !isOpen(out):
		ended.Class, ended.Message = provider.ClassNotFound, "the checkout has expired"
		return provider.Checkout{}, ended
	}
	return checkoutOf(out), nil
}

func isOpen(s *stripe.CheckoutSession) bool {
	return s.Object == "checkout.session" && s.ID != "" && s.URL != ""
}

func checkoutOf(s *stripe.CheckoutSession) provider.Checkout {
	out := provider.Checkout{ID: s.ID, URL: s.URL}
	if t := timeOf(s.ExpiresAt); t != nil {
		out.ExpiresAt = *t
	}
	return out
}

// sessionParams leaves out what is not asked for: Stripe refuses empty texts. When the session ends is added later.
func sessionParams(in provider.CheckoutSpec) *stripe.CheckoutSessionParams {
	item := &stripe.CheckoutSessionLineItemParams{Price: stripe.String(in.PriceID)}
	if in.Quantity > 0 {
		item.Quantity = stripe.Int64(int64(in.Quantity))
	}
	p := &stripe.CheckoutSessionParams{
		Mode: stripe.String("payment"), LineItems: []*stripe.CheckoutSessionLineItemParams{item},
		SuccessURL: stripe.String(strings.ReplaceAll(in.SuccessURL, billing.SessionIDPlaceholder, "{CHECKOUT_SESSION_ID}")),
		CancelURL:  optional(in.CancelURL), CustomerEmail: optional(in.Email),
		Currency: optional(strings.ToLower(string(in.Currency))), Metadata: purchaseMetadata(in),
	}
	if len(in.UserID) <= maxReference {
		p.ClientReferenceID = optional(in.UserID)
	}
	if in.PromotionCodes {
		p.AllowPromotionCodes = stripe.Bool(true)
	}
	if in.AutomaticTax {
		p.AutomaticTax = &stripe.CheckoutSessionAutomaticTaxParams{Enabled: stripe.Bool(true)}
	}
	if in.BillingAddress {
		p.BillingAddressCollection = stripe.String("required")
	}
	if in.Recurring {
		subscribeParams(p, in.Trial)
		return p
	}
	p.PaymentIntentData = &stripe.CheckoutSessionPaymentIntentDataParams{Metadata: maps.Clone(p.Metadata)}
	// Without a customer whoever bought once has no place in the provider's portal, and nothing ties two purchases.
	p.CustomerCreation = stripe.String("always")
	return p
}

func subscribeParams(p *stripe.CheckoutSessionParams, trial *provider.CheckoutTrial) {
	p.Mode = stripe.String("subscription")
	// A session's metadata stays on the session.
	data := &stripe.CheckoutSessionSubscriptionDataParams{Metadata: maps.Clone(p.Metadata)}
	p.SubscriptionData = data
	if trial == nil || trial.Days < 1 {
		return
	}
	data.TrialPeriodDays = stripe.Int64(int64(trial.Days))
	missing := map[billing.MissingPaymentMethod]string{
		billing.MissingCancel: "cancel", billing.MissingPause: "pause", billing.MissingCreateInvoice: "create_invoice",
	}[trial.OnMissing]
	if missing == "" {
		return
	}
	data.TrialSettings = &stripe.CheckoutSessionSubscriptionDataTrialSettingsParams{
		EndBehavior: &stripe.CheckoutSessionSubscriptionDataTrialSettingsEndBehaviorParams{
			MissingPaymentMethod: stripe.String(missing),
		},
	}
	p.PaymentMethodCollection = stripe.String("if_required")
}

// purchaseMetadata is what all that comes of a purchase carries. The user's id and the marks win over what the app sent
// under their names.
func purchaseMetadata(in provider.CheckoutSpec) map[string]string {
	m := metadataPatch(nil, in.Metadata)
	maps.Copy(m, saleMarks(in.Owner, in.Plan, in.Price))
	delete(m, billing.MetadataUserID)
	if in.UserID != "" {
		m[billing.MetadataUserID] = in.UserID
	}
	return m
}

// saleMarks are of whose Plan is sold, and which price of it.
func saleMarks(o billing.Owner, plan, price string) map[string]string {
	o.Name = plan
	m := marks(o, markPlan)
	m[markPrice] = price
	return m
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return stripe.String(text)
}
