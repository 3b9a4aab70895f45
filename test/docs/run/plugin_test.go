package run

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/docs/pages"
)

// deploy is a folder with the two mistakes of the page. Scanners of repositories need not find the key.
var deploy = map[string]string{
	"stripe.yaml": `apiVersion: v1
kind: Secret
metadata: {name: stripe-api, namespace: shop}
type: Opaque
stringData:
  api-key: ` + "sk_" + "live_" + strings.Repeat("51", 12) + `
---
apiVersion: billing.kassa.dev/v1alpha1
kind: PaymentProvider
metadata: {name: stripe, namespace: shop}
spec:
  mode: Live
  stripe: {apiKeySecretRef: {name: stripe-api, key: api-key}}
  guardrails: {maxReplacementsPerHour: 10}
`,
	"plans.yaml": `apiVersion: billing.kassa.dev/v1alpha1
kind: Plan
metadata:
  name: pro
  namespace: shop
spec:
  providers:
  - name: stripe
  displayName: Pro
  description: For growing teams
  prices:
  - name: monthly
    amount: "29.001"
    currency: USD
    recurring: {interval: Month}
---
apiVersion: billing.kassa.dev/v1alpha1
kind: Plan
metadata: {name: lifetime, namespace: shop}
spec:
  providers: [{name: stripe}]
  displayName: Lifetime
  prices: [{name: once, amount: "499.00", currency: USD}]
`,
	"receiver.yaml": `apiVersion: billing.kassa.dev/v1alpha1
kind: WebhookReceiver
metadata: {name: stripe, namespace: shop}
spec:
  providerRef: {name: stripe}
  url: https://hooks.example.com/stripe
  registration: {managed: {}}
  delivery:
    sinks: [{name: app, http: {uri: "http://app.shop.svc/billing"}}]
`,
	"shop.yaml": `apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: billing.kassa.dev/v1alpha1
kind: CheckoutEndpoint
metadata: {name: shop, namespace: shop}
spec:
  plans: [{name: pro}]
  url: https://pay.acme.com
  auth: {bearerToken: {secretRef: {name: shop-token}}}
  successURL: https://app.acme.com/done
`,
}

func validate(w *world) {
	w.must(os.MkdirAll(filepath.Join(w.Dir, "deploy"), 0o755))
	for name, text := range deploy {
		w.must(os.WriteFile(filepath.Join(w.Dir, "deploy", name), []byte(text), 0o600))
	}
	p := w.open("docs/kubectl.md")
	c := p.Next("kubectl kassa validate deploy/")
	out, err := w.Shell(c.Text)
	w.Expect(err).To(MatchError("exit status 1"))
	w.Expect(out).To(MatchRegexp(pages.Shows(c.Output).String()))

	p.Type("helm template . | kubectl kassa validate -", "helm template .",
		"helm template --kube-version 1.31 charts/kassa") // what is built from modules takes Kubernetes for an old one
	strict := p.Next("kubectl kassa validate --fail-on warning deploy/")
	_, err = w.Shell(strict.Text)
	w.Expect(err).To(MatchError("exit status 1"))
}

// imports has a product that somebody made by hand at each provider.
func imports(w *world) {
	w.run("curl -u sk_test_sandbox: -d name=Legacy -d 'default_price_data[currency]=usd' " +
		"-d 'default_price_data[unit_amount]=900' http://127.0.0.1:30111/v1/products")
	w.run("grep -o 'pdl_sdbx_[a-z_]*' config/samples/25-paddle.yaml >key")
	made := w.run(`curl -H "Authorization: Bearer $(cat key)" --json '{"name": "Legacy", "tax_category": "standard"}' ` +
		"http://127.0.0.1:30111/paddle/products")
	product := regexp.MustCompile(`pro_[a-z0-9]+`).FindString(made)
	w.run(`curl -H "Authorization: Bearer $(cat key)" --json '{"product_id": "%s", "description": "once",
		"unit_price": {"amount": "900", "currency_code": "USD"}}' http://127.0.0.1:30111/paddle/prices`, product)

	p := w.open("docs/kubectl-import.md")
	c := p.Next("kubectl kassa import stripe --output-dir plans/")
	p.TypeLines(c, 0, 1)
	w.Expect(w.run("cat plans/*")).To(
		And(ContainSubstring("displayName: Legacy"), ContainSubstring("kind: Kustomization")))
	p.TypeLines(c, 1, 3, "--mode Test", "--mode Test --provider-url http://127.0.0.1:"+w.ports["30111"]+"/paddle")
	w.Expect(w.run("cat at-paddle/*")).To(ContainSubstring(product))

	w.run("sed '0,/29.00/s//39.00/' config/samples/30-plans.yaml >plans/pro.yaml")
	c = p.Next("kubectl kassa diff -f plans/")
	for i, shows := range []string{
		w.shown("docs/kubectl-import.md", "Plan shop/pro at stripe"), "Plan shop/enterprise", `(?s)^\{.*39\.00`,
	} {
		out, err := p.Try(c, i, i+1)
		w.Expect(err).To(MatchError(ContainSubstring("exit status 1")), out)
		w.Expect(out).To(MatchRegexp(shows))
	}
	w.run("rm plans/pro.yaml")
	w.Expect(p.Type("kubectl apply --dry-run=server", "--dry-run=server", "--dry-run=server -k plans/")).To(
		ContainSubstring("server dry run"))
}

