package catalog

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/stack"
)

const waiting = "Failed False " + v1alpha1.ReasonProviderNotReady

// A key of the wrong mode writes nothing, neither for the account nor for a Plan that uses it.
func TestAKeyOfTheOtherModeWritesNothing(t *testing.T) {
	for name, key := range map[string]string{
		"its text says live": "sk_" + "live_integration", "only the provider says live": "sk_test_" + "lying",
	} {
		t.Run(name, func(t *testing.T) {
			s := stack.New(t, stack.Options{Sandbox: sandbox.Options{Keys: map[string]stripe.Key{key: {Live: true}}}})
			s.Operator()
			s.Create(stack.Secret("stripe-api", "api-key", key), s.Provider(), stack.Plan("pro"))
			eventually(s, accountSays(s)).Should(Equal("Failed False " + v1alpha1.ReasonModeMismatch))
			eventually(s, planSays(s, "pro")).Should(Equal(waiting))
			g := NewWithT(t)
			g.Expect(stack.Message(plan(s, "pro"))).To(Equal(
				`stripe: PaymentProvider "stripe" is not ready: ModeMismatch; its conditions say more`))
			s.Quiet()
			g.Expect(s.Sandbox.Counts().Writes).To(BeZero())
			g.Expect(s.OperatorLog()).NotTo(ContainSubstring(key))

			// The right key is all that is needed.
			secret := &corev1.Secret{}
			secret.Name = "stripe-api"
			change(s, secret, func(x *corev1.Secret) { x.Data["api-key"] = []byte(s.APIKey()) })
			eventually(s, accountSays(s)).Should(Equal(accountReady))
			eventually(s, planSays(s, "pro")).Should(Equal(planReady))
			expectOneOfEach(s, "pro")
		})
	}
}

// A Secret, or its key, that comes later is seen by watch.
func TestASecretThatComesLater(t *testing.T) {
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.Create(s.Provider(), stack.Plan("pro"))
	eventually(s, accountSays(s)).Should(Equal("Failed False " + v1alpha1.ReasonSecretNotFound))
	NewWithT(t).Expect(stack.Message(account(s))).To(Equal(
		`Secret "stripe-api" does not exist; create it with the API key under "api-key"`))
	eventually(s, planSays(s, "pro")).Should(Equal(waiting))

	began := time.Now()
	secret := stack.Secret("stripe-api", "wrong-name", s.APIKey())
	s.Create(secret)
	eventually(s, accountSays(s)).Should(Equal("Failed False " + v1alpha1.ReasonSecretKeyMissing))
	t.Logf("seen %v after the Secret was made", time.Since(began))

	began = time.Now()
	change(s, secret, func(x *corev1.Secret) { x.Data = map[string][]byte{"api-key": []byte(s.APIKey())} })
	eventually(s, accountSays(s)).Should(Equal(accountReady))
	t.Logf("account Ready %v after the key was there", time.Since(began))
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	t.Logf("plan Ready %v after the key was there", time.Since(began))
	expectOneOfEach(s, "pro")
}

// A rotated key of the same account is used from then on, without a restart; one of another account is not.
func TestRotation(t *testing.T) {
	const second, other = "sk_test_" + "second", "sk_test_" + "other"
	keys := map[string]stripe.Key{second: {Account: "acct_rotation"}, other: {Account: "acct_other"}}
	s := stack.New(t, stack.Options{Sandbox: sandbox.Options{Keys: keys}})
	keys[s.APIKey()] = stripe.Key{Account: "acct_rotation"}
	s.Operator()
	s.CreateProvider()
	s.Create(stack.Plan("pro"))
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	s.Quiet()

	secret := &corev1.Secret{}
	secret.Name = "stripe-api"
	s.Sandbox.Stripe().Revoke(s.APIKey(), true)
	pp := account(s)
	touch(s, pp)
	eventually(s, accountSays(s)).Should(Equal("Failed False " + v1alpha1.ReasonCredentialsInvalid))

	began := time.Now()
	change(s, secret, func(x *corev1.Secret) { x.Data["api-key"] = []byte(second) })
	eventually(s, accountSays(s)).Should(Equal(accountReady))
	t.Logf("Ready %v after the rotation", time.Since(began))
	changed := plan(s, "pro")
	change(s, changed, func(p *v1alpha1.Plan) { p.Spec.DisplayName = "Renamed" })
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))

	writes := s.Quiet().Writes
	change(s, secret, func(x *corev1.Secret) { x.Data["api-key"] = []byte(other) })
	eventually(s, accountSays(s)).Should(Equal("Failed False " + v1alpha1.ReasonAccountMismatch))
	change(s, changed, func(p *v1alpha1.Plan) { p.Spec.DisplayName = "Renamed again" })
	eventually(s, planSays(s, "pro")).Should(Equal(waiting))
	NewWithT(t).Expect(s.Quiet().Writes).To(Equal(writes))
	for _, key := range []string{s.APIKey(), second, other} {
		NewWithT(t).Expect(s.OperatorLog()).NotTo(ContainSubstring(key))
	}
}
