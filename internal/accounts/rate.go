package accounts

import (
	"cmp"

	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// OperatorShare of an account's rate is the operator's. The other half is all checkout servers' together, so that no
// buyer waits for a catalogue that somebody changes.
const OperatorShare = 0.5

// serverBurst is what a server may ask at once where the spec sets no burst: a purchase takes up to three requests, and
// should not wait for itself.
const serverBurst = 4

// Limit is a token bucket: what may be asked in a second, and at once after a quiet time. Without a Burst, that is what
// two seconds admit.
type Limit struct {
	PerSecond float64
	Burst     int
}

// LimitOf is what all of Kassa may ask of a PaymentProvider's account, and what that is counted by: PaymentProviders of
// one scope share it. Where this build has no adapter for it, ok is false.
func LimitOf(registry provider.Registry, pp *v1alpha1.PaymentProvider) (scope string, limit Limit, ok bool) {
	adapter, err := registry.Adapter(TypeOf(&pp.Spec))
	if err != nil {
		return "", Limit{}, false
	}
	// Until the account is known, its PaymentProvider stands for it.
	account := billing.Account{ID: client.ObjectKeyFromObject(pp).String()}
	if a := pp.Status.Account; a != nil {
		account.ID = a.ID
	}
	cfg := provider.Config{BaseURL: pp.Spec.BaseURL, Mode: billing.Mode(pp.Spec.Mode)}
	return scopeOfAccount(adapter, cfg, account), limitOf(adapter, pp), true
}

func limitOf(adapter provider.Adapter, pp *v1alpha1.PaymentProvider) Limit {
	if l := pp.Spec.RateLimit; l != nil {
		return Limit{float64(l.RequestsPerSecond), int(l.Burst)}
	}
	return Limit{PerSecond: adapter.DefaultRate(billing.Mode(pp.Spec.Mode))}
}

// Smaller is the limit that holds where two PaymentProviders of one account disagree.
func (l Limit) Smaller(than Limit) Limit {
	if c := cmp.Compare(l.PerSecond, than.PerSecond); c < 0 || c == 0 && l.Burst < than.Burst {
		return l
	}
	return than
}

// OfOperator is the operator's share.
func (l Limit) OfOperator() Limit {
	rate, burst := l.PerSecond*OperatorShare, int(float64(l.Burst)*OperatorShare)
	if l.Burst == 0 {
		burst = int(2 * rate)
	}
	return Limit{rate, max(1, burst)}
}

// OfServer is the share of one of so many replicas of checkout servers at the account.
func (l Limit) OfServer(replicas int) Limit {
	n := float64(max(1, replicas))
	rate, burst := l.PerSecond*(1-OperatorShare)/n, int(float64(l.Burst)*(1-OperatorShare)/n)
	if l.Burst == 0 {
		burst = max(serverBurst, int(2*rate))
	}
	return Limit{rate, max(1, burst)}
}
