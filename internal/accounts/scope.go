package accounts

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Rate is how many requests a second a PaymentProvider's account takes; 0 where this build has no adapter for it.
func Rate(registry provider.Registry, pp *v1alpha1.PaymentProvider) float64 {
	adapter, err := registry.Adapter(TypeOf(&pp.Spec))
	if err != nil {
		return 0
	}
	return rateOf(adapter, pp)
}

func rateOf(adapter provider.Adapter, pp *v1alpha1.PaymentProvider) float64 {
	if l := pp.Spec.RateLimit; l != nil {
		return float64(l.RequestsPerSecond)
	}
	return adapter.DefaultRate(billing.Mode(pp.Spec.Mode))
}

// client is the client of a scope, with the rate that the PaymentProvider wants.
func (p *Pool) client(
	pp *v1alpha1.PaymentProvider, adapter provider.Adapter, scope string,
) *http.Client {
	rate, burst := rateOf(adapter, pp), 0
	if l := pp.Spec.RateLimit; l != nil {
		burst = int(l.Burst)
	}
	if burst == 0 {
		burst = max(1, int(2*rate))
	}
	return p.Clients.Client(adapter.Type(), client.ObjectKeyFromObject(pp).String(), scope, rate, burst)
}

// scopeOfKey is what requests are counted by while it is not known whose the key is.
func scopeOfKey(adapter provider.Adapter, cfg provider.Config) string {
	if adapter.CountsByAddress() {
		return scopeOfAccount(adapter, cfg, billing.Account{})
	}
	sum := sha256.Sum256([]byte(cfg.APIKey))
	return strings.Join([]string{string(adapter.Type()), cfg.BaseURL, "key", hex.EncodeToString(sum[:])}, "|")
}

// scopeOfAccount is what the provider counts requests by.
func scopeOfAccount(adapter provider.Adapter, cfg provider.Config, info billing.Account) string {
	parts := []string{string(adapter.Type()), cfg.BaseURL, string(cfg.Mode)}
	if !adapter.CountsByAddress() {
		parts = append(parts, info.ID)
	}
	return strings.Join(parts, "|")
}

// identity tells whether two PaymentProviders are of one account, which may be reached by several addresses. It is
// empty while the provider does not tell.
func identity(spec *v1alpha1.PaymentProviderSpec, provisional bool, id string) string {
	if provisional || id == "" {
		return ""
	}
	return strings.Join([]string{string(TypeOf(spec)), string(spec.Mode), id}, "|")
}

// Identity is the same for PaymentProviders of one account, by what was last found out. It is empty while that is not
// known.
func Identity(pp *v1alpha1.PaymentProvider) string {
	if a := pp.Status.Account; a != nil {
		return identity(&pp.Spec, a.Provisional, a.ID)
	}
	return ""
}
