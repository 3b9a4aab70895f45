package checkout

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// What changes in the cluster is live at every replica within seconds, without a restart and without a refused
// checkout; and a provider that is down costs no sale where there is another one.
func TestLiveChanges(t *testing.T) {
	d := deploy(t, func(_ *stack.Stack, e *v1alpha1.CheckoutEndpoint) { weigh(e, 90, 10) }, "stripe", "paddle")
	for _, subject := range []struct {
		name string
		test func(*deployed)
	}{
		{"weights", changedWeights}, {"price", replacedPrice}, {"bearer token", rotatedToken}, {"API key", rotatedAPIKey},
		{"outage", providerDown},
	} {
		t.Run(subject.name, func(t *testing.T) {
			mine := *d
			mine.t, mine.g = t, NewWithT(t)
			subject.test(&mine)
			mine.isAsItWas()
		})
	}
}

// weigh sets the providers' weights, in the order of the markets.
func weigh(e *v1alpha1.CheckoutEndpoint, weights ...int32) {
	for i := range weights {
		e.Spec.Providers[i].Weight = &weights[i]
	}
}

func (d *deployed) reweigh(weights ...int32) {
	d.t.Helper()
	d.change(func(*v1alpha1.CheckoutEndpointSpec) { weigh(d.endpoint, weights...) })
}

// sampled is how many users are asked for where the shares of the providers matter.
const sampled = 200

// shares are the providers of the users, asked for at one replica.
func (d *deployed) shares(at string) (out []string) {
	d.t.Helper()
	for n := range sampled {
		r := d.ask(http.MethodPost, at+"/v1/checkouts", monthly, of(fmt.Sprint("sample-", n))...)
		d.g.Expect(r.status).To(Equal(http.StatusCreated), r.text)
		out = append(out, r.member("provider"))
	}
	return out
}

// Nobody moves but those users that the provider with the larger weight wins, and every replica has the same ones.
func changedWeights(d *deployed) {
	at := d.atEach()
	before := d.shares(at[0])
	d.g.Expect(d.shares(at[1])).To(Equal(before))
	d.g.Expect(count(before, "Paddle")).To(And(BeNumerically(">", 0), BeNumerically("<", sampled/4)))

	d.reweigh(50, 50)
	var after []string
	for _, replica := range at {
		d.g.Eventually(func() int {
			after = d.shares(replica)
			return count(after, "Paddle")
		}, soon, often).Should(BeNumerically("~", sampled/2, sampled/6))
	}
	d.g.Expect(d.shares(at[0])).To(Equal(after))
	for n := range sampled {
		if before[n] == "Paddle" {
			d.g.Expect(after[n]).To(Equal("Paddle"), "sample-%d has no reason to move", n)
		}
	}
}

// userOf is a user whose checkouts every replica opens at that provider.
func (d *deployed) userOf(provider string) string {
	d.t.Helper()
	for n := range 50 {
		if user := fmt.Sprint("user-", n); d.allSell(user, provider) {
			return user
		}
	}
	d.t.Fatal("nobody buys at", provider)
	return ""
}

func count(all []string, one string) (n int) {
	for _, text := range all {
		if text == one {
			n++
		}
	}
	return n
}

