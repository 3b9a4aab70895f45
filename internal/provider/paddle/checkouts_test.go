package paddle_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/sandbox"
	sandboxpaddle "github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

const pageURL = "https://pay.example.com/p?shop=1"

var alice = provider.User{ID: "alice", Email: "alice@example.com"}

// shop is a connection to a sandbox that sells one plan.
type shop struct {
	provider.Seller
	*WithT
	t       *testing.T
	account sandboxpaddle.View
	sandbox *sandbox.Sandbox
	address string
	owner   billing.Owner
	prices  map[string]string
}

func newShop(t *testing.T) *shop {
	t.Helper()
	sb := sandbox.New(sandbox.Options{})
	srv := httptest.NewServer(sb.Handler())
	t.Cleanup(srv.Close)
	conn, err := paddle.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: key("sdbx"), BaseURL: srv.URL + "/paddle",
		HTTP: instrument.Client(instrument.Options{Provider: billing.Paddle}),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{
		WithT: NewWithT(t), t: t, account: sb.Paddle().Account(key("sdbx")), sandbox: sb, address: srv.URL,
		owner: billing.Owner{Cluster: "c", Namespace: "shop", Name: "pro", UID: "u"}, prices: map[string]string{},
	}
	s.Seller, _ = conn.(provider.Seller)
	product, err := conn.Catalog().CreateProduct(t.Context(), provider.CreateProduct{
		Owner: s.owner, Spec: billing.ProductSpec{Name: "Pro"},
	})
	s.Expect(err).NotTo(HaveOccurred())
	monthly := billing.Recurring{Interval: billing.Month, Count: 1}
	for name, spec := range map[string]billing.PriceSpec{
		"monthly": {Terms: billing.PriceTerms{Money: usd(2900), Recurring: monthly}},
		"bigger":  {Terms: billing.PriceTerms{Money: usd(9900), Recurring: monthly}},
		"trial":   {Terms: billing.PriceTerms{Money: usd(2900), Recurring: monthly}, TrialDays: 14},
		"once":    {Terms: billing.PriceTerms{Money: usd(500)}},
	} {
		spec.Terms.TaxBehavior = billing.TaxUnspecified
		price, err := conn.Catalog().CreatePrice(t.Context(), provider.CreatePrice{
			Owner: s.owner, ProductID: product.ID, Name: name, Spec: spec,
		})
		s.Expect(err).NotTo(HaveOccurred())
		s.prices[name] = price.ID
	}
	return s
}

func usd(minor int64) billing.Money { return billing.Money{Minor: minor, Currency: "USD"} }

func (s *shop) spec(price string) provider.CheckoutSpec {
	return provider.CheckoutSpec{
		PriceID: s.prices[price], Plan: "pro", Price: price, Recurring: price != "once", Quantity: 2, PageURL: pageURL,
		UserID: alice.ID, Email: alice.Email, Metadata: map[string]string{"team": "a", "user_id": "mallory"},
	}
}

func (s *shop) open(spec provider.CheckoutSpec) provider.Checkout {
	s.t.Helper()
	out, err := s.Checkouts().Open(s.t.Context(), spec)
	s.Expect(err).NotTo(HaveOccurred())
	return out
}

// buy pays for a price with a card and returns the subscription.
func (s *shop) buy(price, card string) billing.Subscription {
	s.t.Helper()
	s.pay(price, card)
	mine, err := s.Subscriptions().List(s.t.Context(), alice)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(mine).NotTo(BeEmpty())
	return mine[len(mine)-1]
}

func (s *shop) pay(price, card string) {
	s.t.Helper()
	spec := s.spec(price)
	form := url.Values{"number": {card}, "exp": {"12/40"}, "cvc": {"123"}, "email": {spec.Email}}
	req, err := http.NewRequest(http.MethodPost, s.address+"/paddle-checkout/"+s.open(spec).ID,
		strings.NewReader(form.Encode()))
	s.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	res, err := http.DefaultClient.Do(req)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(res.Body.Close()).To(Succeed())
	s.Expect(res.StatusCode).To(Equal(http.StatusOK))
}

const (
	goodCard    = "4242424242424242"
	failingCard = "4000000000000341"
)

