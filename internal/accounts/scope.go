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

// client is the client of a scope, with the operator's share of the rate that the PaymentProvider wants.
func (p *Pool) client(
	pp *v1alpha1.PaymentProvider, adapter provider.Adapter, scope string,
) *http.Client {
	share := limitOf(adapter, pp).OfOperator()
	return p.Clients.Client(adapter.Type(), client.ObjectKeyFromObject(pp).String(), scope, share.PerSecond, share.Burst)
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
