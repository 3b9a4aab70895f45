package checkoutserver

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/checkoutserver/page"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/origins"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/serving"
	"github.com/kassa-dev/kassa/internal/signin"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// Defaults of the spec, as its documentation promises.
const (
	defaultExpiry            = 24 * time.Hour
	defaultRequestsPerMinute = 60
	defaultBurst             = 20
)

// settings are what the endpoint's resource, its storefront and the Secrets say, ready to use. They are never changed,
// only replaced.
type settings struct {
	namespace string
	uid       types.UID
	spec      v1alpha1.CheckoutEndpointSpec
	path      string // of spec.url, without a slash at its end
	https     serving.HTTPSPolicy
	doc       *storefront.Document
	sites     []*site
	sold      map[soldID]sold
	origins   *origins.Origins
	limiter   *limiter
	refusals  *limiter // nil: verifying costs no more than counting
	proxies   int
	users     signin.Verifier
	pages     *page.Pages
}

// soldID is a price at a provider.
type soldID struct{ provider, price string }

// sold is what the storefront calls it.
type sold struct{ plan, price string }

// site finds a provider by its key; nil when there is none.
func (c *settings) site(key string) *site {
	for _, s := range c.sites {
		if s.Key() == key {
			return s
		}
	}
	return nil
}

// trustsClient says that an application's own server asks, and not a buyer's browser.
func (c *settings) trustsClient() bool { return c.spec.Auth.BearerToken != nil }

// owner is whose marks are put on what comes of a sale of a plan.
func (c *settings) owner(p *storefront.Plan) billing.Owner {
	return billing.Owner{Cluster: c.doc.Cluster, Namespace: c.namespace, Name: p.Name, UID: p.UID}
}

// soldOf is the storefront's prices by the providers' ids.
func soldOf(doc *storefront.Document) map[soldID]sold {
	out := map[soldID]sold{}
	for _, plan := range doc.Plans {
		for _, price := range plan.Prices {
			for _, at := range price.At {
				out[soldID{at.Provider, at.PriceID}] = sold{plan.Name, price.Name}
			}
		}
	}
	return out
}

// settingsOf is what the resource and the storefront alone say. The sites, and what guards the edge, are config's to
// add.
func settingsOf(e *v1alpha1.CheckoutEndpoint, doc *storefront.Document) (*settings, string) {
	at, err := url.Parse(e.Spec.URL)
	if err != nil {
		return nil, "spec.url cannot be read"
	}
	allowed, err := origins.Of(&e.Spec)
	if err != nil {
		return nil, err.Error()
	}
	pages, err := page.New(pageSettings(&e.Spec, allowed))
	if err != nil {
		return nil, err.Error()
	}
	return &settings{
		namespace: e.Namespace, uid: e.UID, spec: e.Spec,
		path:  strings.TrimRight(at.Path, "/"),
		https: serving.HTTPSPolicyOf(at, e.Spec.HTTPSPolicy),
		doc:   doc, origins: allowed, pages: pages, sold: soldOf(doc), proxies: trustedProxies(&e.Spec),
	}, ""
}

func trustedProxies(spec *v1alpha1.CheckoutEndpointSpec) int {
	if l := spec.RateLimit; l != nil && l.TrustedProxies != nil {
		return int(*l.TrustedProxies)
	}
	if spec.Expose != nil {
		return 1
	}
	return 0
}

// limitOf is the sustained rate and the burst of one client.
func limitOf(spec *v1alpha1.CheckoutEndpointSpec) (perMinute, burst int32) {
	l := cmp.Or(spec.RateLimit, &v1alpha1.ClientRateLimit{})
	return cmp.Or(l.RequestsPerMinute, defaultRequestsPerMinute), cmp.Or(l.Burst, defaultBurst)
}

// expiresAt is when a checkout ends that is opened now. It is a multiple of step, so that a replica that is asked for
// the same one later knows the few ends that it may have been opened with. A day is what providers give by themselves,
// and not rounded.
func (c *settings) expiresAt(now time.Time) (at time.Time, step time.Duration) {
	after := defaultExpiry
	if o := c.spec.Checkout; o != nil && o.ExpiresAfter != nil {
		after = o.ExpiresAfter.Duration
	}
	if after >= defaultExpiry {
		return now.Add(after), 0
	}
	const least, shares = 5 * time.Minute, 16
	step = max(least, (after / shares).Truncate(time.Minute))
	if at = now.Add(after).Truncate(step); after < defaultExpiry/2 {
		at = at.Add(step) // providers have a least time too
	}
	return at, step
}

// options are the part of a checkout's spec that the resource says.
func (c *settings) options(in *provider.CheckoutSpec) {
	o := cmp.Or(c.spec.Checkout, &v1alpha1.CheckoutOptions{})
	in.PromotionCodes, in.AutomaticTax = o.AllowPromotionCodes, o.AutomaticTax
	in.BillingAddress = o.CollectBillingAddress == v1alpha1.BillingAddressRequired
}