// shown is a pattern of what a page shows of a command that is typed elsewhere, but for its ids and its sums.
func (w *world) shown(path, begins string) string {
	w.t.Helper()
	read, err := pages.Read(w.root)
	w.must(err)
	for _, page := range read {
		for _, b := range page.Blocks {
			if page.Path == path && strings.HasPrefix(b.Text, begins) {
				text, _, _ := strings.Cut(b.Text, "\n\n")
				text = strings.NewReplacer("acct_1Nx", "acct_…", "1Nx…", "…", "0b2f…", "…").Replace(text)
				return pages.Shows(text).String()
			}
		}
	}
	w.t.Fatalf("%s does not show %s", path, begins)
	return ""
}

// looks has events that were taken and that were given up, at a receiver with a public URL.
func looks(w *world) {
	w.run("%s", `kubectl patch webhookreceiver stripe --type=merge \
		-p '{"spec":{"url":"https://hooks.example.com/stripe"}}'`)
	w.receiver(".status.url", "^https://hooks.example.com/stripe$")
	sink := w.anotherSink()
	taken := w.announces()
	w.Eventually(sink.Taken).Should(HaveKey(HaveSuffix(taken))) // what is given up comes after it
	dead, _ := w.givenUp(sink)

	p := w.open("docs/kubectl-events.md")
	c := p.Next("kubectl kassa status")
	w.Eventually(func(g Gomega) {
		out, err := w.Shell(c.Text)
		g.Expect(err).To(MatchError("exit status 1"), out)
		for _, line := range strings.Split(c.Output, "\n") {
			if strings.HasPrefix(line, "NAME") || strings.Contains(line, "events were given up") {
				g.Expect(out).To(MatchRegexp(pages.Shows(strings.Replace(line, "events were", "…", 1)).String()))
			}
		}
	}).Should(Succeed())
	json := p.Next("kubectl kassa status -o json | jq")
	out, err := w.Shell(json.Text)
	w.Expect(err).To(HaveOccurred(), "pipefail has the exit code of a problem")
	w.Expect(out).To(ContainSubstring("DeadLetters"))

	sink.Answer(nil)
	c = p.Next("kubectl kassa trigger stripe payment.succeeded")
	shape := regexp.MustCompile(`4be2\w+|1\.2s`).ReplaceAllString(c.Output, "…")
	w.Expect(w.run("%s", c.Text)).To(MatchRegexp(pages.Shows(shape).String()))
	w.Expect(p.Type("kubectl kassa trigger --list")).To(ContainSubstring("invoice.paid"))

	c = p.Next("kubectl kassa events stripe --since 1h")
	w.Expect(w.run("%s", c.Text)).To(MatchRegexp(pages.Shows(strings.Split(c.Output, "\n")[0]).String()))
	w.says(c.Text+" | grep "+taken, " Processed +1")
	w.says(c.Text+" | grep "+dead, " Dead +[1-9]")
	w.Expect(p.Type("kubectl kassa events show ID", "ID", dead)).To(ContainSubstring("Dead"))

	c = p.Next("kubectl kassa events replay evt_2")
	p.TypeLines(c, 0, 1, "evt_2", dead)
	w.Eventually(sink.Taken).Should(HaveKey(HaveSuffix(dead)))
	for i := 1; i < 3; i++ {
		dead, _ = w.givenUp(sink)
		sink.Answer(nil)
		p.TypeLines(c, i, i+1)
		w.Eventually(sink.Taken).Should(HaveKey(HaveSuffix(dead)))
	}
}

// troubles types what the table and the alerts tell to type.
func troubles(w *world) {
	sink := w.anotherSink()
	_, dead := w.givenUp(sink)
	p := w.open("docs/troubleshooting.md")
	status := p.Next("kubectl kassa status -A")
	w.Eventually(func() string {
		out, err := w.Shell(status.Text)
		w.Expect(err).To(MatchError("exit status 1"), out)
		return out
	}).Should(And(ContainSubstring("PendingChanges"), ContainSubstring("DeadLetters")))
	everything := p.Type("kubectl get kassa -A")
	p.Expect(everything).To(And(MatchRegexp("READY +REASON"), ContainSubstring("checkoutendpoint.billing.kassa.dev/shop")))
	p.Expect(p.Type("kubectl describe pods -l", "NAME", "stripe")).To(ContainSubstring("stripe-receiver"))
	p.Expect(p.Type("kubectl get webhookevents")).To(ContainSubstring(dead))
	p.Expect(p.Type("kubectl get webhookevents -o wide")).To(ContainSubstring("410"))
	w.renamedIsPutRight("sk_test_sandbox", func() {
		p.Type("kubectl annotate KIND NAME kassa.dev/reconcile-at", "KIND NAME", "plan team")
	})
	p.Expect(p.Type("kubectl describe webhookreceiver NAME", "NAME", "stripe")).To(ContainSubstring("Endpoint"))
	p.Expect(p.Type("kubectl get webhookevents -o wide")).To(ContainSubstring("410"))
	sink.Answer(nil)
	p.Type("kubectl annotate webhookevent NAME kassa.dev/replay", "NAME", dead)
	w.says("kubectl get webhookevents "+dead+" 2>&1 || true", "not found")
	p.Expect(p.Type("kubectl get plans -A -o wide")).To(MatchRegexp("enterprise .*PendingChanges"))
	p.Type("kubectl get kassa -A")
}
