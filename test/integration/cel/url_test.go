package cel

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/origins"
	"github.com/kassa-dev/kassa/internal/origins/originstest"
	"github.com/kassa-dev/kassa/test/controlplane"
)

const shop = `
apiVersion: billing.kassa.dev/v1alpha1
kind: CheckoutEndpoint
metadata: {name: shop}
spec:
  allowInsecureHTTP: false
  plans: [{name: pro}]
  auth: {jwt: {issuer: "https://id.example.com/shop", jwksURL: "https://keys.example.com/jwks", audiences: [shop]}}
  allowedOrigins: ["https://origin.example.com"]
  url: "https://pay.example.com/shop"
  successURL: "https://success.example.com/done?session={SESSION_ID}"
  cancelURL: "https://cancel.example.com/?from=shop#plans"
  customerPortal: {returnURL: "https://return.example.com/account"}
`

// addresses are those of the object, and what the API server says where one of them is wrong.
var addresses = []struct{ field, url, form, host, https string }{
	{"allowedOrigins[0]", "https://origin.example.com", "an origin is a scheme, a host in lower case",
		"an origin has a host name, or an IPv4 address", "an origin starts with https://"},
	{"url", "https://pay.example.com/shop", "url is an absolute URL without query and fragment",
		"url has a host name, or an IPv4 address", "url starts with https://"},
	{"successURL", "https://success.example.com/done?session={SESSION_ID}", "successURL is an absolute URL",
		"successURL has a host name, or an IPv4 address", "successURL starts with https://"},
	{"cancelURL", "https://cancel.example.com/?from=shop#plans", "cancelURL is an absolute URL",
		"cancelURL has a host name, or an IPv4 address", "cancelURL starts with https://"},
	{"customerPortal.returnURL", "https://return.example.com/account", "returnURL is an absolute URL",
		"returnURL has a host name, or an IPv4 address", "returnURL starts with https://"},
	{"auth.jwt.issuer", "https://id.example.com/shop", "issuer is an absolute URL",
		"issuer has a host name, or an IPv4 address", "issuer starts with https://, because"},
	{"auth.jwt.jwksURL", "https://keys.example.com/jwks", "jwksURL is an absolute URL",
		"jwksURL has a host name, or an IPv4 address", "jwksURL starts with https://, because"},
}

// What the servers of a CheckoutEndpoint do not take is refused wherever a URL stands.
func TestURLsOfEndpoints(t *testing.T) {
	cp := controlplane.Shared(t)
	namespace := cp.Namespace(t)
	c, err := client.New(cp.Config(), client.Options{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	judge(t, c, namespace, shop, "", "", "")
	for _, a := range addresses {
		for url, want := range map[string]string{
			"https://good.example.com":         "",
			"https://good.example.com:65535":   "",
			"https://good.example.com:443":     "",
			"https://192.0.2.1:8443":           "",
			"https://a1.0x.example2":           "",
			"http://good.example.com":          a.https,
			"HTTPS://good.example.com":         a.form,
			"javascript:alert(1)":              a.form,
			"//good.example.com":               a.form,
			"https:/good.example.com":          a.form,
			"https:///good.example.com":        a.form,
			"https://user@good.example.com":    a.form,
			"https://a:b@good.example.com":     a.form,
			"https://gööd.example.com":         a.form,
			"https://good%2eexample.com":       a.form,
			"https://good.example.com:65536":   a.form,
			"https://good.example.com:99999":   a.form,
			"https://good.example.com:0443":    a.form,
			"https://good.example.com:":        a.form,
			"https://good..example.com":        a.form,
			"https://.example.com":             a.form,
			"https://{SESSION_ID}.example.com": a.form,
			"https://*.example.com":            a.form,
			"https://good.example.com evil":    a.form,
			"https://3221225985":               a.host,
			"https://0x7f.1":                   a.host,
			"https://192.0.2.01":               a.host,
			"https://192.0.2.256":              a.host,
			"https://192.0.2":                  a.host,
		} {
			t.Run(a.field+" "+url, func(t *testing.T) { judge(t, c, namespace, shop, a.url, url, want) })
		}
	}
	const done = "https://success.example.com/done"
	for _, tc := range []struct{ field, old, new, want string }{
		{"an origin with a slash", addresses[0].url, "https://origin.example.com/", addresses[0].form},
		{"a url with a query", addresses[1].url, "https://pay.example.com/?a=b", addresses[1].form},
		{"a url with a fragment", addresses[1].url, "https://pay.example.com/#a", addresses[1].form},
		{"a url of a session", addresses[1].url, "https://pay.example.com/{SESSION_ID}", addresses[1].form},
		{"another provider's placeholder", "{SESSION_ID}", "{CHECKOUT_SESSION_ID}", addresses[2].form},
		{"the placeholder in a path", "/done?session={SESSION_ID}", "/{SESSION_ID}/{SESSION_ID}#{SESSION_ID}", ""},
		{"a letter that is escaped", done, done + "/%C3%A9", ""},
		{"a letter that is not", done, done + "/é", addresses[2].form},
		{"half an escape", done, done + "/%C", addresses[2].form},
		{"a space", done, done + "/a b", addresses[2].form},
		{"a quotation mark", addresses[3].url, "https://cancel.example.com/'(a)!$&*+,;=:@[]~", ""},
		{"a backslash", addresses[3].url, `https://cancel.example.com/\\evil.example.com`, addresses[3].form},
		{"an IPv6 address", addresses[3].url, "https://[2001:db8::1]:8443/", ""},
		{"a return of a session", addresses[4].url, "https://return.example.com/{SESSION_ID}", addresses[4].form},
	} {
		t.Run(tc.field, func(t *testing.T) { judge(t, c, namespace, shop, tc.old, tc.new, tc.want) })
	}
	for _, a := range addresses {
		for _, insecure := range []struct{ allowed, want string }{{"true", ""}, {"false", a.https}} {
			plain := "http" + a.url[len("https"):]
			t.Run(a.field+" "+insecure.allowed, func(t *testing.T) {
				with := strings.Replace(shop, "allowInsecureHTTP: false", "allowInsecureHTTP: "+insecure.allowed, 1)
				judge(t, c, namespace, with, a.url, plain, insecure.want)
			})
		}
	}
}

// The rules and the servers read a URL alike. What the rules cannot say, an endpoint's conditions do.
func TestRulesAgreeWithTheServers(t *testing.T) {
	cp := controlplane.Shared(t)
	g := NewWithT(t)
	namespace := cp.Namespace(t)
	c, err := client.New(cp.Config(), client.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	inConditions := []string{"https://[::ffff:192.0.2.1]"}
	for _, raw := range originstest.Hostile {
		_, refused := origins.Of(originstest.Spec(func(s *v1alpha1.CheckoutEndpointSpec) { s.SuccessURL = raw }))
		object := parse(g, shop, namespace)
		g.Expect(unstructured.SetNestedField(object.Object, raw, "spec", "successURL")).To(Succeed())
		err := c.Create(t.Context(), object, client.DryRunAll)
		if refused == nil || slices.Contains(inConditions, raw) {
			// Too long, or shorter than any URL, is no matter of how it is read.
			g.Expect(err == nil || len(raw) < 8 || len(raw) > 2048).To(BeTrue(), "%q: %v", raw, err)
			continue
		}
		g.Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%q: %v, though: %v", raw, err, refused)
	}
}
