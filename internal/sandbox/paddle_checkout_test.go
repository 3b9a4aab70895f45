package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

const (
	goodCard     = "4242424242424242"
	declinedCard = "4000000000009995"
	askingCard   = "4000002500003155"
	failingCard  = "4000000000000341"

	everyMonth     = `,"billing_cycle":{"interval":"month","frequency":1}`
	monthWithTrial = everyMonth + `,"trial_period":{"interval":"day","frequency":14}`
	month          = 31 * 24 * time.Hour
)

// account is the account of the world's key.
func (w *paddleWorld) account() paddle.View { return w.Paddle().Account(w.key) }

// transaction opens a checkout for a price of 1 USD.
func (w *paddleWorld) transaction(more string) string {
	w.t.Helper()
	return w.make("/paddle/transactions", fmt.Sprintf(`{"items":[{"price_id":%q,"quantity":2}],
		"custom_data":{"user_id":"u"},"checkout":{"url":"https://shop.example.com/p?a=1"}}`, w.price(w.product("Pro"), more)))
}

// visited is what a page answered.
type visited struct {
	status   int
	location string
	text     string
	header   http.Header
}

// visit sends a form to a page without following redirects; nil reads it.
func (w *paddleWorld) visit(path string, form url.Values) visited {
	w.t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequest(method, w.url+path, strings.NewReader(form.Encode()))
	w.g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultTransport.RoundTrip(req)
	w.g.Expect(err).NotTo(HaveOccurred())
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	w.g.Expect(err).NotTo(HaveOccurred())
	return visited{res.StatusCode, res.Header.Get("Location"), string(body), res.Header}
}

func entry(number string) url.Values {
	return url.Values{"number": {number}, "exp": {"12/40"}, "cvc": {"123"}, "email": {"buyer@example.com"}}
}

// happened are the events since the first n, without those of the catalogue.
func (w *paddleWorld) happened(n int) (out []string) {
	for _, e := range w.account().Events()[n:] {
		if !strings.HasPrefix(e.EventType, "product.") && !strings.HasPrefix(e.EventType, "price.") {
			out = append(out, e.EventType)
		}
	}
	return out
}

func (w *paddleWorld) events() int { return len(w.account().Events()) }

// bought is a subscription that was paid for.
func (w *paddleWorld) bought(more, card string) paddle.Subscription {
	w.t.Helper()
	got := w.visit("/paddle-checkout/"+w.transaction(more), entry(card))
	w.g.Expect(got.status).To(Equal(http.StatusOK))
	all := w.account().Subscriptions()
	return all[len(all)-1]
}

func (w *paddleWorld) reread(s paddle.Subscription) paddle.Subscription {
	w.t.Helper()
	var out paddle.Subscription
	w.g.Expect(json.Unmarshal(w.send("GET", "/paddle/subscriptions/"+s.ID, "").Data, &out)).To(Succeed())
	return out
}

func TestPaddleBuyerPays(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	id := w.transaction(everyMonth)
	query := "?page=" + url.QueryEscape("https://shop.example.com/p?_ptxn="+id+"#x") +
		"&success=" + url.QueryEscape("https://shop.example.com/done")
	at := "/paddle-checkout/" + id
	got := w.visit(at+query, nil)
	w.g.Expect(got.status).To(Equal(http.StatusOK))
	w.g.Expect(got.text).To(And(ContainSubstring("2.00 USD"), ContainSubstring("Then 2.00 USD per month"),
		ContainSubstring(`href="https://shop.example.com/p?_ptxn=`+id+`#paddle-closed"`)))
	w.g.Expect(got.header.Get("Content-Security-Policy")).To(HavePrefix("default-src 'none'"))

	got = w.visit(at+query, url.Values{"number": {goodCard}, "exp": {"1"}, "cvc": {"1"}})
	w.g.Expect(got.status).To(Equal(http.StatusBadRequest))
	w.g.Expect(got.text).To(ContainSubstring("expiration date is incomplete"))
	before := w.events()
	got = w.visit(at+query, entry(declinedCard))
	w.g.Expect(got.status).To(Equal(http.StatusPaymentRequired))
	w.g.Expect(got.text).To(ContainSubstring("insufficient funds"))
	w.g.Expect(w.happened(before)).To(Equal([]string{
		"customer.created", "address.created", "transaction.updated", "transaction.ready", "transaction.payment_failed",
	}))
	w.g.Expect(*w.account().Transactions()[0].Payments[0].ErrorCode).To(Equal("not_enough_balance"))

	got = w.visit(at+query, entry(askingCard))
	challenge := got.location
	w.g.Expect(challenge).To(HavePrefix(at + "/authenticate?"))
	w.g.Expect(w.account().Transactions()[0].Payments[0].Status).To(Equal("action_required"))
	got = w.visit(challenge, nil)
	w.g.Expect(got.text).To(ContainSubstring("Confirm the payment"))
	before = w.events()
	got = w.visit(challenge, url.Values{"outcome": {"complete"}})
	w.g.Expect(got.location).To(Equal("https://shop.example.com/done"))
	w.g.Expect(w.happened(before)).To(Equal([]string{
		"transaction.paid", "subscription.created", "subscription.activated", "transaction.updated",
		"transaction.completed",
	}))
	got = w.visit(at+"?page="+url.QueryEscape("https://shop.example.com/p"), entry(goodCard))
	w.g.Expect(got.location).To(Equal("https://shop.example.com/p#paddle-completed"), "it is paid once")

	paid, sub := w.account().Transactions()[0], w.account().Subscriptions()[0]
	w.g.Expect(paid.Status).To(Equal("completed"))
	w.g.Expect(*paid.SubscriptionID).To(Equal(sub.ID))
	w.g.Expect(paid.Payments).To(HaveLen(2))
	w.g.Expect(paid.Payments[0].Amount).To(Equal("200"))
	w.g.Expect(sub.Status).To(Equal("active"))
	w.g.Expect(sub.CustomData).To(Equal(map[string]any{"user_id": "u"}))
	got = w.visit("/paddle-checkout/txn_x", nil)
	w.g.Expect(got.status).To(Equal(http.StatusNotFound))
}

