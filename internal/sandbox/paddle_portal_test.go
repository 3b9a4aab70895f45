package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

func TestPaddlePortal(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{PublicURL: "http://pay.example.com/"})
	sub := w.bought(everyMonth, failingCard)
	answer := w.send("POST", "/paddle/customers/"+sub.CustomerID+"/portal-sessions", `{"subscription_ids":["`+sub.ID+`"]}`)
	w.g.Expect(answer.status).To(Equal(http.StatusCreated))
	var session struct {
		URLs struct{ General struct{ Overview string } }
	}
	w.g.Expect(json.Unmarshal(answer.Data, &session)).To(Succeed())
	at, found := strings.CutPrefix(session.URLs.General.Overview, "http://pay.example.com")
	w.g.Expect(found).To(BeTrue(), session.URLs.General.Overview)

	do := func(action string, more url.Values) int {
		t.Helper()
		form := url.Values{"action": {action}, "subscription": {sub.ID}}
		for k, v := range more {
			form[k] = v
		}
		return w.visit(at, form).status
	}
	got := w.visit(at, nil)
	w.g.Expect(got.text).To(And(ContainSubstring("Cancel the subscription"), ContainSubstring("2.00 USD per month"),
		ContainSubstring("Visa ending in 0341")))
	w.g.Expect(got.header.Get("Content-Security-Policy")).To(HavePrefix("default-src 'none'"))
	w.g.Expect(do("cancel", nil)).To(Equal(http.StatusSeeOther))
	w.g.Expect(w.reread(sub).ScheduledChange.Action).To(Equal("cancel"))
	w.g.Expect(do("resume", nil)).To(Equal(http.StatusSeeOther))
	w.g.Expect(w.reread(sub).ScheduledChange).To(BeNil())
	w.g.Expect(*w.reread(sub).NextBilledAt).To(Equal(sub.CurrentBillingPeriod.EndsAt))

	w.Clock().Advance(month)
	w.g.Expect(w.reread(sub).Status).To(Equal("past_due"))
	w.g.Expect(do("card", entry(declinedCard))).To(Equal(http.StatusBadRequest))
	w.g.Expect(do("card", entry(goodCard))).To(Equal(http.StatusSeeOther))
	w.g.Expect(w.reread(sub).Status).To(Equal("active"))

	other := w.send("POST", "/paddle/customers/"+w.make("/paddle/customers", `{"email":"b@example.com"}`)+
		"/portal-sessions", `{"subscription_ids":["`+sub.ID+`"]}`)
	w.g.Expect(other.verdict()).To(Equal("not_found"), "the subscription is somebody else's")
	got = w.visit("/paddle-portal/x", nil)
	w.g.Expect(got.status).To(Equal(http.StatusNotFound))
}

func TestPaddleCustomers(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	id := w.make("/paddle/customers", `{"email":"a@example.com","name":"A"}`)
	w.make("/paddle/customers", `{"email":"b@example.com"}`)
	again := w.send("POST", "/paddle/customers", `{"email":"A@example.com"}`)
	w.g.Expect(again.status).To(Equal(http.StatusConflict))
	w.g.Expect(again.verdict()).To(Equal("customer_already_exists"))
	w.g.Expect(w.send("GET", "/paddle/customers?email=a@example.com", "").ids()).To(Equal([]string{id}))
	w.g.Expect(w.send("PATCH", "/paddle/customers/"+id, `{"email":"b@example.com"}`).status).To(Equal(http.StatusConflict))
	w.g.Expect(w.send("PATCH", "/paddle/customers/"+id, `{"status":"archived"}`).status).To(Equal(http.StatusOK))
	w.g.Expect(w.send("GET", "/paddle/customers?email=a@example.com", "").ids()).To(BeEmpty())
	w.g.Expect(w.send("GET", "/paddle/customers?email=a@example.com&status=archived,active", "").ids()).To(HaveLen(1))
	w.g.Expect(w.send("POST", "/paddle/customers", `{"email":"a"}`).verdict()).To(Equal("invalid_field email"))
}

func TestPaddleRefusesTransactions(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	price, other := w.price(w.product("Pro"), everyMonth), w.price(w.product("Pro"),
		`,"billing_cycle":{"interval":"year","frequency":1}`)
	item := func(id, quantity string) string { return `{"price_id":"` + id + `","quantity":` + quantity + `}` }
	verdict := func(items, more string) string {
		return w.send("POST", "/paddle/transactions", `{"items":[`+items+`]`+more+`}`).verdict()
	}
	none := "pri_" + strings.Repeat("0", 26)
	w.g.Expect(verdict("", "")).To(Equal("invalid_field items"))
	w.g.Expect(verdict(item(price, "0"), "")).To(Equal("invalid_field items[0].quantity"))
	w.g.Expect(verdict(item(none, "1"), "")).To(Equal("transaction_price_not_found"))
	w.g.Expect(verdict(item(price, "101"), "")).To(Equal("transaction_item_quantity_out_of_range"))
	w.g.Expect(verdict(item(price, "1")+","+item(price, "1"), "")).To(Equal("transaction_duplicate_price_ids"))
	w.g.Expect(verdict(item(price, "1")+","+item(other, "1"), "")).To(Equal("transaction_price_different_billing_cycle"))
	w.g.Expect(verdict(item(price, "1"), `,"customer_id":"ctm_`+strings.Repeat("0", 26)+`"`)).To(Equal("not_found"))
	w.g.Expect(verdict(item(price, "1"), `,"checkout":{"url":"x"}`)).To(Equal("invalid_field checkout.url"))
	w.account().ApproveDomains([]string{"shop.example.com"})
	w.g.Expect(verdict(item(price, "1"), `,"checkout":{"url":"https://a.example/p"}`)).
		To(Equal("transaction_checkout_url_domain_is_not_approved"))
	w.account().SetPaymentLink("")
	w.g.Expect(verdict(item(price, "1"), "")).To(Equal("transaction_default_checkout_url_not_set"))
}

func TestPaddleScriptIsServed(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	got := w.visit(paddle.ScriptPath, nil)
	w.g.Expect(got.status).To(Equal(http.StatusOK))
	w.g.Expect(got.header.Get("Content-Type")).To(HavePrefix("text/javascript"))
	w.g.Expect(got.text).To(ContainSubstring("window.Paddle = "))
}
