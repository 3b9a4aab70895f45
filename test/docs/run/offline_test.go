package run

import (
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/stack"
)

// offline is the part of the first page that needs no nodes and takes minutes: a receiver that nobody can reach. It has
// a namespace of its own, and goes on beside the other pages. What comes of it is what the sink takes.
func offline(w *world) *stack.Sink {
	w.t.Helper()
	sink := stack.NewSink(w.t)
	w.run("kubectl create namespace offline")
	w.run("sed 's/namespace: shop/namespace: offline/; s/sk_test_sandbox/sk_test_offline/' " +
		"config/samples/20-stripe.yaml | kubectl apply -f -")
	w.run("kubectl -n offline create secret generic app-token --from-literal=token=t")
	p := w.open("docs/getting-started.md")
	p.Type("kubectl -n shop create secret generic stripe-offline", "-n shop", "-n offline",
		"http://app.shop.svc/billing", sink.URL)
	w.run("kubectl -n offline wait --for=condition=Ready webhookreceiver/stripe --timeout=90s")
	account := w.run("kubectl -n offline get paymentprovider stripe -o jsonpath='{.status.account.id}'")
	w.run(`curl -d '{"type": "invoice.paid", "account": "%s", "livemode": false}' \
		http://127.0.0.1:30111/_kassa/stripe/events`, account)
	w.Expect(sink.Taken()).To(BeEmpty(), "it comes a minute or two late")
	return sink
}
