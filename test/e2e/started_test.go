package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/stack"
)

// standIn is where the account of the page is, which has it at Stripe.
const standIn = "http://sandbox.kassa-e2e.svc"

// getsStarted follows the first page from top to bottom, in a cluster that knows nothing of Kassa.
func (d *desk) getsStarted(kustomize string) {
	d.t.Helper()
	p := d.open("docs/getting-started.md")
	d.standIn()
	install := p.Next("kubectl apply --server-side -k config/default")
	d.Expect(install.Text).To(Equal(kustomize), "docs/install.md has the same")
	d.Expect(p.TypeAll(install)).To(ContainSubstring("successfully rolled out"))
	p.Type("kubectl create namespace shop", "sk_test_…", "sk_test_started",
		"key: api-key}\n", "key: api-key}\n  baseURL: "+standIn+"\n")
	d.says("kubectl -n shop get paymentproviders", `stripe +Stripe +Test +acct_\S+ +True`)
	p.Type("kubectl -n shop apply -f - <<EOF\napiVersion: billing.kassa.dev/v1alpha1\nkind: Plan")
	d.says("kubectl -n shop get plans", `pro +stripe: InSync +True`)

	d.Expect(p.Type("kubectl -n shop create secret generic shop-token")).To(ContainSubstring("condition met"))
	end := d.beside(p.Next("kubectl -n shop port-forward service/shop-checkout 8080:80"), "8080")
	d.paysFor(p.Type("TOKEN=$(kubectl -n shop get secret shop-token"))
	d.Eventually(func() string { return d.do("curl 'http://127.0.0.1:8080/?bought=cs_1'") }).Should(
		ContainSubstring("<title>Pricing"))
	d.Expect(p.Type("curl -H \"Authorization: Bearer $TOKEN\" -H 'Kassa-User-Id: u42'")).To(
		And(ContainSubstring(`"pro"`), ContainSubstring(`"Active"`)))
	end()

	p.Type("kubectl -n shop create secret generic app-token")
	d.deploysApp()
	d.Expect(p.Type("kubectl -n shop apply -f - <<EOF\napiVersion: billing.kassa.dev/v1alpha1\nkind: WebhookReceiver")).To(
		ContainSubstring("condition met"))
	d.Expect(d.do("kubectl -n shop get ingress stripe-receiver -o yaml")).To(And(
		ContainSubstring("host: hooks.example.com"), ContainSubstring("cert-manager.io/cluster-issuer: letsencrypt")))
	d.do(`kubectl -n shop patch webhookreceiver stripe --type=json -p '[{"op": "remove", "path": "/spec/expose"}]'`)
	end = d.beside(p.Next("kubectl -n shop port-forward service/stripe-receiver 8082:80"), "8082")
	d.tunnelled()
	end()

	d.says("kubectl -n shop get ingress 2>&1", "No resources found")
	d.Expect(p.Type("kubectl -n shop get webhookreceivers")).To(MatchRegexp(`stripe .*True(?s:.*)No resources found`))
	d.recordsInSQL()
	p.Type("kubectl -n shop delete checkoutendpoints,webhookreceivers,plans --all")
	for _, product := range d.accountAt(standIn).Products {
		d.Expect(product.Active).To(BeFalse(), product.ID)
	}
	d.Expect(d.accountAt(standIn).Endpoints).To(BeEmpty())
}

// standIn is deployed beside, as the samples have it.
func (d *desk) standIn() {
	d.t.Helper()
	d.edit("config/samples/10-sandbox.yaml", "namespace: shop", "namespace: "+own,
		"ghcr.io/kassa-dev/kassa:latest", registry()+"/kassa:"+builtTag(), "http://127.0.0.1:30111", standIn,
		"  type: NodePort", "  type: ClusterIP", ", nodePort: 30111", "")
	d.do("kubectl apply -f config/samples/10-sandbox.yaml && kubectl -n " + own + " rollout status deployment/sandbox")
}

// deploysApp is the reader's application, which has the page's Secrets.
func (d *desk) deploysApp() {
	d.t.Helper()
	path := filepath.Join(d.Dir, "config", "samples", "50-app.yaml")
	text, err := os.ReadFile(path)
	d.Expect(err).NotTo(HaveOccurred())
	_, rest, _ := strings.Cut(string(text), "---\n")
	d.apply(strings.ReplaceAll(rest, "ghcr.io/kassa-dev/example-app:latest", registry()+"/example-app:"+builtTag()))
	d.do("kubectl -n shop rollout status deployment/app --timeout=2m")
}

// paysFor pays for the checkout that was opened last.
func (d *desk) paysFor(printed string) {
	d.t.Helper()
	d.Expect(printed).To(And(ContainSubstring(`"monthly"`), ContainSubstring(`"yearly"`)), "what is sold")
	var opened struct{ URL string }
	at := strings.LastIndex(printed, `{"`)
	d.Expect(at).To(BeNumerically(">=", 0), printed)
	d.Expect(json.Unmarshal([]byte(printed[at:]), &opened)).To(Succeed(), printed)
	card := url.Values{"number": {"4242424242424242"}, "exp": {"12/34"}, "cvc": {"123"}, "email": {"u42@example.com"}}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	paid := d.mustPost(opened.URL, form, card.Encode())
	d.Expect(string(paid.body)).To(ContainSubstring("http://127.0.0.1:8080/?bought="))
}

// tunnelled has an event come in by the forwarded port, of which the tunnel says that it was https.
func (d *desk) tunnelled() {
	d.t.Helper()
	secret, err := d.signingSecret(d.t.Context())
	d.Expect(err).NotTo(HaveOccurred())
	body := stack.Event("evt_tunnelled")
	d.Expect(os.WriteFile(filepath.Join(d.Dir, "event"), body, 0o600)).To(Succeed())
	d.do("curl --data-binary @event -H 'X-Forwarded-Proto: https' -H 'Stripe-Signature: " +
		stripe.Sign(secret, time.Now(), body) + "' http://127.0.0.1:8082/stripe")
	d.Eventually(func(g Gomega) {
		var ids []string
		for _, e := range d.appEvents(g).Events {
			ids = append(ids, e.ID)
		}
		g.Expect(ids).To(ContainElement(HaveSuffix("evt_tunnelled")))
	}).Should(Succeed())
}

// accountAt is the only account of a sandbox.
func (d *desk) accountAt(address string) stripe.State {
	d.t.Helper()
	a := d.reach(http.MethodGet, address+"/_kassa/state", nil, "")
	var all struct{ Stripe []stripe.State }
	d.Expect(json.Unmarshal(a.body, &all)).To(Succeed())
	d.Expect(all.Stripe).To(HaveLen(1))
	return all.Stripe[0]
}
