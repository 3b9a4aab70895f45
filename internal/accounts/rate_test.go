package accounts_test

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

// The operator and all servers together never have more than the account's rate, nor its burst where that is set and
// goes round.
func TestSharesAddUpToTheLimit(t *testing.T) {
	for _, l := range []accounts.Limit{
		{PerSecond: 3}, {PerSecond: 18}, {PerSecond: 20, Burst: 40}, {PerSecond: 1000, Burst: 2000},
	} {
		for replicas := 1; replicas <= 12; replicas++ {
			g := NewWithT(t)
			operator, server := l.OfOperator(), l.OfServer(replicas)
			g.Expect(operator.PerSecond + float64(replicas)*server.PerSecond).To(BeNumerically("~", l.PerSecond, 1e-9))
			if l.Burst != 0 {
				g.Expect(operator.Burst + replicas*server.Burst).To(BeNumerically("<=", l.Burst))
			} else {
				g.Expect(server.Burst).To(BeNumerically(">=", 4), "one purchase does not wait for itself")
			}
		}
	}
	g := NewWithT(t)
	g.Expect(accounts.Limit{PerSecond: 1, Burst: 1}.OfServer(3)).To(HaveField("Burst", 1), "without one nothing goes")
	g.Expect(accounts.Limit{PerSecond: 18}.OfOperator()).To(Equal(accounts.Limit{PerSecond: 9, Burst: 18}))
}

// What counts together is the account at Stripe, and at Paddle all accounts of a mode.
func TestScopesOfALimit(t *testing.T) {
	g := NewWithT(t)
	registry := provider.NewRegistry(stripe.Adapter{}, paddle.Adapter{})
	scope := func(edit func(*v1alpha1.PaymentProvider)) string {
		pp := &v1alpha1.PaymentProvider{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "a"},
			Spec:       v1alpha1.PaymentProviderSpec{Mode: v1alpha1.ModeTest},
			Status:     v1alpha1.PaymentProviderStatus{Account: &v1alpha1.AccountStatus{ID: "acct_1"}},
		}
		edit(pp)
		scope, limit, ok := accounts.LimitOf(registry, pp)
		g.Expect(ok).To(BeTrue())
		g.Expect(limit.PerSecond).To(BeNumerically(">", 0))
		return scope
	}
	atStripe := func(id, name string) string {
		return scope(func(pp *v1alpha1.PaymentProvider) {
			pp.Name, pp.Spec.Stripe = name, &v1alpha1.StripeProvider{}
			if pp.Status.Account.ID = id; id == "" {
				pp.Status.Account = nil
			}
		})
	}
	atPaddle := func(id string, mode v1alpha1.Mode) string {
		return scope(func(pp *v1alpha1.PaymentProvider) {
			pp.Status.Account.ID, pp.Spec.Mode, pp.Spec.Paddle = id, mode, &v1alpha1.PaddleProvider{}
		})
	}
	g.Expect(atStripe("acct_1", "a")).To(Equal(atStripe("acct_1", "b")))
	g.Expect(atStripe("acct_1", "a")).NotTo(Equal(atStripe("acct_2", "a")))
	g.Expect(atStripe("", "a")).NotTo(Equal(atStripe("", "b")), "not known yet")
	g.Expect(atPaddle("1", v1alpha1.ModeTest)).To(Equal(atPaddle("2", v1alpha1.ModeTest)))
	g.Expect(atPaddle("1", v1alpha1.ModeTest)).NotTo(Equal(atPaddle("1", v1alpha1.ModeLive)))
	_, _, ok := accounts.LimitOf(registry, &v1alpha1.PaymentProvider{
		Spec: v1alpha1.PaymentProviderSpec{LemonSqueezy: &v1alpha1.LemonSqueezyProvider{}},
	})
	g.Expect(ok).To(BeFalse())
}