// At no moment of a price's replacement is a checkout refused, or opened at the price that was replaced.
func replacedPrice(d *deployed) {
	plan := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "pro"}}
	load := loading(d.t, 3, func(n int) string {
		return refusedBy(send(d.Through, http.MethodPost, d.URL()+"/v1/checkouts", monthly, of(fmt.Sprint("load-", n))...))
	})
	buyer := d.userOf("Stripe")
	for _, amount := range []string{"39.00", "49.00", "59.00"} {
		old := d.priceOf(d.buy(buyer).member("id"))
		d.Change(plan, func() { plan.Spec.Prices[0].Amount = v1alpha1.Amount(amount) })
		d.AwaitState(plan, "Current True InSync")
		now := plan.Status.Providers[slices.IndexFunc(plan.Status.Providers, func(p v1alpha1.PlanProviderStatus) bool {
			return p.Name == "stripe"
		})].Prices[0].ID
		d.g.Expect(now).NotTo(Equal(old))
		load.more(d.g, 20)
		for _, at := range d.atEach() {
			d.g.Eventually(func() string {
				opened := d.ask(http.MethodPost, at+"/v1/checkouts", monthly, of(buyer)...)
				return d.priceOf(opened.member("id"))
			}, soon, often).Should(Equal(now))
		}
	}
	made, failed := load.stop()
	d.g.Expect(failed).To(BeEmpty(), "of %d", made)
	// The sandbox sells no price that is archived. Its Paddle keeps the price as it was with what it sold.
	transactions := d.Sandbox.Paddle().Account(peer("paddle").Key(d.Namespace)).Transactions()
	d.g.Expect(transactions).NotTo(BeEmpty())
	for _, t := range transactions {
		d.g.Expect(t.Items[0].Price.Status).To(Equal("active"))
	}
}

// The application's token is rotated by a second one beside it, and nothing is refused on the way.
func rotatedToken(d *deployed) {
	const next = "next-token-of-the-shop"
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "shop-token"}}
	with := func(token string) []string {
		return []string{"Authorization", "Bearer " + token, "Kassa-User-Id", "u1"}
	}
	status := func(at, token string) int {
		return d.ask(http.MethodPost, at+"/v1/checkouts", monthly, with(token)...).status
	}
	everywhere := func(token string, want int) {
		d.t.Helper()
		for _, at := range d.atEach() {
			d.g.Eventually(status, soon, often).WithArguments(at, token).Should(Equal(want))
		}
	}
	everywhere(next, http.StatusUnauthorized)
	var live atomic.Value
	live.Store(shopToken)
	load := loading(d.t, 2, func(int) string {
		return refusedBy(send(d.Through, http.MethodPost, d.URL()+"/v1/checkouts", monthly, with(live.Load().(string))...))
	})
	d.Change(secret, func() { secret.Data["next"] = []byte(next + "\n") })
	everywhere(next, http.StatusCreated)
	everywhere(shopToken, http.StatusCreated)
	live.Store(next)
	load.more(d.g, 10) // those with the old token are over
	d.Change(secret, func() { delete(secret.Data, "token") })
	everywhere(shopToken, http.StatusUnauthorized)
	_, failed := load.stop()
	d.g.Expect(failed).To(BeEmpty())
	d.Change(secret, func() { secret.Data = map[string][]byte{"token": []byte(shopToken)} })
	everywhere(shopToken, http.StatusCreated)
}

// The provider's key is rolled: once the new one is used, the old one can be revoked.
func rotatedAPIKey(d *deployed) {
	load := loading(d.t, 2, func(n int) string {
		return refusedBy(send(d.Through, http.MethodPost, d.URL()+"/v1/checkouts", monthly, of(fmt.Sprint("key-", n))...))
	})
	secret, next := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "stripe-api"}}, d.APIKey()+secondKey
	d.Change(secret, func() { secret.Data["api-key"] = []byte(next) })
	for i, at := range d.atEach() {
		n := 0
		d.g.Eventually(func() string {
			n++
			user := fmt.Sprintf("probe-%d-%d", i, n)
			d.g.Expect(d.ask(http.MethodPost, at+"/v1/checkouts", monthly, of(user)...).status).To(Equal(http.StatusCreated))
			return d.witness.keyFor(user)
		}, soon, often).Should(Equal(next))
	}
	load.more(d.g, 10)
	d.Sandbox.Stripe().Revoke(d.APIKey(), true)
	load.more(d.g, 30)
	made, failed := load.stop()
	d.g.Expect(failed).To(BeEmpty(), "of %d", made)
}