func TestOpenMakesATransactionForTheBuyer(t *testing.T) {
	s := newShop(t)
	checkout := s.open(s.spec("monthly"))
	s.Expect(checkout.URL).To(Equal("https://pay.example.com/p?_ptxn=" + checkout.ID + "&shop=1"))
	s.Expect(checkout.ExpiresAt.IsZero()).To(BeTrue())
	made := s.account.Transactions()[0]
	s.Expect(made.ID).To(Equal(checkout.ID))
	s.Expect(made.CurrencyCode).To(Equal("USD"))
	s.Expect(made.Items[0].Price.ID).To(Equal(s.prices["monthly"]))
	s.Expect(made.Items[0].Quantity).To(BeEquivalentTo(2))
	s.Expect(made.CustomData).To(Equal(map[string]any{
		"user_id": "alice", "team": "a", "kassa_plan": "/pro", "kassa_price": "monthly",
	}), "whose it is, the buyer does not say")

	again := s.open(s.spec("monthly"))
	s.Expect(again.ID).NotTo(Equal(checkout.ID))
	s.Expect(*s.account.Transactions()[1].CustomerID).To(Equal(*made.CustomerID), "one customer for an address")

	nobody := s.spec("once")
	nobody.UserID, nobody.Email, nobody.Currency = "", "", "EUR"
	s.open(nobody)
	made = s.account.Transactions()[2]
	s.Expect(made.CustomerID).To(BeNil())
	s.Expect(made.CurrencyCode).To(Equal("EUR"))
	s.Expect(made.CustomData).NotTo(HaveKey("user_id"))

	for _, email := range []string{"no address", "a,b@example.com"} {
		odd := s.spec("once")
		odd.Email = email
		s.open(odd)
	}
}

// Whoever writes an address in another way is the same customer, also to the filter, which counts letter by letter.
func TestAddressesInAnotherCase(t *testing.T) {
	s := newShop(t)
	s.open(s.spec("monthly"))
	other := s.spec("monthly")
	other.Email = "ALICE@Example.com"
	s.open(other)
	made := s.account.Transactions()
	s.Expect(made[1].CustomerID).To(Equal(made[0].CustomerID))
	first := s.spec("monthly")
	first.Email = "Bob@Example.com"
	s.open(first)
	first.Email = "bob@example.com"
	s.open(first)
	made = s.account.Transactions()
	s.Expect(made[2].CustomerID).NotTo(BeNil())
	s.Expect(made[3].CustomerID).To(Equal(made[2].CustomerID))
}

// A customer that a list does not show yet is one that somebody else has just made: the buyer types the address.
func TestOpenWithACustomerThatListsLack(t *testing.T) {
	s := newShop(t)
	s.open(s.spec("monthly"))
	s.sandbox.Paddle().SetListLag(time.Hour)
	s.open(s.spec("monthly"))
	s.Expect(s.account.Transactions()[1].CustomerID).To(BeNil())
}

func TestOpenSaysWhatToDo(t *testing.T) {
	s := newShop(t)
	refused := func(spec provider.CheckoutSpec, code, advice string) {
		t.Helper()
		_, err := s.Checkouts().Open(t.Context(), spec)
		var e *provider.Error
		s.Expect(errors.As(err, &e)).To(BeTrue(), "%v", err)
		s.Expect(e.Code).To(Equal(code))
		s.Expect(e.Class).To(Equal(provider.ClassTerminal))
		s.Expect(err.Error()).To(ContainSubstring(advice))
	}
	s.account.ApproveDomains([]string{"other.example.com"})
	refused(s.spec("monthly"), "transaction_checkout_url_domain_is_not_approved", "Website approval")
	s.account.SetPaymentLink("")
	refused(s.spec("monthly"), "transaction_default_checkout_url_not_set", "Set a default payment link in Paddle")

	gone := s.spec("monthly")
	gone.PriceID = "pri_x"
	_, err := s.Checkouts().Open(t.Context(), gone)
	s.Expect(provider.IsNotFound(err)).To(BeTrue())
}

func TestOpenRefusesAQuantityThatIsNotSold(t *testing.T) {
	s := newShop(t)
	many := s.spec("monthly")
	many.Quantity = 101
	_, err := s.Checkouts().Open(t.Context(), many)
	var refused *provider.RefusalError
	s.Expect(errors.As(err, &refused)).To(BeTrue(), "%v", err)
	s.Expect(err).To(MatchError(ContainSubstring("a price has a maximum there, which is 100 unless")))
}

func TestCheckoutTraits(t *testing.T) {
	s := newShop(t)
	s.Expect(s.Checkouts().Traits()).To(Equal(provider.CheckoutTraits{BuyerPage: true, NeedsEmail: true}))
}
