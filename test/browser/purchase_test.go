package browser_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

const often = 20 * time.Millisecond

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{NoFsync: true}) }

const (
	goodCard    = "4242424242424242"
	askingCard  = "4000002500003155" // the bank asks the buyer on a page of its own
	failingCard = "4000000000000341" // fails at every renewal
)

// refusals are the cards that cannot be paid with, and what the buyer reads.
var refusals = []struct{ card, says string }{
	{"4000000000000002", "Your card was declined."},
	{"4000000000009995", "Your card has insufficient funds."},
	{"4000000000009987", "Your card was declined."},
	{"4000000000009979", "Your card was declined."},
	{"4000000000000069", "Your card has expired."},
	{"4000000000000127", "Your card's security code is incorrect."},
	{"4000000000000119", "An error occurred while processing your card. Try again in a little bit."},
}

// approvals are the cards that can be paid with at once.
var approvals = []string{goodCard, "5555555555554444", "378282246310005"}

// No card of the sandbox is left out.
func TestCards(t *testing.T) {
	var all, used []string
	for _, c := range hosted.Cards() {
		all = append(all, c.Number)
	}
	for _, r := range refusals {
		used = append(used, r.card)
	}
	used = append(append(used, approvals...), askingCard, failingCard)
	NewWithT(t).Expect(used).To(ConsistOf(all))
}

// At every provider a visitor buys with every card, and a user of the application has a subscription from its purchase
// to its end. The browser has nothing to complain about.
func TestPurchase(t *testing.T) {
	path := chromium(t)
	for _, m := range markets {
		t.Run(m.name, func(t *testing.T) {
			s, a := stack.New(t, stack.Options{Node: true}), newApp(t)
			public, members := deploy(t, s, a, m, stack.Plan("pro"))
			b := open(t, path, s.Node.ProxyURL())
			visit(s, a, b, m, public)
			subscribe(s, a, b, members)
		})
	}
}

// order goes from a pricing page to the provider's page for the card.
func (b *tab) order(s *stack.Stack, pricing string) {
	b.g.THelper()
	b.visit(pricing)
	b.follow(http.StatusOK, chromedp.Click(chromedp.Search(`//nav//a[normalize-space()="Monthly"]`)))
	b.g.Expect(b.text(".amount")).To(Equal("$29"))
	b.do(chromedp.Click(chromedp.CSS("article .button")))
	b.do(chromedp.WaitVisible(chromedp.CSS("#number"))) // Paddle's is a page further, which ends the first
	b.g.Expect(b.address()).To(HavePrefix(s.SandboxURL + "/"))
	b.g.Expect(b.text("main")).To(ContainSubstring("29.00 USD"))
}

// pay pays on the sandbox's page with a card.
func (b *tab) pay(status int64, who, card string) {
	b.g.THelper()
	email := [2]string{"#email", email(who)}
	b.fill(email, [2]string{"#number", card}, [2]string{"#exp", "12/34"}, [2]string{"#cvc", "123"})
	b.follow(status, chromedp.Click(chromedp.CSS(`section[aria-label="Payment"] button`)))
}

// thanked says that the purchase led back to the application.
func (b *tab) thanked(a *app, purchases int) {
	b.g.THelper()
	b.g.Expect(b.text("#thanks")).To(Equal("Thank you"))
	b.g.Expect(b.address()).To(HavePrefix(a.url + "/done"))
	b.g.Expect(a.landed()).To(Equal(purchases))
}

// roomBelow is how many pixels a card has below its button, besides its edge.
const roomBelow = `(() => {
	const card = document.querySelector("article"), bottom = at => at.getBoundingClientRect().bottom;
	return bottom(card) - bottom(card.querySelector(".button")) - parseFloat(getComputedStyle(card).paddingBottom);
})()`

// A declined card is said on the page and leads nowhere; a good one leads to the application, which hears of the sale.
func visit(s *stack.Stack, a *app, b *tab, m market, pricing string) {
	g := b.g
	b.visit(pricing)
	g.Expect(b.text("h1")).To(Equal("Prices of the shop"))
	g.Expect(ask(b, chromedp.Evaluate[float64](roomBelow))).To(BeNumerically("~", 0, 2), "the plan has no features")
	b.picture("pricing")
	b.order(s, pricing)
	b.do(chromedp.Click(chromedp.Search(`//summary[.="Test cards"]`)))
	b.picture("checkout")
	if m.again != "" {
		b.do(chromedp.Click(chromedp.Search(`//a[.="Cancel and go back"]`)), chromedp.WaitVisible(chromedp.CSS(m.again)))
		b.picture("canceled")
		b.do(chromedp.Click(chromedp.CSS(m.again)), chromedp.WaitVisible(chromedp.CSS("#number")))
	}
	g.Expect(b.takeTrouble()).To(BeEmpty())

	for i, r := range refusals {
		b.pay(http.StatusPaymentRequired, visitor, r.card)
		g.Expect(b.text("#problem")).To(Equal(r.says), r.card)
		if i == 0 {
			b.picture("declined")
		}
	}
	b.pay(http.StatusOK, visitor, askingCard)
	g.Expect(b.text("#bank")).To(Equal("Is that you?"))
	b.picture("authentication")
	b.follow(http.StatusPaymentRequired, chromedp.Click(chromedp.CSS(`button[value="fail"]`)))
	g.Expect(b.text("#problem")).To(ContainSubstring("authenticate"))
	g.Expect(a.landed()).To(BeZero())
	g.Expect(b.takeTrouble()).To(HaveEach(HavePrefix("network: ")), "the status of the answer alone")

	b.pay(http.StatusOK, visitor, askingCard)
	b.follow(http.StatusOK, chromedp.Click(chromedp.CSS(`button[value="complete"]`)))
	b.thanked(a, 1)
	for i, card := range approvals {
		b.order(s, pricing)
		b.pay(http.StatusOK, visitor, card)
		b.thanked(a, 2+i)
	}
	for _, kind := range []string{"checkout.completed", "subscription.created"} {
		g.Eventually(a.count(kind, visitor), stack.Patience, often).Should(Equal(1+len(approvals)), kind)
	}
	g.Expect(b.takeTrouble()).To(BeEmpty())
}
