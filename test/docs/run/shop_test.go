package run

import (
	"encoding/json"
	"regexp"
	"strings"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/docs/pages"
)

// providers is first: its last commands make the shop.
func providers(w *world) {
	p := w.open("docs/providers.md")
	table := p.Next("kubectl get paymentproviders")
	made := p.Type("kubectl apply -f config/samples -f config/samples/catalogue")
	p.Expect(made).To(MatchRegexp(`paymentprovider\S* `))
	w.ready()
	// What is on sale twice is only for some plans, and the last one waits for a look.
	w.says("kubectl -n shop get plans", `enterprise .* PendingChanges`)
	out := w.says(table.Text, `(?s)lemon .*True.*paddle .*True.*stripe .*True`)
	shape := regexp.MustCompile(`48213|acc_01h7…|acct_1Nx…|\b8s`).ReplaceAllString(table.Output, "…")
	p.Expect(out).To(MatchRegexp(pages.Shows(shape).String()))
}

// ready waits until everything that the samples have works.
func (w *world) ready() {
	w.t.Helper()
	w.run("kubectl -n shop wait --for=condition=Ready --timeout=90s " +
		"paymentprovider/stripe paymentprovider/paddle paymentprovider/lemon plan/pro plan/lifetime plan/team " +
		"plan/usage webhookreceiver/stripe webhookreceiver/paddle checkoutendpoint/shop")
	w.run("kubectl -n shop rollout status deployment/app --timeout=60s")
}

func readme(w *world) {
	p := w.open("README.md")
	table := p.Next("kubectl get plans")
	out := w.run("%s", table.Text)
	row := strings.ReplaceAll(strings.Split(table.Output, "\n")[1], "9s", "…")
	p.Expect(out).To(MatchRegexp(pages.Shows(row).String()))
	p.Expect(p.Type("kubectl get webhookevents")).To(ContainSubstring("No resources found"))
}

func gitops(w *world) {
	p := w.open("docs/gitops.md")
	p.Expect(p.Type("kubectl -n shop apply -f config/samples/30-plans.yaml")).To(
		ContainSubstring("plan.billing.kassa.dev/pro condition met"))
}

// integrate and the page of checkouts ask for the same checkout, as the same user.
func integrate(w *world) {
	p := w.open("docs/integrate.md")
	p.Type("kubectl -n shop create secret generic app-token")
	p.Expect(w.run("kubectl -n shop get secret app-token -o jsonpath='{.data.token}' | base64 -d")).To(HaveLen(64))
	opened := p.Type("curl https://pay.acme.com/v1/checkouts")
	var checkout struct{ ID, URL string }
	p.Expect(json.Unmarshal([]byte(opened), &checkout)).To(Succeed())
	p.Expect(w.run("curl '%s'", strings.ReplaceAll(checkout.URL, "\n", ""))).To(ContainSubstring("29.00"))
	p.Expect(p.Type("kubectl get webhookevents")).To(ContainSubstring("No resources found"))

	p = w.open("docs/checkout.md")
	p.Expect(p.Type("kubectl get checkoutendpoints")).To(MatchRegexp(`shop +.*True`))
	again := p.Type("curl https://pay.acme.com/v1/checkouts")
	p.Expect(again).To(Equal(opened), "the same Idempotency-Key of the same user gives the same checkout again")
}
