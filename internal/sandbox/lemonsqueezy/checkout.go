package lemonsqueezy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// Checkout is a checkout on the wire. It can be paid any number of times until it expires, which without expires_at it
// never does.
type Checkout struct {
	ID              string          `json:"-"`
	StoreID         int64           `json:"store_id"`
	VariantID       int64           `json:"variant_id"`
	CustomPrice     *int64          `json:"custom_price"`
	ProductOptions  ProductOptions  `json:"product_options"`
	CheckoutOptions CheckoutOptions `json:"checkout_options"`
	CheckoutData    CheckoutData    `json:"checkout_data"`
	ExpiresAt       Stamp           `json:"expires_at"`
	CreatedAt       Stamp           `json:"created_at"`
	UpdatedAt       Stamp           `json:"updated_at"`
	TestMode        bool            `json:"test_mode"`
	URL             string          `json:"url"`

	base    string
	pending *hosted.Details // of a card that asks for authentication
}

// ProductOptions are what the page shows of the product, and where the buyer goes afterwards.
type ProductOptions struct {
	Name                   string   `json:"name"`
	Description            string   `json:"description"`
	Media                  []string `json:"media"`
	RedirectURL            string   `json:"redirect_url"`
	ReceiptButtonText      string   `json:"receipt_button_text"`
	ReceiptLinkURL         string   `json:"receipt_link_url"`
	ReceiptThankYouNote    string   `json:"receipt_thank_you_note"`
	EnabledVariants        []int64  `json:"enabled_variants"`
	ConfirmationTitle      string   `json:"confirmation_title"`
	ConfirmationMessage    string   `json:"confirmation_message"`
	ConfirmationButtonText string   `json:"confirmation_button_text"`
}

// CheckoutOptions are what the page offers.
type CheckoutOptions struct {
	Embed               bool   `json:"embed"`
	Media               bool   `json:"media"`
	Logo                bool   `json:"logo"`
	Desc                bool   `json:"desc"`
	Discount            bool   `json:"discount"`
	SkipTrial           bool   `json:"skip_trial"`
	Quantity            int64  `json:"quantity"`
	SubscriptionPreview bool   `json:"subscription_preview"`
	ButtonColor         string `json:"button_color"`
}

// CheckoutData is what is known of the buyer and of the purchase.
type CheckoutData struct {
	Email             string            `json:"email"`
	Name              string            `json:"name"`
	BillingAddress    map[string]string `json:"billing_address"`
	TaxNumber         string            `json:"tax_number"`
	DiscountCode      string            `json:"discount_code"`
	Custom            Custom            `json:"custom"`
	VariantQuantities []VariantQuantity `json:"variant_quantities"`
}

// VariantQuantity is how much of a variant is bought.
type VariantQuantity struct {
	VariantID int64 `json:"variant_id"`
	Quantity  int64 `json:"quantity"`
}

// Custom is custom data. LemonSqueezy writes an empty one as a list, and every value comes back as a text.
type Custom map[string]any

// MarshalJSON implements json.Marshaler.
func (c Custom) MarshalJSON() ([]byte, error) {
	if len(c) == 0 {
		return []byte("[]"), nil
	}
	return json.Marshal(map[string]any(c))
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Custom) UnmarshalJSON(b []byte) error {
	if string(b) == "[]" || string(b) == "null" {
		return nil
	}
	var given map[string]any
	if err := json.Unmarshal(b, &given); err != nil {
		return err
	}
	*c = Custom{}
	for name, value := range given {
		text, ok := value.(string)
		if !ok {
			text = strings.Trim(string(plain(value)), `"`)
		}
		(*c)[name] = text
	}
	return nil
}

func listCheckouts(c *call) (any, *apiError) {
	passes, err := c.filtered("store_id", "variant_id")
	if err != nil {
		return nil, err
	}
	var all []*Checkout
	for _, x := range slices.Backward(c.checkouts) {
		if x.TestMode == c.test && passes("store_id", x.StoreID) && passes("variant_id", x.VariantID) {
			all = append(all, x)
		}
	}
	return page(c, "checkouts", all, func(x *Checkout) string { return x.ID })
}

func getCheckout(c *call) (any, *apiError) {
	if x := c.checkout(c.r.PathValue("id")); x != nil && x.TestMode == c.test {
		return document("checkouts", x.ID, x), nil
	}
	return nil, notFound()
}

func (s *Server) checkout(id string) *Checkout {
	for _, x := range s.checkouts {
		if x.ID == id {
			return x
		}
	}
	return nil
}

