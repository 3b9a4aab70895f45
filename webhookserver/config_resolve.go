package webhookserver

import (
	"net/url"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8stypes "k8s.io/apimachinery/pkg/types"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/serving"
)

// Defaults of the spec, as its documentation promises.
const (
	defaultTolerance  = 5 * time.Minute
	defaultMaxAge     = 72 * time.Hour
	defaultMinBackoff = time.Second
	defaultMaxBackoff = 10 * time.Minute
	defaultRetention  = 744 * time.Hour
	maxRetention      = 8760 * time.Hour
)

// settings are what the receiver's resource and Secret say, ready to use. They are never changed, only replaced.
type settings struct {
	namespace, name string
	uid             k8stypes.UID
	paths           []string
	https           serving.HTTPSPolicy
	provider        billing.Provider
	account         string // at the provider
	mode            billing.Mode
	codec           provider.WebhookCodec
	secrets         []string
	tolerance       time.Duration
	events          []string
	sinks           []sink
	retry           retry
	dunning         bool // payments that fail are told to the operator
	retention       time.Duration
	source          string // of the CloudEvents
	idPrefix        string // of the CloudEvents: "stripe:acct_1:"
}

// retry bounds the deliveries from the inbox.
type retry struct{ maxAge, minBackoff, maxBackoff time.Duration }

// selects says whether spec.events admits the event.
func (s *settings) selects(e *billing.Event) bool {
	return billing.MatchesEvent(s.events, e.Type, e.NativeType)
}

// wanting are the sinks that an event goes to.
func (s *settings) wanting(e *billing.Event) []*sink {
	selected := s.selects(e)
	var out []*sink
	for i := range s.sinks {
		if to := &s.sinks[i]; reception.Goes(e, selected, to.events) {
			out = append(out, to)
		}
	}
	return out
}

// named finds sinks by name; those that the spec no longer has are left out.
func (s *settings) named(names []string) []*sink {
	var out []*sink
	for i := range s.sinks {
		if to := &s.sinks[i]; slices.Contains(names, to.name) {
			out = append(out, to)
		}
	}
	return out
}

// longest is the longest timeout of a sink.
func (s *settings) longest() time.Duration {
	out := time.Duration(0)
	for _, to := range s.sinks {
		out = max(out, to.timeout)
	}
	return out
}

// resolve is nil and a reason while something is missing that events cannot be taken without. The sinks are
// config's to add.
func resolve(r *v1alpha1.WebhookReceiver, secret map[string][]byte, registry provider.Registry) (*settings, string) {
	if r == nil {
		return nil, "the WebhookReceiver does not exist"
	}
	account := r.Status.Provider
	if account == nil {
		return nil, "status.provider is not set yet: the PaymentProvider is not ready"
	}
	adapter, err := registry.Adapter(billing.Provider(account.Type))
	if err != nil {
		return nil, err.Error()
	}
	codec := adapter.Codec()
	if codec == nil {
		return nil, "this version does not receive the events of " + string(account.Type)
	}
	at, err := url.Parse(r.Spec.URL)
	if err != nil {
		return nil, "spec.url cannot be read"
	}
	secrets := reception.Live(r, secret)
	if len(secrets) == 0 {
		return nil, "the Secret " + reception.LiveSecret(r) + " has no signing secret yet"
	}
	return &settings{
		namespace: r.Namespace, name: r.Name, uid: r.UID,
		paths:     pathsOf(r, at),
		https:     serving.HTTPSPolicyOf(at, r.Spec.HTTPSPolicy),
		provider:  billing.Provider(account.Type),
		account:   account.AccountID,
		mode:      billing.Mode(account.Mode),
		codec:     codec,
		secrets:   secrets,
		tolerance: duration(r.Spec.SignatureTolerance, defaultTolerance),
		events:    r.Spec.Events,
		retry:     retryOf(r.Spec.Delivery),
		dunning:   r.Spec.Dunning != nil,
		retention: retentionOf(r.Spec.Ledger),
		source:    "/billing.kassa.dev/namespaces/" + r.Namespace + "/webhookreceivers/" + r.Name,
		idPrefix:  strings.ToLower(string(account.Type)) + ":" + account.AccountID + ":",
	}, ""
}

func retryOf(d *v1alpha1.Delivery) retry {
	out := retry{defaultMaxAge, defaultMinBackoff, defaultMaxBackoff}
	if d == nil || d.Retry == nil {
		return out
	}
	out.maxAge = duration(d.Retry.MaxAge, defaultMaxAge)
	out.minBackoff = duration(d.Retry.MinBackoff, defaultMinBackoff)
	out.maxBackoff = max(duration(d.Retry.MaxBackoff, defaultMaxBackoff), out.minBackoff)
	return out
}

func retentionOf(l *v1alpha1.LedgerSettings) time.Duration {
	if l == nil {
		return defaultRetention
	}
	return duration(l.Retention, defaultRetention)
}

func duration(d *metav1.Duration, otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return d.Duration
}
