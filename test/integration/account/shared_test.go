package account

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/stack"
)

// The requests of two PaymentProviders with two keys of one account share one limit, which is the smaller of the two.
// What is admitted in a time is bounded; that the time is long on a slow machine makes the bound no tighter.
func twoPaymentProvidersOfOneAccount(t *testing.T) {
	const rate, burst, plans = 20, 5, 8
	first, second := "sk_test_"+"first", "sk_test_"+"second"
	s := stack.New(t, stack.Options{Sandbox: sandbox.Options{Keys: map[string]stripe.Key{
		first: {Account: "acct_shared"}, second: {Account: "acct_shared"},
	}}})
	for name, key := range map[string]string{"slow": first, "fast": second} {
		pp := s.Provider()
		pp.Name, pp.Spec.Stripe.APIKeySecretRef.Name = name, name
		if name == "slow" {
			pp.Spec.RateLimit = &v1alpha1.RateLimit{RequestsPerSecond: rate, Burst: burst}
		}
		s.Create(stack.Secret(name, "api-key", key), pp)
		s.AwaitState(pp, accountReady)
	}
	s.Quiet()
	began, before := time.Now(), len(s.Sandbox.Requests())
	var all []string
	for i := range plans {
		for _, at := range []string{"slow", "fast"} {
			p := stack.Plan(fmt.Sprintf("%s-%d", at, i))
			p.Spec.Providers[0].Name = at
			s.Create(p)
			all = append(all, p.Name)
		}
	}
	for _, name := range all {
		s.AwaitState(plan(name), planReady)
	}
	requests := len(s.Sandbox.Requests()) - before
	elapsed := time.Since(began)
	t.Logf("%d requests in %v", requests, elapsed)
	NewWithT(t).Expect(requests).To(BeNumerically("<=", burst+rate*elapsed.Seconds()))
	NewWithT(t).Expect(requests).To(BeNumerically(">=", 4*len(all)), "a product, two prices and the default of each")
}
