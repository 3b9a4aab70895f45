package lemonsqueezy_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	checkoutID  = "5e8b546c-c561-4a2c-a586-40c18bb2a195"
	checkoutURL = "https://shop.example.com/checkout/custom/" + checkoutID + "?signature=x"
)

func checkoutDoc(more string) string {
	return documentOf("checkouts", checkoutID, `"store_id":77,"variant_id":88,"custom_price":null,"url":"`+checkoutURL+
		`","expires_at":"2026-03-01T11:00:00.000000Z","created_at":"2026-03-01T10:00:00.000000Z",`+
		`"updated_at":"2026-03-01T10:00:00.000000Z","test_mode":true`+more)
}

func purchase() provider.CheckoutSpec {
	return provider.CheckoutSpec{
		ProductID: "3", PriceID: "88", Plan: "pro", Price: "monthly", Recurring: true, Quantity: 3,
		SuccessURL: "https://app.example.com/done?session={SESSION_ID}", CancelURL: "https://app.example.com/pricing",
		UserID: "u7", Email: "jane@example.com", Metadata: map[string]string{"team": "blue"}, PromotionCodes: true,
		AutomaticTax: true, ExpiresAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600)),
	}
}

func TestOpen(t *testing.T) {
	g := NewWithT(t)
	s, p := seller(t, map[string][]string{"POST /v1/checkouts": {checkoutDoc("")}})
	g.Expect(s.Checkouts().Traits()).To(Equal(provider.CheckoutTraits{
		NoCancelURL: true, NeedsEmail: true, NoUserID: true,
	}))
	got, err := s.Checkouts().Open(t.Context(), purchase())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(provider.Checkout{
		ID: checkoutID, URL: checkoutURL, ExpiresAt: time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC),
	}))
	g.Expect(p.asked).To(HaveLen(1))
	g.Expect(p.asked[0].body).To(Equal(map[string]any{"data": map[string]any{
		"type": "checkouts",
		"attributes": map[string]any{
			"product_options": map[string]any{
				"redirect_url": "https://app.example.com/done?session=", "enabled_variants": []any{88.},
			},
			"checkout_options": map[string]any{"discount": true},
			"checkout_data": map[string]any{
				"email": "jane@example.com",
				"custom": map[string]any{
					"user_id": "u7", "team": "blue", "kassa_plan": "pro", "kassa_price": "monthly",
				},
				"variant_quantities": []any{map[string]any{"variant_id": 88., "quantity": 3.}},
			},
			"expires_at": "2026-03-01T11:00:00Z", "test_mode": true,
		},
		"relationships": map[string]any{
			"store":   map[string]any{"data": map[string]any{"type": "stores", "id": "77"}},
			"variant": map[string]any{"data": map[string]any{"type": "variants", "id": "88"}},
		},
	}}))
}

// What is not known is left out. Metadata never makes a purchase another user's.
func TestOpenForNobody(t *testing.T) {
	g := NewWithT(t)
	s, p := seller(t, map[string][]string{"POST /v1/checkouts": {checkoutDoc(`,"expires_at":null`)}})
	got, err := s.Checkouts().Open(t.Context(), provider.CheckoutSpec{
		PriceID: "88", Metadata: map[string]string{"user_id": "u8", "kassa_plan": "free"},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.ExpiresAt).To(BeZero())
	attributes := p.asked[0].body["data"].(map[string]any)["attributes"]
	g.Expect(attributes).To(Equal(map[string]any{
		"product_options":  map[string]any{"enabled_variants": []any{88.}},
		"checkout_options": map[string]any{"discount": false},
		"checkout_data": map[string]any{
			"variant_quantities": []any{map[string]any{"variant_id": 88., "quantity": 1.}},
		},
		"test_mode": true,
	}))
}

// The currency is the store's.
func TestOpenInACurrency(t *testing.T) {
	g := NewWithT(t)
	s, p := seller(t, map[string][]string{
		"POST /v1/checkouts": {checkoutDoc("")}, "GET /v1/stores/77": {documentOf("stores", "77", `"currency":"EUR"`)},
	})
	in := purchase()
	in.Currency = "EUR"
	_, err := s.Checkouts().Open(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	p.asked = nil
	in.Currency = billing.Currency("USD")
	_, err = s.Checkouts().Open(t.Context(), in)
	refused(g, err, "the store's currency, EUR, and not in USD")
	g.Expect(p.asked).To(HaveLen(1), "the store alone was read")

	in.PriceID = "price_1"
	_, err = s.Checkouts().Open(t.Context(), in)
	refused(g, err, `no variant "price_1"`)
}

// An answer about another store or mode is none.
func TestOpenedElsewhere(t *testing.T) {
	for _, more := range []string{`,"store_id":78`, `,"test_mode":false`, `,"url":""`} {
		g := NewWithT(t)
		s, _ := seller(t, map[string][]string{"POST /v1/checkouts": {checkoutDoc(more)}})
		_, err := s.Checkouts().Open(t.Context(), purchase())
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable), more)
	}
}
