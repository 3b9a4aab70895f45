package checkout

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
)

// Two replicas are one shop: a purchase is opened once whichever of them is asked, and nobody is refused because one of
// them is started anew.
func TestTwoReplicas(t *testing.T) {
	d := deploy(t, asItIs, "stripe")
	for _, subject := range []struct {
		name string
		test func(*deployed)
	}{
		{"one key", oneKey}, {"one key for checkouts that end early", oneKeyThatEndsEarly},
		{"one key and another price", oneKeyTwoPrices}, {"rolling restart", rollingRestart}, {"kill", killedReplicas},
	} {
		t.Run(subject.name, func(t *testing.T) {
			mine := *d
			mine.t, mine.g = t, NewWithT(t)
			subject.test(&mine)
		})
	}
}

// keyed asks one replica for a user's purchase with an Idempotency-Key.
func (d *deployed) keyed(at, user, key string) (reply, error) {
	return send(d.Through, http.MethodPost, at+"/v1/checkouts", monthly, of(user, "Idempotency-Key", key)...)
}

// opensOnce sends one key to both replicas, several times at once and once more, and expects one session.
func (d *deployed) opensOnce(user string) {
	d.t.Helper()
	var mu sync.Mutex
	answers := map[string]int{}
	ask := func(at string) {
		r, err := d.keyed(at, user, "order-1")
		mu.Lock()
		defer mu.Unlock()
		answers[fmt.Sprint(r.status, r.text, err)]++
	}
	var all sync.WaitGroup
	for range 3 {
		for _, at := range d.atEach() {
			all.Go(func() { ask(at) })
		}
	}
	all.Wait()
	for _, at := range d.atEach() {
		ask(at)
	}
	d.g.Expect(answers).To(HaveLen(1))
	d.g.Expect(answers).To(HaveKey(HavePrefix("201")))
	d.g.Expect(d.sessions()[user]).To(HaveLen(1))
}

func oneKey(d *deployed) {
	d.opensOnce("once")
	// Stripe takes its time, so that the two requests meet there.
	d.g.Expect(d.Sandbox.Faults().Add(traffic.Fault{
		Method: http.MethodPost, Path: "/v1/checkout/sessions", DelayMillis: 300,
	})).To(Succeed())
	d.opensOnce("slowly")
	d.Sandbox.Faults().Clear()

	// Somebody else's key of the same text is another one, and so is another body.
	first, err := d.keyed(d.URL(), "once", "order-1")
	d.g.Expect(err).NotTo(HaveOccurred())
	other, err := d.keyed(d.URL(), "somebody", "order-1")
	d.g.Expect(err).NotTo(HaveOccurred())
	d.g.Expect(other.member("id")).NotTo(Equal(first.member("id")))
	for _, at := range d.atEach() {
		r := d.ask(http.MethodPost, at+"/v1/checkouts", `{"plan":"pro","price":"monthly","quantity":2}`,
			of("once", "Idempotency-Key", "order-1")...)
		d.g.Expect(r.status).To(Equal(http.StatusUnprocessableEntity))
		d.g.Expect(r.problem()).To(Equal("idempotency-key-reused"))
	}
}

// A checkout that ends before Stripe's own day has its end in the request, which differs with the time: a replica that
// is asked hours later sends another one, and yet is given the session that there is.
func oneKeyThatEndsEarly(d *deployed) {
	const life = 8 * time.Hour
	d.change(func(spec *v1alpha1.CheckoutEndpointSpec) {
		spec.Checkout = &v1alpha1.CheckoutOptions{ExpiresAfter: &metav1.Duration{Duration: life}}
	})
	end := func(at, user string) time.Time {
		return d.expiry(d.ask(http.MethodPost, at+"/v1/checkouts", monthly, of(user)...))
	}
	for _, at := range d.atEach() {
		d.g.Eventually(end, soon, often).WithArguments(at, "u1").
			Should(BeTemporally("~", time.Now().Add(life), time.Hour))
	}
	d.opensOnce("early")
	for _, ago := range []time.Duration{30 * time.Minute, 2 * time.Hour, 7 * time.Hour} {
		user := fmt.Sprint("ago-", ago)
		d.witness.ago(user, ago)
		first, err := d.keyed(d.atEach()[0], user, "order-1")
		d.g.Expect(err).NotTo(HaveOccurred())
		d.g.Expect(d.expiry(first)).To(BeTemporally("~", time.Now().Add(life-ago), time.Hour))
		again, err := d.keyed(d.atEach()[1], user, "order-1")
		d.g.Expect(err).NotTo(HaveOccurred())
		d.g.Expect(again.text).To(Equal(first.text))
		d.g.Expect(d.sessions()[user]).To(HaveLen(1))
	}
	d.change(func(spec *v1alpha1.CheckoutEndpointSpec) { spec.Checkout = nil })
	for _, at := range d.atEach() {
		d.g.Eventually(end, soon, often).WithArguments(at, "u1").
			Should(BeTemporally("~", time.Now().Add(24*time.Hour), time.Hour))
	}
}

// expiry is when a checkout ends.
func (d *deployed) expiry(r reply) time.Time {
	d.t.Helper()
	d.g.Expect(r.status).To(Equal(http.StatusCreated), r.text)
	at, err := time.Parse(time.RFC3339, r.member("expiresAt"))
	d.g.Expect(err).NotTo(HaveOccurred())
	return at
}

// When the price was replaced in between, the replica that answered before repeats its answer, and another one sells
// the new price: it never asks Stripe for something else with a key that was used.
func oneKeyTwoPrices(d *deployed) {
	at := d.atEach()
	ask := func(at, user string) reply {
		r, err := d.keyed(at, user, "order-2")
		d.g.Expect(err).NotTo(HaveOccurred())
		d.g.Expect(r.status).To(Equal(http.StatusCreated), r.text)
		return r
	}
	first := ask(at[0], "patient")
	plan := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "pro"}}
	d.Change(plan, func() { plan.Spec.Prices[0].Amount = "31.00" })
	d.AwaitState(plan, "Current True InSync")
	replaced := plan.Status.Providers[0].Prices[0].ID
	for _, replica := range at {
		n := 0
		d.g.Eventually(func() string {
			n++
			return d.priceOf(ask(replica, fmt.Sprint("fresh-", n)).member("id"))
		}, soon, often).Should(Equal(replaced))
	}
	d.g.Expect(ask(at[0], "patient").text).To(Equal(first.text))
	second := ask(at[1], "patient")
	d.g.Expect(d.priceOf(second.member("id"))).To(Equal(replaced))
	d.g.Expect(ask(at[1], "patient").text).To(Equal(second.text))
	d.g.Expect(d.sessions()["patient"]).To(HaveLen(2))
}
