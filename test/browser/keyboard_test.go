package browser_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// Who has no mouse, and no JavaScript, chooses period and currency and comes to the provider's page. Everything that
// can be reached shows that it was.
func TestKeyboardWithoutScripts(t *testing.T) {
	path := chromium(t)
	s, a := stack.New(t, stack.Options{Node: true}), newApp(t)
	plans := []*v1alpha1.Plan{stack.Plan("solo"), stack.Plan("pro")}
	for _, p := range plans {
		for i, euros := range []v1alpha1.Amount{"27.00", "270.00"} {
			p.Spec.Prices[i].CurrencyOptions = []v1alpha1.CurrencyOption{{Currency: "EUR", Amount: euros}}
		}
	}
	plans[1].Spec.Features = []string{"Everything in solo", "Ten people", "An answer within a day"}
	public, _ := deploy(t, s, a, markets[0], plans...)
	b := open(t, path, s.Node.ProxyURL())
	b.visit(public)
	b.picture("plans")

	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: true})
	b.g.Expect(err).NotTo(HaveOccurred())
	b.visit(public)
	b.g.Expect(b.tabs(6)).To(Equal([]string{"Monthly", "Yearly", "USD", "EUR", "Choose Plan solo", "Choose Plan pro"}))
	b.visit(public)
	b.tabs(2)
	b.follow(http.StatusOK, chromedp.KeyEvent(kb.Enter))
	b.g.Expect(b.text(".amount")).To(Equal("$290"))
	b.tabs(4)
	b.follow(http.StatusOK, chromedp.KeyEvent(kb.Enter))
	b.g.Expect(b.text(".amount")).To(Equal("€270"), "the period stays chosen")
	b.tabs(6)
	b.follow(http.StatusOK, chromedp.KeyEvent(kb.Enter))
	b.g.Expect(b.address()).To(HavePrefix(s.SandboxURL + "/pay/"))
	b.g.Expect(b.text("main")).To(And(ContainSubstring("Plan pro"), ContainSubstring("270.00 EUR")))
	b.g.Expect(b.takeTrouble()).To(BeEmpty())
}

// focused is the text of what a key would act on, if the page shows that it would.
const focused = `(() => {
	const at = document.activeElement, style = getComputedStyle(at);
	return parseFloat(style.outlineWidth) > 1 && style.outlineStyle !== "none" ? at.textContent.trim() : "";
})()`

// tabs presses the tabulator key that many times, and returns what was focused each time.
func (b *tab) tabs(times int) (reached []string) {
	b.g.THelper()
	for range times {
		b.do(chromedp.KeyEvent(kb.Tab))
		reached = append(reached, ask(b, chromedp.Evaluate[string](focused)))
	}
	return reached
}