func createCheckout(c *call) (any, *apiError) {
	doc, err := c.written("checkouts", "")
	if err != nil {
		return nil, err
	}
	x := &Checkout{
		ID: newUUID(), TestMode: c.test, CreatedAt: Stamp{c.now()}, UpdatedAt: Stamp{c.now()}, base: c.base(),
		CheckoutOptions: CheckoutOptions{
			Media: true, Logo: true, Desc: true, Discount: true, SubscriptionPreview: true, Quantity: 1,
			ButtonColor: "#7047EB",
		},
	}
	problems := c.readCheckout(x, doc.Data.Attributes)
	problems = append(problems, c.readSold(x, doc)...)
	if len(problems) > 0 {
		return nil, problems.join()
	}
	x.URL = x.base + "/checkout/custom/" + x.ID + "?signature=" + c.sign(x.ID)
	c.checkouts = append(c.checkouts, x)
	return document("checkouts", x.ID, x), nil
}

// readSold reads what is sold: a variant of a store, both of the key's mode.
func (c *call) readSold(x *Checkout, doc writtenDocument) (found apiErrors) {
	invalid := func(name string) apiErrors {
		return apiErrors{unprocessable("/data/relationships/"+name, "The selected "+name+" is invalid.")}
	}
	store, variant := doc.related("store", "stores"), doc.related("variant", "variants")
	v := c.variant(variant)
	if v == nil || v.TestMode != c.test {
		return invalid("variant")
	}
	p := c.product(v.ProductID)
	if p == nil || p.StoreID != store {
		return invalid("store")
	}
	x.StoreID, x.VariantID = store, variant
	for i, q := range x.CheckoutData.VariantQuantities {
		if other := c.variant(q.VariantID); other == nil || other.ProductID != v.ProductID || q.Quantity < 1 {
			at := fmt.Sprintf("checkout_data/variant_quantities/%d", i)
			found = append(found, unprocessable(attribute(at), "The variant quantity is invalid."))
		}
	}
	for i, id := range x.ProductOptions.EnabledVariants {
		if other := c.variant(id); other == nil || other.ProductID != v.ProductID {
			at := fmt.Sprintf("product_options/enabled_variants/%d", i)
			found = append(found, unprocessable(attribute(at), "The selected variant is invalid."))
		}
	}
	return found
}

// readCheckout writes the attributes into a checkout, and tells what is wrong with them.
func (c *call) readCheckout(x *Checkout, attributes map[string]json.RawMessage) (found apiErrors) {
	var preview bool
	test := c.test
	var expires *time.Time
	fields := map[string]any{
		"custom_price": &x.CustomPrice, "product_options": &x.ProductOptions, "checkout_options": &x.CheckoutOptions,
		"checkout_data": &x.CheckoutData, "expires_at": &expires, "preview": &preview, "test_mode": &test,
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		into, known := fields[name]
		switch {
		case !known:
			found = append(found, unprocessable(attribute(name), "The "+name+" field is not supported."))
		case json.Unmarshal(attributes[name], into) != nil:
			found = append(found, unprocessable(attribute(name), "The "+name+" field is invalid."))
		}
	}
	if test != c.test {
		found = append(found, unprocessable(attribute("test_mode"), "The test mode must be that of the API key."))
	}
	if redirect := x.ProductOptions.RedirectURL; redirect != "" && !webURL(redirect) {
		found = append(found, unprocessable(attribute("product_options/redirect_url"), "The redirect url is invalid."))
	}
	if expires != nil {
		// Whoever makes a checkout goes by the time outside.
		x.ExpiresAt = Stamp{expires.Add(c.opt.Clock.Ahead())}
		if !x.ExpiresAt.After(c.now()) {
			found = append(found, unprocessable(attribute("expires_at"), "The expires at must be a date after now."))
		}
	}
	return found
}

// related is the id of a related object of some kind, or -1.
func (d *writtenDocument) related(name, kind string) int64 {
	to := d.Data.Relationships[name].Data
	if to == nil || to.Type != kind {
		return -1
	}
	id, err := strconv.ParseInt(to.ID, 10, 64)
	if err != nil {
		return -1
	}
	return id
}

func (x *Checkout) over(now time.Time) bool {
	return !x.ExpiresAt.IsZero() && !now.Before(x.ExpiresAt.Time)
}

// saleOfCheckout is what a buyer of a checkout buys. Of several variants that it shows, it is the one it was made for.
func (s *Server) saleOfCheckout(x *Checkout) *sale {
	b := s.saleOf(s.variant(x.VariantID))
	b.customPrice, b.skipTrial = x.CustomPrice, x.CheckoutOptions.SkipTrial
	b.custom, b.base = x.CheckoutData.Custom, x.base
	for _, q := range x.CheckoutData.VariantQuantities {
		if q.VariantID == x.VariantID {
			b.quantity = q.Quantity
		}
	}
	if x.CheckoutData.Name != "" {
		b.name = x.CheckoutData.Name
	}
	return b
}
