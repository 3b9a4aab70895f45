package checkoutserver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/storefront"
)

func TestCheckout(t *testing.T) {
	s := newShop(t, onlyStripe, func(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
		e.Spec.Checkout = &v1alpha1.CheckoutOptions{
			AllowPromotionCodes: true, AutomaticTax: true, CollectBillingAddress: v1alpha1.BillingAddressRequired,
			ExpiresAfter: &metav1.Duration{Duration: time.Hour},
		}
	})
	r := s.as("u1,ada@example.com", http.MethodPost, "/v1/checkouts", `{"plan":"pro","price":"monthly","quantity":3,
		"currency":"eur","successURL":"https://app.example.com/thanks?id={SESSION_ID}","metadata":{"order":"7"}}`)
	s.g.Expect(r.status).To(Equal(http.StatusCreated))
	s.g.Expect(r.header.Get("Cache-Control")).To(Equal("no-store"))
	var got checkout
	r.into(&got)
	s.g.Expect(got.ID).To(Equal("cs_1"))
	s.g.Expect(got.URL).To(Equal("https://pay.example.com/cs_1"))
	s.g.Expect(got.Provider).To(Equal("Stripe"))
	s.g.Expect(*got.ExpiresAt).To(BeTemporally("~", time.Now().Add(time.Hour), 6*time.Minute))

	in := s.stripe.checkouts()[0]
	s.g.Expect(in.IdempotencyKey).To(HaveLen(64))
	s.g.Expect(in.ExpiresAt).To(BeTemporally("==", *got.ExpiresAt))
	in.IdempotencyKey, in.ExpiresAt, in.ExpiryStep = "", time.Time{}, 0
	s.g.Expect(in).To(Equal(provider.CheckoutSpec{
		ProductID: "prod_1", PriceID: "price_monthly", Plan: "pro", Price: "monthly", Recurring: true,
		Owner: billing.Owner{Cluster: "cluster-1", Namespace: testNamespace, Name: "pro", UID: "uid-pro"},
		Trial: &provider.CheckoutTrial{Days: 14, OnMissing: billing.MissingCancel}, Quantity: 3, Currency: "EUR",
		SuccessURL: "https://app.example.com/thanks?id={SESSION_ID}", CancelURL: "https://app.example.com/pricing",
		UserID: "u1", Email: "ada@example.com", Metadata: map[string]string{"order": "7"},
		PromotionCodes: true, AutomaticTax: true, BillingAddress: true,
	}))
	s.g.Expect(s.log.String()).NotTo(Or(ContainSubstring("ada@"), ContainSubstring("u1"), ContainSubstring("cs_1")))
}

func TestCheckoutOfWhatIsPaidOnceHasNoTrial(t *testing.T) {
	s := newShop(t, onlyStripe)
	s.g.Expect(s.as("u1", http.MethodPost, "/v1/checkouts", `{"plan":"pro","price":"lifetime"}`).status).To(Equal(201))
	in := s.stripe.checkouts()[0]
	s.g.Expect(in.Recurring).To(BeFalse())
	s.g.Expect(in.Trial).To(BeNil())
	s.g.Expect(in.Quantity).To(Equal(1))
}

func TestCheckoutOfUsageHasNoQuantity(t *testing.T) {
	s := newShop(t, onlyStripe)
	r := s.as("u1", http.MethodPost, "/v1/checkouts", `{"plan":"pro","price":"usage","quantity":2}`)
	s.g.Expect(r.problem()).To(Equal("invalid"))
	s.g.Expect(s.as("u1", http.MethodPost, "/v1/checkouts", `{"plan":"pro","price":"usage"}`).status).To(Equal(201))
	s.g.Expect(s.stripe.checkouts()[0].Quantity).To(Equal(0))
}

