package run

import (
	. "github.com/onsi/gomega"
)

// rotation has the account roll its key before, as somebody does in a dashboard.
func rotation(w *world) {
	const old, rolled = "sk_test_sandbox", "rk_test_rolled"
	account := w.field("paymentprovider/stripe", ".status.account")
	w.run(`curl -d '{"from":"%s","to":"%s"}' http://127.0.0.1:30111/_kassa/stripe/keys/roll`, old, rolled)
	p := w.open("docs/rotation.md")
	p.Expect(p.Type("kubectl -n shop create secret generic stripe-api", "rk_test_…", rolled)).To(
		ContainSubstring("condition met"))
	w.run(`curl -d '{"key":"%s","revoked":true}' http://127.0.0.1:30111/_kassa/stripe/keys`, old)
	w.renamedIsPutRight(rolled, func() { p.Type("kubectl annotate paymentprovider stripe kassa.dev/reconcile-at") })
	w.Expect(w.field("paymentprovider/stripe", ".status.account")).To(Equal(account))

	c := p.Next("kubectl -n shop annotate webhookreceiver stripe kassa.dev/rotate-secret")
	secret := w.field("secret/stripe-signing", ".data.signing-secret")
	p.TypeLines(c, 0, 1)
	w.receiver(".status.rotated", `\d\d:\d\d:\d\d`)
	w.Eventually(func() (string, error) { return p.Try(c, 1, 2) }).Should(ContainSubstring("we_"))
	w.Expect(w.field("secret/stripe-signing", ".data.signing-secret")).NotTo(Equal(secret))
	w.run("kubectl -n shop wait --for=condition=Ready webhookreceiver/stripe --timeout=60s")
	w.taken("payment.succeeded", w.buysAt("Stripe", "rotated", good))

	// The shop goes on with the key of the samples.
	w.run(`curl -d '{"key":"%s","revoked":false}' http://127.0.0.1:30111/_kassa/stripe/keys`, old)
	w.run("kubectl -n shop apply -f config/samples/20-stripe.yaml")
	w.ready()
}

// renamedIsPutRight has somebody rename a product in the dashboard, and then something done that makes Kassa look.
func (w *world) renamedIsPutRight(key string, look func()) {
	w.t.Helper()
	product := "http://127.0.0.1:30111/v1/products/" +
		w.field("plan/team", `.status.providers[?(@.name=="stripe")].productID`)
	w.run("curl -u %s: -d name=Cheap %s", key, product)
	look()
	w.says("curl -u "+key+": "+product, `"name": *"Team"`)
}
