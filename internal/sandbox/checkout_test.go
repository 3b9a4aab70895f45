package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	stripego "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

type sessionChange = func(*stripego.CheckoutSessionParams)

func sessionParams(mode, price string, change ...sessionChange) *stripego.CheckoutSessionParams {
	in := &stripego.CheckoutSessionParams{
		Mode: &mode, SuccessURL: stripego.String("https://shop.example.com/ok?s={CHECKOUT_SESSION_ID}"),
		CancelURL: stripego.String("https://shop.example.com/no"), ClientReferenceID: stripego.String("user_42"),
		LineItems: []*stripego.CheckoutSessionLineItemParams{{Price: &price, Quantity: stripego.Int64(2)}},
	}
	for _, f := range change {
		f(in)
	}
	return in
}

func (w *world) session(mode, price string, change ...sessionChange) *stripego.CheckoutSession {
	w.t.Helper()
	s, err := w.api.CheckoutSessions.New(sessionParams(mode, price, change...))
	w.g.Expect(err).NotTo(HaveOccurred())
	return s
}

func (w *world) reread(s *stripego.CheckoutSession) *stripego.CheckoutSession {
	w.t.Helper()
	out, err := w.api.CheckoutSessions.Get(s.ID, nil)
	w.g.Expect(err).NotTo(HaveOccurred())
	return out
}

// visit sends a form to the hosted page without following redirects; an empty form reads it.
func (w *world) visit(address string, form url.Values, accept string) (*http.Response, string) {
	w.t.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	w.g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", accept)
	res, err := http.DefaultTransport.RoundTrip(req)
	w.g.Expect(err).NotTo(HaveOccurred())
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	w.g.Expect(err).NotTo(HaveOccurred())
	return res, string(text)
}

func card(number string) url.Values {
	return url.Values{"number": {number}, "exp": {"12 / 40"}, "cvc": {"123"}, "email": {"jane@example.com"}}
}

// since are the types of the events after the first n.
func (w *world) since(n int) []string { return w.eventTypes()[n:] }