// Whatever a client sends, nothing is opened that the storefront does not sell, and nothing leads to another site.
func TestHostilePurchases(t *testing.T) {
	s := newShop(t)
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprintf(`"k%d":"v"`, i)
	}
	with := func(member string) string { return `{"plan":"pro","price":"monthly",` + member + `}` }
	for name, c := range map[string]struct{ body, problem string }{
		"no body":                      {"", "media-type"},
		"no JSON":                      {"plan=pro", "malformed"},
		"null":                         {"null", "malformed"},
		"a list":                       {"[]", "malformed"},
		"two objects":                  {`{"plan":"pro","price":"monthly"}{}`, "malformed"},
		"no UTF-8":                     {with("\"email\":\"\xff@example.com\""), "malformed"},
		"a member twice":               {`{"plan":"free","plan":"pro","price":"monthly"}`, "malformed"},
		"metadata twice":               {with(`"metadata":{"a":"1","a":"2"}`), "malformed"},
		"an amount":                    {with(`"amount":1`), "malformed"},
		"a unit amount":                {with(`"unit_amount":1`), "malformed"},
		"a user":                       {with(`"userID":"u2"`), "malformed"},
		"a name in other case":         {`{"Plan":"pro","price":"monthly"}`, "malformed"},
		"a price's id":                 {with(`"priceID":"price_1"`), "malformed"},
		"an amount for the plan":       {`{"plan":{"amount":1},"price":"monthly"}`, "malformed"},
		"an unknown plan":              {`{"plan":"../pro","price":"monthly"}`, "not-for-sale"},
		"an unknown price":             {`{"plan":"pro","price":"free"}`, "not-for-sale"},
		"a long plan":                  {`{"plan":"` + strings.Repeat("p", 300) + `","price":"monthly"}`, "not-for-sale"},
		"no quantity":                  {with(`"quantity":0`), "invalid"},
		"a negative quantity":          {with(`"quantity":-1`), "invalid"},
		"a large quantity":             {with(`"quantity":10001`), "invalid"},
		"a huge quantity":              {with(`"quantity":1e30`), "malformed"},
		"half a quantity":              {with(`"quantity":0.5`), "malformed"},
		"no currency":                  {with(`"currency":"XXX"`), "not-for-sale"},
		"another currency":             {with(`"currency":"JPY"`), "not-for-sale"},
		"a foreign site":               {with(`"successURL":"https://evil.example.com/"`), "invalid"},
		"a foreign site to give up at": {with(`"cancelURL":"https://evil.example.com/"`), "invalid"},
		"a user before the host":       {with(`"successURL":"https://app.example.com@evil.example.com/"`), "invalid"},
		"a script":                     {with(`"successURL":"javascript:alert(1)"`), "invalid"},
		"no scheme":                    {with(`"successURL":"//app.example.com/"`), "invalid"},
		"plain http":                   {with(`"successURL":"http://app.example.com/"`), "invalid"},
		"a line break in a URL":        {with(`"successURL":"https://app.example.com/\r\nX: y"`), "invalid"},
		"no email":                     {with(`"email":"ada"`), "invalid"},
		"a name with an email":         {with(`"email":"Ada <ada@example.com>"`), "invalid"},
		"two emails":                   {with(`"email":"ada@example.com,eve@example.com"`), "invalid"},
		"a line break in an email":     {with(`"email":"ada@example.com\nBcc: eve@example.com"`), "invalid"},
		"an IP address for a host":     {with(`"email":"a@[127.0.0.1]"`), "invalid"},
		"an IP address without marks":  {with(`"email":"a@127.0.0.1"`), "invalid"},
		"a quoted name":                {with(`"email":"\"a b\"@example.com"`), "invalid"},
		"two dots":                     {with(`"email":"a..b@example.com"`), "invalid"},
		"a host without a dot":         {with(`"email":"ada@localhost"`), "invalid"},
		"a long email":                 {with(`"email":"` + strings.Repeat("a", 300) + `@example.com"`), "invalid"},
		"metadata that is no text":     {with(`"metadata":{"a":{"b":1}}`), "malformed"},
		"metadata of a user":           {with(`"metadata":{"user_id":"u2"}`), "invalid"},
		"metadata of a User":           {with(`"metadata":{"User_ID":"u2"}`), "invalid"},
		"marks":                        {with(`"metadata":{"kassa_uid":"x"}`), "invalid"},
		"many metadata":                {with(`"metadata":{` + strings.Join(many, ",") + `}`), "invalid"},
		"a long key":                   {with(`"metadata":{"` + strings.Repeat("k", 41) + `":"v"}`), "invalid"},
		"a long value":                 {with(`"metadata":{"k":"` + strings.Repeat("v", 501) + `"}`), "invalid"},
		"a strange key":                {with(`"metadata":{"a[b]":"v"}`), "invalid"},
		"a large body":                 {with(`"metadata":{"k":"` + strings.Repeat("v", 70<<10) + `"}`), "too-large"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.as("u1", http.MethodPost, "/v1/checkouts", c.body)
			if got := r.problem(); got != c.problem {
				t.Errorf("%s, want %s: %s", got, c.problem, r.body)
			}
			for _, echo := range []string{"evil", "eve@", "Bcc", "unit_amount", "kassa_uid"} {
				if strings.Contains(r.body, echo) {
					t.Errorf("the answer repeats what was sent: %s", r.body)
				}
			}
		})
	}
	s.g.Expect(s.stripe.checkouts()).To(BeEmpty())
	s.g.Expect(s.paddle.checkouts()).To(BeEmpty())
}

