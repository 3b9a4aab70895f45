package cel

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/test/controlplane"
)

const endpoint = `
apiVersion: billing.kassa.dev/v1alpha1
kind: CheckoutEndpoint
metadata: {name: shop}
spec:
  plans: [{name: pro}]
  url: https://pay.example.com
  auth: {bearerToken: {secretRef: {name: shop-token}}}
  successURL: https://app.example.com/done?session={SESSION_ID}
`

// Each case replaces one piece of a good endpoint, or puts something before its successURL.
func TestRulesOfEndpoints(t *testing.T) {
	cp := controlplane.Shared(t)
	namespace := cp.Namespace(t)
	c, err := client.New(cp.Config(), client.Options{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	const auth, token = "{bearerToken: {secretRef: {name: shop-token}}}", "bearerToken: {secretRef: {name: shop-token}}"
	for _, tc := range []struct{ why, old, new, want string }{
		{"a good one", "", "", ""},
		{"plans by name and by labels", "successURL", "planSelector: {}\n  successURL",
			"set exactly one of plans and planSelector"},
		{"no plans", "plans: [{name: pro}]", "suspend: false", "set exactly one of plans and planSelector"},
		{"plans by labels", "plans: [{name: pro}]", "planSelector: {matchLabels: {a: b}}", ""},
		{"a plan twice", "[{name: pro}]", "[{name: pro}, {name: pro}]", `Duplicate value: {"name":"pro"}`},
		{"plain HTTP", "https://pay", "http://pay", "url starts with https://; for a sandbox, set allowInsecureHTTP: true"},
		{"plain HTTP in a sandbox", "url: https://pay", "allowInsecureHTTP: true\n  url: http://pay", ""},
		{"a url with a query", "pay.example.com", "pay.example.com/?a=b", "url is an absolute URL without query"},
		{"two ways to sign in", token, token + ", anonymous: {}", "set exactly one of jwt, bearerToken and anonymous"},
		{"no way to sign in", auth, "{}", "set exactly one of jwt, bearerToken and anonymous"},
		{"tokens of nobody", auth, "{jwt: {audiences: [kassa]}}", "spec.auth.jwt.issuer: Required value"},
		{"tokens for nobody", auth, "{jwt: {issuer: \"https://id.example.com\"}}", "spec.auth.jwt.audiences: Required value"},
		{"an issuer without a host", auth, "{jwt: {issuer: \"https:///x\", audiences: [kassa]}}",
			"issuer is an absolute URL"},
		{"subscriptions of nobody", auth, "{anonymous: {}}\n  subscriptions: {}",
			"subscriptions and customerPortal need auth.jwt or auth.bearerToken"},
		{"a portal of nobody", auth, "{anonymous: {}}\n  customerPortal: {returnURL: \"https://app.example.com\"}",
			"subscriptions and customerPortal need auth.jwt or auth.bearerToken"},
		{"anybody", auth, "{anonymous: {}}", ""},
		{"a provider twice", "successURL", "providers: [{name: a}, {name: a, weight: 2}]\n  successURL",
			"a provider is named once"},
		{"one name in two namespaces", "successURL", "providers: [{name: a}, {name: a, namespace: b}]\n  successURL", ""},
		{"providers without weight", "successURL", "providers: [{name: a, weight: 0}, {name: b, weight: 0}]\n  successURL",
			"at least one provider needs a weight above 0"},
		{"an origin with a path", "successURL", "allowedOrigins: [\"https://app.example.com/\"]\n  successURL",
			"an origin is a scheme, a host in lower case and perhaps a port"},
		{"an origin that is everybody's", "successURL", "allowedOrigins: [\"*.example.com\"]\n  successURL",
			"an origin is a scheme, a host in lower case and perhaps a port"},
		{"a way back to a script", "https://app.example.com/done?session={SESSION_ID}", "javascript:alert(1)",
			"successURL is an absolute URL"},
		{"a way back with somebody's name", "https://app.example.com/done", "https://user@app.example.com/done",
			"successURL is an absolute URL"},
		{"a checkout for a week", "successURL", "checkout: {expiresAfter: 168h}\n  successURL",
			"expiresAfter is a duration between 30m and 24h"},
		{"two ways from outside", "successURL",
			"expose: {ingress: {}, httpRoute: {parentRefs: [{name: public}]}}\n  successURL",
			"set exactly one of ingress and httpRoute"},
		{"a name too long for a workload", "name: shop}", "name: " + strings.Repeat("a", 41) + "}",
			"a CheckoutEndpoint's name has at most 40 characters"},
	} {
		t.Run(tc.why, func(t *testing.T) { judge(t, c, namespace, endpoint, tc.old, tc.new, tc.want) })
	}
}