func TestPaddleOneTimePurchaseMakesNoSubscription(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	got := w.visit("/paddle-checkout/"+w.transaction(""), entry(goodCard))
	w.g.Expect(got.status).To(Equal(http.StatusOK))
	w.g.Expect(got.text).To(ContainSubstring("This checkout has been paid"))
	w.g.Expect(w.account().Subscriptions()).To(BeEmpty())
	w.g.Expect(w.account().Transactions()[0].Status).To(Equal("completed"))
}

func TestPaddleRenewsByTheClock(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	sub := w.bought(everyMonth, goodCard)
	before := w.events()
	w.Clock().Advance(month)
	w.g.Expect(w.happened(before)).To(Equal([]string{
		"transaction.created", "transaction.billed", "subscription.updated", "transaction.paid", "transaction.completed",
	}))
	renewal := w.account().Transactions()[1]
	w.g.Expect(renewal.Origin).To(Equal("subscription_recurring"))
	w.g.Expect(renewal.CreatedAt).To(Equal(sub.CurrentBillingPeriod.EndsAt), "on time, whenever it is looked at")
	w.g.Expect(w.reread(sub).CurrentBillingPeriod.StartsAt).To(Equal(sub.CurrentBillingPeriod.EndsAt))
	w.Clock().Advance(365 * 24 * time.Hour)
	w.g.Expect(len(w.account().Transactions())).To(BeNumerically("~", 14, 1))
}

func TestPaddleTrialIsBilledAtItsEnd(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	sub := w.bought(monthWithTrial, goodCard)
	w.g.Expect(sub.Status).To(Equal("trialing"))
	w.g.Expect(sub.Items[0].TrialDates).NotTo(BeNil())
	w.g.Expect(w.account().Transactions()[0].Payments[0].Amount).To(Equal("0"))
	before := w.events()
	w.Clock().Advance(15 * 24 * time.Hour)
	w.g.Expect(w.happened(before)).To(HaveExactElements(
		"transaction.created", "transaction.billed", "subscription.updated", "transaction.paid", "transaction.completed",
		"subscription.activated",
	))
	w.g.Expect(w.reread(sub).Status).To(Equal("active"))
}

func TestPaddleCardThatFailsLater(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	rescued, lost := w.bought(everyMonth, failingCard), w.bought(everyMonth, failingCard)
	before := w.events()
	w.Clock().Advance(month + time.Hour)
	w.g.Expect(w.happened(before)[:6]).To(Equal([]string{
		"transaction.created", "transaction.billed", "subscription.updated", "transaction.payment_failed",
		"transaction.past_due", "subscription.past_due",
	}))
	w.g.Expect(w.reread(rescued).Status).To(Equal("past_due"))
	before = w.events()
	w.g.Expect(w.account().SetCard(rescued.ID, goodCard)).To(Succeed())
	w.g.Expect(w.happened(before)).To(Equal([]string{
		"transaction.paid", "transaction.completed", "subscription.updated",
	}))
	w.g.Expect(w.reread(rescued).Status).To(Equal("active"))
	w.g.Expect(w.account().SetCard("sub_x", goodCard)).To(MatchError(paddle.ErrNotFound))

	before = w.events()
	w.Clock().Advance(8 * 24 * time.Hour)
	w.g.Expect(w.happened(before)).To(Equal([]string{"transaction.payment_failed", "transaction.payment_failed"}))
	w.Clock().Advance(23 * 24 * time.Hour)
	w.g.Expect(w.reread(lost).Status).To(Equal("canceled"), "after the last attempt")
	w.g.Expect(w.reread(rescued).Status).To(Equal("active"))
}

