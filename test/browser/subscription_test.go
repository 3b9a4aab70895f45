package browser_test

import (
	"net/http"
	"time"

	"github.com/chromedp/chromedp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/stack"
)

// A user buys with a card that fails later. The provider's portal, to which the application leads, takes another one,
// and the end of the subscription. Each event has the user's id.
func subscribe(s *stack.Stack, a *app, b *tab, pricing string) {
	g := b.g
	happens := func(kind string) {
		g.THelper()
		g.Eventually(a.count(kind, user), stack.Patience, often).ShouldNot(BeZero(), kind)
	}
	before := a.landed()
	b.order(s, pricing)
	b.pay(http.StatusOK, user, failingCard)
	b.thanked(a, before+1)
	happens("checkout.completed")
	happens("subscription.created")

	s.Sandbox.Clock().Advance(32 * 24 * time.Hour)
	happens("payment.failed")
	b.visit(a.url + "/portal")
	g.Expect(b.address()).To(HavePrefix(s.SandboxURL + "/"))
	g.Expect(b.text("main")).To(And(ContainSubstring(email(user)), ContainSubstring("Visa ending in 0341"),
		ContainSubstring("29.00 USD per month")))
	g.Expect(b.text(".state")).To(Equal("Past due"))
	b.picture("portal-past-due")

	// Which of the two it is depends on whether the provider counts attempts.
	payments := func() int { return a.count("payment.succeeded", user)() + a.count("payment.recovered", user)() }
	before = payments()
	b.do(chromedp.Click(chromedp.Search(`//summary[.="Use another card"]`)))
	b.picture("portal-card")
	b.fill([2]string{`[name="number"]`, goodCard}, [2]string{`[name="exp"]`, "12/34"}, [2]string{`[name="cvc"]`, "123"})
	b.follow(http.StatusOK, chromedp.Click(chromedp.CSS(`button[value="card"]`)))
	g.Eventually(payments, stack.Patience, often).Should(BeNumerically(">", before))
	g.Expect(b.text(".state")).To(Equal("Active"))
	g.Expect(b.text("main")).To(And(ContainSubstring("Visa ending in 4242"), ContainSubstring("Renews on ")))

	b.follow(http.StatusOK, chromedp.Click(chromedp.CSS(`button[value="cancel"]`)))
	g.Expect(b.text("main")).To(ContainSubstring("Ends on "))
	happens("subscription.cancel_scheduled")
	b.picture("portal-ends")
	g.Expect(b.takeTrouble()).To(BeEmpty())
}
