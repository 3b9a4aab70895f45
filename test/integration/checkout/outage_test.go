package checkout

import (
	"net/http"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// Stripe is away: its users buy at Paddle meanwhile, unless that is not wanted, and what they have bought at Stripe
// stays there.
func providerDown(d *deployed) {
	user := d.userOf("Stripe")
	payAs(d.g, d.buy(user).member("url"), user+"@example.com")
	subscriptions := func() []string {
		return d.ask(http.MethodGet, d.URL()+"/v1/subscriptions", "", of(user)...).list(d.g)
	}
	d.g.Eventually(subscriptions, stack.Patience, often).Should(HaveLen(1))
	id := subscriptions()[0]
	cancel := func() reply {
		return d.ask(http.MethodPost, d.URL()+"/v1/subscriptions/"+id+"/cancel", "{}", of(user)...)
	}

	d.breaks(traffic.Fault{Path: "/v1/", Times: -1, Status: http.StatusServiceUnavailable})
	for _, at := range d.atEach() {
		opened := d.ask(http.MethodPost, at+"/v1/checkouts", monthly, of(user)...)
		d.g.Expect(opened.member("provider")).To(Equal("Paddle"), opened.text)
		list := func() int { return d.ask(http.MethodGet, at+"/v1/subscriptions", "", of(user)...).status }
		// What was told before the outage is told for a few seconds more.
		d.g.Eventually(list, stack.Patience, often).Should(Equal(http.StatusServiceUnavailable),
			"nobody may think that there is none")
	}
	d.g.Expect(cancel().problem()).To(Equal("provider-unavailable"))
	d.works()
	d.g.Eventually(subscriptions, stack.Patience, often).Should(Equal([]string{id}))
	d.g.Expect(cancel().status).To(Equal(http.StatusOK))
	d.g.Expect(id).To(HavePrefix("stripe."))
	d.g.Eventually(d.allSell, stack.Patience, often).WithArguments(user, "Stripe").Should(BeTrue())

	// Silence is an outage too. Who comes after the first one need not wait for it again.
	before := d.asked()
	d.breaks(traffic.Fault{Path: "/v1/checkout/", Times: -1, DelayMillis: 60_000})
	for range 2 {
		opened := d.ask(http.MethodPost, d.atEach()[0]+"/v1/checkouts", monthly, of(user)...)
		d.g.Expect(opened.member("provider")).To(Equal("Paddle"), opened.text)
	}
	d.g.Expect(d.asked() - before).To(Equal(1))
	d.works()

	d.change(func(spec *v1alpha1.CheckoutEndpointSpec) { spec.Failover = v1alpha1.FailoverDisabled })
	d.breaks(traffic.Fault{Path: "/v1/checkout/", Times: -1, Status: http.StatusServiceUnavailable})
	var refused reply
	for _, at := range d.atEach() {
		d.g.Eventually(func() int {
			refused = d.ask(http.MethodPost, at+"/v1/checkouts", monthly, of(user)...)
			return refused.status
		}, stack.Patience, often).Should(Equal(http.StatusServiceUnavailable))
		d.g.Expect(refused.problem()).To(Equal("provider-unavailable"))
		d.g.Expect(refused.header.Get("Retry-After")).NotTo(BeEmpty())
	}
	d.works()
	d.g.Eventually(d.allSell, stack.Patience, often).WithArguments(user, "Stripe").Should(BeTrue())
}

// breaks lets the providers' requests go wrong until works.
func (d *deployed) breaks(f traffic.Fault) {
	d.t.Helper()
	d.g.Expect(d.Sandbox.Faults().Add(f)).To(Succeed())
}

func (d *deployed) works() { d.Sandbox.Faults().Clear() }

// asked counts the requests for sessions.
func (d *deployed) asked() (n int) {
	for _, r := range d.Sandbox.Requests() {
		if r.Write() && r.Path == "/v1/checkout/sessions" {
			n++
		}
	}
	return n
}

// allSell says whether every replica opens a user's checkout at that provider.
func (d *deployed) allSell(user, provider string) bool {
	for _, at := range d.atEach() {
		if d.ask(http.MethodPost, at+"/v1/checkouts", monthly, of(user)...).member("provider") != provider {
			return false
		}
	}
	return true
}