func TestPayOnce(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	price := w.price(w.product("Book <b>").ID, 1250)
	s := w.session("payment", price.ID, func(in *stripego.CheckoutSessionParams) {
		in.AddMetadata("order", "7")
		in.PaymentIntentData = &stripego.CheckoutSessionPaymentIntentDataParams{Metadata: map[string]string{"user_id": "42"}}
	})
	g.Expect(s.ID).To(HavePrefix("cs_test_"))
	g.Expect(s.AmountTotal).To(Equal(int64(2500)))
	g.Expect(s.URL).To(Equal(w.url + "/pay/" + s.ID))

	res, page := w.visit(s.URL, nil, "text/html")
	g.Expect(res.StatusCode).To(Equal(200))
	g.Expect(res.Header.Get("Content-Security-Policy")).To(ContainSubstring("default-src 'none'"))
	g.Expect(page).To(ContainSubstring("25.00 USD"))
	g.Expect(page).To(ContainSubstring("Book &lt;b&gt;"))
	g.Expect(page).To(ContainSubstring(`href="https://shop.example.com/no"`))

	n := len(w.eventTypes())
	res, _ = w.visit(s.URL, card("4242 4242 4242 4242"), "text/html")
	g.Expect(res.StatusCode).To(Equal(http.StatusSeeOther))
	g.Expect(res.Header.Get("Location")).To(Equal("https://shop.example.com/ok?s=" + s.ID))
	g.Expect(w.since(n)).To(Equal([]string{
		"payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed",
	}))
	paid := w.reread(s)
	g.Expect(paid.Status).To(Equal(stripego.CheckoutSessionStatusComplete))
	g.Expect(paid.PaymentStatus).To(Equal(stripego.CheckoutSessionPaymentStatusPaid))
	g.Expect(paid.URL).To(BeEmpty())
	g.Expect(paid.CustomerDetails.Email).To(Equal("jane@example.com"))
	g.Expect(paid.Metadata).To(Equal(map[string]string{"order": "7"}))
	intent, err := w.api.PaymentIntents.Get(paid.PaymentIntent.ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(intent.AmountReceived).To(Equal(int64(2500)))
	g.Expect(intent.Metadata).To(Equal(map[string]string{"user_id": "42"}))

	res, _ = w.visit(s.URL, card("4242 4242 4242 4242"), "text/html")
	g.Expect(res.StatusCode).To(Equal(http.StatusSeeOther))
	g.Expect(w.since(n)).To(HaveLen(4), "a second click pays nothing")
	for _, e := range w.Stripe().Account(testKey).Events() {
		g.Expect(string(e.Data.Object)).NotTo(ContainSubstring("4242424242424242"))
	}
}

func TestSubscribe(t *testing.T) {
	w := newWorld(t, sandbox.Options{Now: func() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) }})
	g := w.g
	price := w.price(w.product("Pro").ID, 2900, monthly)
	s := w.session("subscription", price.ID, func(in *stripego.CheckoutSessionParams) {
		in.SubscriptionData = &stripego.CheckoutSessionSubscriptionDataParams{Metadata: map[string]string{"user_id": "42"}}
	})
	n := len(w.eventTypes())
	res, body := w.visit(s.URL, card("4242424242424242"), "application/json")
	g.Expect(res.StatusCode).To(Equal(200), body)
	g.Expect(w.since(n)).To(Equal([]string{
		"customer.created", "payment_method.attached", "customer.subscription.created", "invoice.created",
		"invoice.finalized", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "invoice.paid",
		"invoice.payment_succeeded", "customer.subscription.updated", "checkout.session.completed",
	}))
	paid := w.reread(s)
	in := &stripego.SubscriptionParams{}
	in.AddExpand("latest_invoice.payment_intent")
	sub, err := w.api.Subscriptions.Get(paid.Subscription.ID, in)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(sub.Status).To(Equal(stripego.SubscriptionStatusActive))
	g.Expect(sub.Metadata).To(Equal(map[string]string{"user_id": "42"}))
	g.Expect(sub.Items.Data[0].Price.ID).To(Equal(price.ID))
	g.Expect(sub.Items.Data[0].Quantity).To(Equal(int64(2)))
	g.Expect(time.Unix(sub.CurrentPeriodEnd, 0).UTC().Format(time.DateOnly)).To(Equal("2026-02-28"))
	g.Expect(sub.LatestInvoice.AmountPaid).To(Equal(int64(5800)))
	g.Expect(sub.LatestInvoice.SubscriptionDetails.Metadata).To(Equal(sub.Metadata))
	g.Expect(sub.LatestInvoice.PaymentIntent.Status).To(Equal(stripego.PaymentIntentStatusSucceeded))
	customer, err := w.api.Customers.Get(sub.Customer.ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(customer.Email).To(Equal("jane@example.com"))
	_, err = w.api.Invoices.Get(sub.LatestInvoice.ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
}

func TestDeclines(t *testing.T) {
	for number, want := range map[string][2]string{
		"4000000000000002": {"card_declined", "generic_decline"},
		"4000000000009995": {"card_declined", "insufficient_funds"},
		"4000000000009987": {"card_declined", "lost_card"},
		"4000000000009979": {"card_declined", "stolen_card"},
		"4000000000000069": {"expired_card", "expired_card"},
		"4000000000000127": {"incorrect_cvc", "incorrect_cvc"},
		"4000000000000119": {"processing_error", "processing_error"},
		"4111111111111111": {"card_declined", "test_mode_live_card"},
	} {
		t.Run(number, func(t *testing.T) {
			w := newWorld(t, sandbox.Options{})
			g := w.g
			s := w.session("payment", w.price(w.product("Book").ID, 100).ID)
			n := len(w.eventTypes())
			res, body := w.visit(s.URL, card(number), "application/json")
			g.Expect(res.StatusCode).To(Equal(http.StatusPaymentRequired))
			var answer struct {
				Error struct {
					Code        string `json:"code"`
					DeclineCode string `json:"decline_code"`
				}
			}
			g.Expect(json.Unmarshal([]byte(body), &answer)).To(Succeed())
			g.Expect([2]string{answer.Error.Code, answer.Error.DeclineCode}).To(Equal(want))
			g.Expect(w.since(n)).To(Equal([]string{
				"payment_intent.created", "charge.failed", "payment_intent.payment_failed",
			}))
			open := w.reread(s)
			g.Expect(open.Status).To(Equal(stripego.CheckoutSessionStatusOpen))
			intent, err := w.api.PaymentIntents.Get(open.PaymentIntent.ID, nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(intent.LastPaymentError.DeclineCode)).To(Equal(want[1]))

			res, page := w.visit(s.URL, card(number), "text/html")
			g.Expect(res.StatusCode).To(Equal(http.StatusPaymentRequired))
			g.Expect(page).To(ContainSubstring(`role="alert"`))
			g.Expect(page).To(ContainSubstring(`value="jane@example.com"`))
			g.Expect(page).NotTo(ContainSubstring(`value="`+number), "card data is typed anew")
			w.visit(s.URL, card("4242424242424242"), "text/html")
			g.Expect(w.reread(s).PaymentIntent.ID).To(Equal(intent.ID), "one intent for all tries")
		})
	}
}

func TestUnusableEntriesChargeNothing(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	s := w.session("payment", w.price(w.product("Book").ID, 100).ID)
	n := len(w.eventTypes())
	for field, value := range map[string]string{
		"number": "4242424242424241", "exp": "01/20", "cvc": "1", "email": "jane",
	} {
		form := card("4242424242424242")
		form.Set(field, value)
		res, page := w.visit(s.URL, form, "text/html")
		w.g.Expect(res.StatusCode).To(Equal(http.StatusBadRequest), field)
		w.g.Expect(page).To(ContainSubstring(`aria-invalid="true"`))
	}
	w.g.Expect(w.since(n)).To(BeEmpty())
}

func TestAuthentication(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	s := w.session("payment", w.price(w.product("Book").ID, 100).ID)
	n := len(w.eventTypes())
	challenge := func() string {
		res, _ := w.visit(s.URL, card("4000002500003155"), "text/html")
		g.Expect(res.StatusCode).To(Equal(http.StatusSeeOther))
		res, page := w.visit(res.Header.Get("Location"), nil, "text/html")
		g.Expect(res.StatusCode).To(Equal(200))
		g.Expect(page).To(ContainSubstring("Confirm the payment"))
		return s.URL + "/authenticate"
	}
	res, _ := w.visit(challenge(), url.Values{"outcome": {"fail"}}, "application/json")
	g.Expect(res.StatusCode).To(Equal(http.StatusPaymentRequired))
	res, _ = w.visit(challenge(), url.Values{"outcome": {"complete"}}, "text/html")
	g.Expect(res.Header.Get("Location")).To(HavePrefix("https://shop.example.com/ok"))
	g.Expect(w.since(n)).To(Equal([]string{
		"payment_intent.created", "payment_intent.requires_action", "payment_intent.payment_failed",
		"payment_intent.requires_action", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed",
	}))
}

func TestRenewalsFailWithTheCardThatFailsLater(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	s := w.session("subscription", w.price(w.product("Pro").ID, 2900, monthly).ID)
	w.visit(s.URL, card("4000000000000341"), "text/html")
	id := w.reread(s).Subscription.ID
	account := w.Stripe().Account(testKey)
	n := len(w.eventTypes())
	g.Expect(account.Renew(id)).To(Succeed())
	g.Expect(w.since(n)).To(Equal([]string{
		"customer.subscription.updated", "invoice.created", "invoice.finalized", "payment_intent.created",
		"charge.failed", "payment_intent.payment_failed", "invoice.payment_failed", "customer.subscription.updated",
	}))
	g.Expect(account.Renew(id)).To(Succeed())
	in := &stripego.SubscriptionParams{}
	in.AddExpand("latest_invoice")
	sub, err := w.api.Subscriptions.Get(id, in)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(sub.Status).To(Equal(stripego.SubscriptionStatusPastDue))
	g.Expect(sub.LatestInvoice.AttemptCount).To(Equal(int64(2)))
	g.Expect(account.Renew("sub_no")).NotTo(Succeed())
}

func TestTrialTakesNothingNow(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	price := w.price(w.product("Pro").ID, 2900, monthly)
	s := w.session("subscription", price.ID, func(in *stripego.CheckoutSessionParams) {
		in.SubscriptionData = &stripego.CheckoutSessionSubscriptionDataParams{TrialPeriodDays: stripego.Int64(14)}
	})
	w.visit(s.URL, card("4242424242424242"), "text/html")
	paid := w.reread(s)
	g.Expect(paid.PaymentStatus).To(Equal(stripego.CheckoutSessionPaymentStatusNoPaymentRequired))
	sub, err := w.api.Subscriptions.Get(paid.Subscription.ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(sub.Status).To(Equal(stripego.SubscriptionStatusTrialing))
	g.Expect(sub.TrialEnd - sub.TrialStart).To(Equal(int64(14 * 24 * 3600)))
	g.Expect(w.eventTypes()).NotTo(ContainElement("charge.succeeded"))
}

func TestWhatCanNotBeBought(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	pro := w.product("Pro")
	sold := w.price(pro.ID, 100)
	plan := w.price(pro.ID, 100, monthly)
	archived := w.price(pro.ID, 100, func(in *stripego.PriceParams) { in.Active = stripego.Bool(false) })
	gone := w.product("Gone")
	orphan := w.price(gone.ID, 100)
	_, err := w.api.Products.Update(gone.ID, &stripego.ProductParams{Active: stripego.Bool(false)})
	w.g.Expect(err).NotTo(HaveOccurred())
	cases := []struct {
		reason string
		in     *stripego.CheckoutSessionParams
		text   string
	}{
		{"archived price", sessionParams("payment", archived.ID), "inactive"},
		{"archived product", sessionParams("payment", orphan.ID), "product is not active"},
		{"recurring price paid once", sessionParams("payment", plan.ID), "recurring price"},
		{"subscription to a one-time price", sessionParams("subscription", sold.ID), "at least one recurring price"},
		{"currency that the price lacks", sessionParams("payment", sold.ID, func(in *stripego.CheckoutSessionParams) {
			in.Currency = stripego.String("eur")
		}), "expected currency"},
		{"trial of a payment", sessionParams("payment", sold.ID, func(in *stripego.CheckoutSessionParams) {
			in.SubscriptionData = &stripego.CheckoutSessionSubscriptionDataParams{TrialPeriodDays: stripego.Int64(3)}
		}), "subscription_data"},
		{"no way back", sessionParams("payment", sold.ID, func(in *stripego.CheckoutSessionParams) { in.SuccessURL = nil }),
			"success_url"},
		{"too short", sessionParams("payment", sold.ID, func(in *stripego.CheckoutSessionParams) {
			in.ExpiresAt = stripego.Int64(time.Now().Add(5 * time.Minute).Unix())
		}), "30 minutes"},
		{"too long", sessionParams("payment", sold.ID, func(in *stripego.CheckoutSessionParams) {
			in.ExpiresAt = stripego.Int64(time.Now().Add(25 * time.Hour).Unix())
		}), "24 hours"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			_, err := w.api.CheckoutSessions.New(c.in)
			NewWithT(t).Expect(stripeError(t, err).Msg).To(ContainSubstring(c.text))
		})
	}
}

func TestExpiry(t *testing.T) {
	now := time.Now()
	w := newWorld(t, sandbox.Options{Now: func() time.Time { return now }})
	g := w.g
	price := w.price(w.product("Book").ID, 100)
	s, late := w.session("payment", price.ID), w.session("payment", price.ID)
	_, err := w.api.CheckoutSessions.Expire(s.ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.api.CheckoutSessions.Expire(s.ID, nil)
	g.Expect(stripeError(t, err).Msg).To(ContainSubstring("`expired`"))
	now = now.Add(25 * time.Hour)
	res, _ := w.visit(late.URL, card("4242424242424242"), "text/html")
	g.Expect(res.StatusCode).To(Equal(http.StatusGone))
	g.Expect(w.reread(late).Status).To(Equal(stripego.CheckoutSessionStatusExpired))
	n := 0
	for _, kind := range w.eventTypes() {
		if kind == "checkout.session.expired" {
			n++
		}
	}
	g.Expect(n).To(Equal(2))

	it := w.api.CheckoutSessions.ListLineItems(&stripego.CheckoutSessionListLineItemsParams{Session: &late.ID})
	g.Expect(it.Next()).To(BeTrue())
	g.Expect(it.LineItem().Description).To(Equal("Book"))
	in := &stripego.CheckoutSessionListParams{}
	in.AddExpand("data.line_items")
	list := w.api.CheckoutSessions.List(in)
	g.Expect(list.Next()).To(BeTrue())
	g.Expect(list.CheckoutSession().LineItems.Data).To(HaveLen(1))
}
