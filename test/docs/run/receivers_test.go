package run

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/stack"
)

// receivers has an application that does not take everything.
func receivers(w *world) {
	p := w.open("docs/receivers.md")
	endpoint := "http://127.0.0.1:30111/v1/webhook_endpoints/" + w.field("webhookreceiver/stripe", ".status.endpointID")
	w.run("curl -u sk_test_sandbox: -d disabled=true %s", endpoint)
	p.Type("kubectl annotate webhookreceiver NAME kassa.dev/reconcile-at", "NAME", "stripe")
	w.says("curl -u sk_test_sandbox: "+endpoint, `"status": *"enabled"`)

	p.Type("kubectl annotate webhookreceiver NAME kassa.dev/rotate-secret", "NAME", "stripe")
	w.receiver(".status.rotated", `\d\d:\d\d:\d\d`)
	w.receiver(".status.retiringEndpoints", "we_")

	sink := w.anotherSink()
	first, name := w.givenUp(sink)
	c := p.Next("kubectl get webhookevents")
	w.Expect(p.TypeLines(c, 0, 1)).To(MatchRegexp(name + " .*Dead"))
	sink.Answer(nil)
	p.TypeLines(c, 1, 2, "NAME", name)
	w.Eventually(sink.Taken).Should(HaveKey(HaveSuffix(first)))
	w.says("kubectl get webhookevents "+name+" 2>&1 || true", "not found")

	_, name = w.givenUp(sink)
	p.TypeLines(c, 2, 3, "NAME", name)
	w.says("kubectl get webhookevents "+name+" 2>&1 || true", "not found")
	p.Expect(p.Type("kubectl get eventledgers -o yaml | grep evt_1", "evt_1", first)).To(ContainSubstring(first))
}

// givenUp has the sink let go of an event, and returns its id at the provider and the WebhookEvent's name.
func (w *world) givenUp(sink *stack.Sink) (id, name string) {
	w.t.Helper()
	sink.Answer(func(string, int) int { return http.StatusGone })
	id = w.announces()
	name, _, _ = strings.Cut(w.says("kubectl get webhookevents | grep "+id, "Dead"), " ")
	return id, name
}

// anotherSink puts one of the test in the place of the application until the page ends.
func (w *world) anotherSink() *stack.Sink {
	w.t.Helper()
	sink := stack.NewSink(w.t)
	w.t.Cleanup(w.samplesSink)
	w.run(`kubectl patch webhookreceiver stripe --type=json -p '[{"op": "replace",
		"path": "/spec/delivery/sinks/0/http/uri", "value": "%s"}]'`, sink.URL)
	w.Eventually(func(g Gomega) { // replicas follow within seconds
		for range 4 {
			id := w.announces()
			g.Eventually(sink.Tried).WithTimeout(2 * time.Second).Should(HaveKey(HaveSuffix(id)))
		}
	}).Should(Succeed())
	return sink
}

func (w *world) samplesSink() {
	w.t.Helper()
	w.run("kubectl delete webhookevents --all")
	w.run("kubectl apply -f config/samples/40-receivers.yaml")
	w.ready()
	w.Eventually(func(g Gomega) {
		for range 4 {
			id := w.announces()
			g.Eventually(func() string { return w.run("curl http://127.0.0.1:30080/events") }).
				WithTimeout(2 * time.Second).Should(ContainSubstring(id))
		}
	}).Should(Succeed())
}

// announces has the sandbox tell of a paid invoice in the shop's account at Stripe, and returns the event's id.
func (w *world) announces() string {
	w.t.Helper()
	return strings.TrimSpace(w.run(`curl -d '{"type": "invoice.paid", "account": "%s", "livemode": false}' \
		http://127.0.0.1:30111/_kassa/stripe/events | jq -r .id`, w.field("paymentprovider/stripe", ".status.account.id")))
}

// recovery asks for the last hour.
func recovery(w *world) {
	p := w.open("docs/recovery.md")
	w.asksFor(p, "kubectl annotate webhookreceiver NAME --overwrite", "NAME", "stripe")

	p = w.open("docs/disaster-recovery.md")
	uid := w.run("kubectl get plan pro -o yaml | grep -o 'productID: .*'")
	p.Expect(p.Type("kubectl get namespace kube-system")).To(MatchRegexp(`^[0-9a-f-]{36}`))
	for line := range strings.Lines(uid) {
		w.Expect(w.run("cat plans-with-status.yaml")).To(ContainSubstring(strings.TrimSpace(line)))
	}
	w.asksFor(p, "kubectl -n shop annotate webhookreceiver stripe --overwrite")

	p = w.open("docs/dunning.md")
	p.Expect(p.Type("kubectl events --for webhookreceiver/stripe")).To(ContainSubstring("RecoveryAsked"))
}

func (w *world) asksFor(p *page, begins string, swaps ...string) {
	w.t.Helper()
	now := time.Now().UTC()
	from, to := now.Add(-time.Hour).Format(time.RFC3339), now.Add(-2*time.Minute).Format(time.RFC3339)
	p.Type(begins, append(swaps, "2026-11-25T00:00:00Z", from, "2026-11-26T00:00:00Z", to)...)
	w.receiver(".status.recovery.asked", from+"/"+to)
	w.receiver(".status.recovery.askedResult", "were fetched")
}

// observability works a trace's id out.
func observability(w *world) {
	p := w.open("docs/observability.md")
	const id = "stripe:acct_9:evt_9"
	sum := sha256.Sum256([]byte(id))
	p.Expect(p.Type("printf %s stripe:acct_1:evt_1", "stripe:acct_1:evt_1", id)).To(
		Equal(hex.EncodeToString(sum[:16]) + "\n"))
}

// trust gives the sink's signature a key that the receiver can sign with.
func trust(w *world) {
	p := w.open("docs/events.md")
	p.Type("kubectl create secret generic app-webhook")
	sink := w.anotherSink()
	w.run("%s", `kubectl patch webhookreceiver stripe --type=json -p '[{"op": "add",
		"path": "/spec/delivery/sinks/0/http/signingSecretRef", "value": {"name": "app-webhook", "key": "key"}}]'`)
	w.run("kubectl wait --for=condition=DeliveryHealthy webhookreceiver/stripe --timeout=60s")
	w.Eventually(sink.Taken).Should(HaveKey(HaveSuffix(w.announces())))
}
