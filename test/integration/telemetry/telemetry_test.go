package telemetry

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/stack"
)

func TestDeployed(t *testing.T) {
	d := deploy(t)
	d.receive(t)
	d.buy(t)
	t.Run("metrics", d.metrics)
	t.Run("traces", d.traces)
}

// traces: one webhook is one trace, down to each request to the sink, and what was asked of the provider is a part of
// what it was asked for.
func (d *deployed) traces(t *testing.T) {
	g := NewWithT(t)
	trace := fmt.Sprintf("%x", sha256.Sum256([]byte(d.CloudEventID(watched))))[:32]
	ofEvent := func() []span { return d.collector.find(func(s span) bool { return s.trace == trace }) }
	names := func() map[string]int {
		out := map[string]int{}
		for _, s := range ofEvent() {
			out[s.name]++
		}
		return out
	}
	g.Eventually(names, stack.Patience, often).Should(And(
		HaveKeyWithValue("receive", 1), HaveKeyWithValue("verify", 1), HaveKeyWithValue("ledger claim", 1),
		HaveKeyWithValue("inbox put", 1), HaveKeyWithValue("ledger settle", 1), HaveKeyWithValue("deliver", 2),
	))
	told := d.sink.traceparents()
	for _, s := range ofEvent() {
		g.Expect(s.service).To(Equal("kassa-receiver"))
		switch s.name {
		case "receive":
			g.Expect(s.attributes).To(HaveKeyWithValue("cloudevents.event_id", d.CloudEventID(watched)))
			g.Expect(s.attributes).To(HaveKeyWithValue("kassa.event.type", "subscription.canceled"))
		case "deliver":
			g.Expect(told).To(ContainElement("00-" + s.trace + "-" + s.id + "-01"))
		}
	}

	of := func(service, name string) func() []span {
		return func() []span {
			return d.collector.find(func(s span) bool { return s.service == service && strings.HasPrefix(s.name, name) })
		}
	}
	g.Eventually(of("kassa-checkout", "/v1/checkouts"), stack.Patience, often).Should(HaveLen(1))
	sale := of("kassa-checkout", "/v1/checkouts")()[0]
	parents := func() (out []string) {
		for _, s := range of("kassa-checkout", "Stripe ")() {
			out = append(out, s.parent)
		}
		return out
	}
	g.Eventually(parents, stack.Patience, often).Should(ContainElement(sale.id))
	g.Expect(of("kassa-operator", "reconcile Plan")()).NotTo(BeEmpty())
	g.Expect(of("kassa-operator", "Stripe create price")()).NotTo(BeEmpty())

	for _, secret := range []string{d.APIKey(), d.hooks.SigningSecret(), shopToken, "cus_1"} {
		g.Expect(d.collector.text()).NotTo(ContainSubstring(secret))
	}
}