func TestPaddleSubscriptionsEnd(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	at := func(s paddle.Subscription) string { return "/paddle/subscriptions/" + s.ID }
	sub := w.bought(everyMonth, goodCard)
	w.g.Expect(w.send("POST", at(sub)+"/cancel", "").status).To(Equal(http.StatusOK))
	ending := w.reread(sub)
	w.g.Expect(ending.Status).To(Equal("active"))
	w.g.Expect(ending.ScheduledChange.Action).To(Equal("cancel"))
	w.g.Expect(ending.NextBilledAt).To(BeNil())
	w.g.Expect(w.send("POST", at(sub)+"/cancel", "").verdict()).To(Equal("subscription_locked_pending_changes"))
	before := w.events()
	w.Clock().Advance(month)
	w.g.Expect(w.happened(before)).To(Equal([]string{"subscription.canceled"}), "by itself")
	ended := w.reread(sub)
	w.g.Expect(*ended.CanceledAt).To(Equal(sub.CurrentBillingPeriod.EndsAt))
	for path, code := range map[string]string{
		"/cancel": "subscription_is_canceled_action_invalid", "/resume": "subscription_must_be_paused",
		"/pause": "subscription_is_canceled_action_invalid", "/activate": "subscription_cannot_activate",
	} {
		w.g.Expect(w.send("POST", at(sub)+path, "").verdict()).To(Equal(code), path)
	}
	w.g.Expect(w.send("PATCH", at(sub), `{"custom_data":{}}`).verdict()).To(Equal("subscription_update_when_canceled"))

	sub = w.bought(everyMonth, goodCard)
	w.g.Expect(w.send("POST", at(sub)+"/pause", `{"effective_from":"immediately"}`).status).To(Equal(http.StatusOK))
	w.g.Expect(w.reread(sub).CurrentBillingPeriod).To(BeNil())
	before = w.events()
	w.Clock().Advance(3 * month)
	w.g.Expect(w.happened(before)).To(BeEmpty(), "a paused subscription is not billed")
	w.g.Expect(w.send("POST", at(sub)+"/resume", `{"effective_from":"immediately"}`).status).To(Equal(http.StatusOK))
	w.g.Expect(w.happened(before)[0]).To(Equal("subscription.resumed"))
	w.g.Expect(w.reread(sub).CurrentBillingPeriod).NotTo(BeNil())

	sub = w.bought(monthWithTrial, goodCard)
	w.g.Expect(w.send("POST", at(sub)+"/activate", "").status).To(Equal(http.StatusOK))
	w.g.Expect(w.reread(sub).Status).To(Equal("active"))
}

// A clock that runs makes renewals without anybody asking.
func TestPaddleRenewsWhileTheClockRuns(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	w.bought(everyMonth, goodCard)
	w.Clock().SetRate(30 * 24 * 3600) // a month in a second
	w.g.Eventually(func() int { return len(w.account().Transactions()) }, "10s").Should(BeNumerically(">=", 3))
	w.Clock().SetRate(1)
}

func TestPaddleDashboardsDoor(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	sub := w.bought(everyMonth, failingCard)
	w.Clock().Advance(month)
	w.g.Expect(w.reread(sub).Status).To(Equal("past_due"))
	do := func(method, path, body string) int {
		t.Helper()
		req, err := http.NewRequest(method, w.url+"/_kassa/paddle"+path, strings.NewReader(body))
		w.g.Expect(err).NotTo(HaveOccurred())
		res, err := http.DefaultClient.Do(req)
		w.g.Expect(err).NotTo(HaveOccurred())
		w.g.Expect(res.Body.Close()).To(Succeed())
		return res.StatusCode
	}
	w.g.Expect(do("POST", "/cards", `{"subscription":"sub_x","number":"`+goodCard+`"}`)).To(Equal(http.StatusNotFound))
	w.g.Expect(do("POST", "/cards", `{"subscription":"`+sub.ID+`","number":"`+goodCard+`"}`)).
		To(Equal(http.StatusNoContent))
	w.g.Expect(w.reread(sub).Status).To(Equal("active"))

	price := w.price(w.product("Pro"), "")
	verdict := func() string {
		return w.send("POST", "/paddle/transactions", `{"items":[{"price_id":"`+price+`","quantity":1}],
			"checkout":{"url":"https://a.example/p"}}`).verdict()
	}
	w.g.Expect(do("PUT", "/checkout-settings", `{"payment_link":"https://a.example/p","domains":["b.example"]}`)).
		To(Equal(http.StatusNoContent))
	w.g.Expect(verdict()).To(Equal("transaction_checkout_url_domain_is_not_approved"))
	w.g.Expect(do("PUT", "/checkout-settings", `{}`)).To(Equal(http.StatusNoContent))
	w.g.Expect(verdict()).To(Equal("transaction_default_checkout_url_not_set"))
}