func TestOtherMediaTypesAreRefused(t *testing.T) {
	s := newShop(t)
	r := s.buy("u1", "Content-Type", "text/plain")
	s.g.Expect(r.status).To(Equal(http.StatusUnsupportedMediaType))
	s.g.Expect(s.buy("u1", "Content-Type", "application/json; charset=utf-8").status).To(Equal(201))
}

func TestUsersStayAtTheirProvider(t *testing.T) {
	s := newShop(t)
	at := map[string]int{}
	for i := range 300 {
		who := fmt.Sprintf("user-%d,u@example.com", i)
		var first, second checkout
		s.buy(who).into(&first)
		s.buy(who).into(&second)
		s.g.Expect(second.Provider).To(Equal(first.Provider))
		at[first.Provider]++
	}
	s.g.Expect(at["Stripe"]).To(BeNumerically(">", 240))
	s.g.Expect(at["Paddle"]).To(BeNumerically(">", 10))
	s.g.Expect(s.paddle.checkouts()[0].PageURL).To(Equal("https://pay.example.com/paddle"))
	s.g.Expect(s.stripe.checkouts()[0].PageURL).To(BeEmpty())
}

func TestWhatAProviderCannotDoIsSaid(t *testing.T) {
	s := newShop(t, onlyStripe)
	s.stripe.fail(&provider.RefusalError{Provider: billing.Stripe, Reason: "has no such currency"})
	r := s.buy("u1")
	s.g.Expect(r.status).To(Equal(422))
	s.g.Expect(r.problem()).To(Equal("refused"))
	s.g.Expect(r.body).To(ContainSubstring("Stripe has no such currency."))
}

func TestNothingIsSoldWhereItCannotBe(t *testing.T) {
	for name, edit := range map[string]func(*shop){
		"no Secret": func(s *shop) {
			for n, secret := range s.server.config.secrets {
				if n.Name == "stripe-key" {
					secret.data, secret.why = nil, "does not exist"
				}
			}
		},
		"no key": func(s *shop) {
			for n, secret := range s.server.config.secrets {
				if n.Name == "stripe-key" {
					secret.data = map[string][]byte{"apiKey": []byte("  \n")}
				}
			}
		},
		"not ready":   func(s *shop) { s.server.config.doc.Providers[0].Ready = false },
		"no seller":   func(s *shop) { s.stripe.subs = nil; s.server.config.connections.open = map[string]opened{} },
		"no adapter":  func(s *shop) { delete(s.server.config.connections.registry, billing.Stripe) },
		"weight zero": func(s *shop) { s.server.config.doc.Providers[0].Weight = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			edit(s)
			s.resolve()
			for i := range 20 {
				s.g.Expect(s.buy(fmt.Sprintf("user-%d", i)).status).To(Equal(201))
			}
			s.g.Expect(s.stripe.checkouts()).To(BeEmpty())
			s.g.Expect(s.as("u1", http.MethodPost, "/v1/checkouts", `{"plan":"pro","price":"usage"}`).problem()).
				To(Equal("provider-unavailable"))
		})
	}
}
