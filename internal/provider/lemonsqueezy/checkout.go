package lemonsqueezy

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var _ provider.Seller = &connection{}

func (c *connection) Checkouts() provider.Checkouts { return &checkouts{c} }

func (c *connection) Subscriptions() provider.Subscriptions { return &subscriptions{c} }

const kindCheckout = "checkouts"

// Keys of custom data that tell in the dashboard which plan was bought. Events go by the variant.
const (
	markPlan  = "kassa_plan"
	markPrice = "kassa_price"
)

type checkouts struct{ *connection }

// checkout are the attributes of a checkout.
type checkout struct {
	StoreID   int64   `json:"store_id"`
	URL       string  `json:"url"`
	ExpiresAt *string `json:"expires_at"`
	TestMode  *bool   `json:"test_mode"`
}

// newCheckout is what a checkout is made with.
type newCheckout struct {
	Type          string             `json:"type"`
	Attributes    checkoutAttributes `json:"attributes"`
	Relationships struct {
		Store   related `json:"store"`
		Variant related `json:"variant"`
	} `json:"relationships"`
}

type related struct {
	Data identifier `json:"data"`
}

type checkoutAttributes struct {
	ProductOptions  productOptions  `json:"product_options"`
	CheckoutOptions checkoutOptions `json:"checkout_options"`
	CheckoutData    checkoutData    `json:"checkout_data"`
	ExpiresAt       string          `json:"expires_at,omitempty"`
	TestMode        bool            `json:"test_mode"`
}

type productOptions struct {
	RedirectURL     string  `json:"redirect_url,omitempty"`
	EnabledVariants []int64 `json:"enabled_variants"` // empty would be all of the product's
}

type checkoutOptions struct {
	Discount bool `json:"discount"` // there is a field for a code
}

type checkoutData struct {
	Email             string            `json:"email,omitempty"`
	Custom            map[string]string `json:"custom,omitempty"`
	VariantQuantities []variantQuantity `json:"variant_quantities"`
}

type variantQuantity struct {
	VariantID int64 `json:"variant_id"`
	Quantity  int   `json:"quantity"`
}

// Traits: LemonSqueezy's page leads only to where the buyer goes after paying, and a subscription read from the API
// has no custom data; only webhooks have it.
func (c *checkouts) Traits() provider.CheckoutTraits {
	return provider.CheckoutTraits{NoCancelURL: true, NeedsEmail: true, NoUserID: true}
}

// Open makes a checkout. A trial is the variant's own, and the seller of record settles tax and asks for the address
// that it takes, so those of the spec are not sent. Nothing tells the checkout's id to the page that a buyer comes to,
// so its place in the URL stays empty.
func (c *checkouts) Open(ctx context.Context, in provider.CheckoutSpec) (provider.Checkout, error) {
	const op = "create checkout"
	made, err := c.checkoutOf(in)
	if err != nil {
		return provider.Checkout{}, err
	}
	if in.Currency != "" {
		if err := c.takes(ctx, in.Currency); err != nil {
			return provider.Checkout{}, err
		}
	}
	var out document[checkout]
	err = c.send(ctx, request{
		op: op, method: http.MethodPost, path: "/v1/checkouts", body: map[string]newCheckout{"data": made}, into: &out,
		valid: func() bool {
			got := out.Data
			return got.Type == kindCheckout && got.ID != "" && got.Attributes.URL != "" && c.sold(got.Attributes)
		},
	})
	if err != nil {
		return provider.Checkout{}, err
	}
	a := out.Data.Attributes
	return provider.Checkout{ID: out.Data.ID, URL: a.URL, ExpiresAt: instant(a.ExpiresAt)}, nil
}

// sold says whether a checkout is of the connection's store and mode.
func (c *checkouts) sold(a checkout) bool {
	return number(a.StoreID) == c.store && (a.TestMode == nil || c.ofMode(a.TestMode))
}

// takes refuses a currency that is not the store's, which is that of all its prices.
func (c *checkouts) takes(ctx context.Context, currency billing.Currency) error {
	s, err := c.readStore(ctx)
	if err != nil {
		return err
	}
	if own, err := billing.ParseCurrency(s.Currency); err != nil || own != currency {
		return cannot("sells in the store's currency, %s, and not in %s", s.Currency, currency)
	}
	return nil
}

// checkoutOf is what a purchase is sent as.
func (c *checkouts) checkoutOf(in provider.CheckoutSpec) (newCheckout, error) {
	variant, err := variantID(in.PriceID)
	if err != nil {
		return newCheckout{}, err
	}
	out := newCheckout{Type: kindCheckout}
	out.Relationships.Store.Data = identifier{Type: "stores", ID: c.store}
	out.Relationships.Variant.Data = identifier{Type: "variants", ID: in.PriceID}
	out.Attributes = checkoutAttributes{
		ProductOptions: productOptions{
			RedirectURL:     strings.ReplaceAll(in.SuccessURL, billing.SessionIDPlaceholder, ""),
			EnabledVariants: []int64{variant},
		},
		CheckoutOptions: checkoutOptions{Discount: in.PromotionCodes},
		CheckoutData: checkoutData{
			Email: billing.LowerEmail(in.Email), Custom: customOf(in),
			VariantQuantities: []variantQuantity{{VariantID: variant, Quantity: max(in.Quantity, 1)}},
		},
		TestMode: c.mode == billing.Test,
	}
	if !in.ExpiresAt.IsZero() {
		out.Attributes.ExpiresAt = in.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return out, nil
}

// customOf is what webhooks about the purchase repeat. Nobody's metadata can claim to be a user's id or a mark.
func customOf(in provider.CheckoutSpec) map[string]string {
	out := map[string]string{}
	maps.Copy(out, in.Metadata)
	maps.DeleteFunc(out, func(key, _ string) bool { return key == userIDKey || isMark([]byte(key)) })
	for key, value := range map[string]string{userIDKey: in.UserID, markPlan: in.Plan, markPrice: in.Price} {
		if value != "" {
			out[key] = value
		}
	}
	return out
}

// variantID is a price's id as the number that it is in attributes.
func variantID(id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || !isID(id) {
		return 0, cannot("has no variant %q", id)
	}
	return n, nil
}

func cannot(format string, args ...any) error {
	return &provider.RefusalError{Provider: name, Reason: fmt.Sprintf(format, args...)}
}
