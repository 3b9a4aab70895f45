package origins

import (
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/origins/originstest"
)

func sandboxed(spec *v1alpha1.CheckoutEndpointSpec) {
	spec.AllowInsecureHTTP = true
	spec.AllowedOrigins = append(spec.AllowedOrigins, "http://localhost:3000", "http://127.0.0.1", "http://app.acme.com")
	spec.CancelURL = "http://[::1]:3000/back"
}

func TestRedirectsThatAreTaken(t *testing.T) {
	g := NewWithT(t)
	live, err := Of(originstest.Spec())
	g.Expect(err).NotTo(HaveOccurred())
	sandbox, err := Of(originstest.Spec(sandboxed))
	g.Expect(err).NotTo(HaveOccurred())
	for _, raw := range []string{
		"https://app.acme.com", "https://app.acme.com/", "https://app.acme.com:443/a", "https://APP.acme.com/a",
		"https://app.acme.com?a=b", "https://app.acme.com#a", "https://app.acme.com/@evil", "https://app.acme.com//evil.com",
		"https://app.acme.com/?to=https://evil.com:1/", "https://app.acme.com/%2e%2e/%5C", "https://dev.acme.com:8443/a",
		"https://pay.acme.com/elsewhere", "https://done.acme.com/a", "https://pricing.acme.com/a", "https://192.0.2.1/a",
		"https://app.acme.com/done/{SESSION_ID}?s={SESSION_ID}#{SESSION_ID}", "https://app.acme.com/a;b,c(d)'e!$&*+=~",
	} {
		g.Expect(live.Redirect(raw)).To(Equal(raw))
	}
	for _, raw := range []string{
		"http://localhost:3000/done", "http://127.0.0.1:80/", "http://app.acme.com/a", "https://app.acme.com/a",
		"http://[::1]:3000/a", "http://[0:0:0:0:0:0:0:1]:3000/a",
	} {
		g.Expect(sandbox.Redirect(raw)).To(Equal(raw))
	}
}

// Whose keys sign tokens is no place that a buyer is led to.
func TestAnIssuerIsNoOrigin(t *testing.T) {
	g := NewWithT(t)
	o, err := Of(originstest.Spec(sandboxed, func(s *v1alpha1.CheckoutEndpointSpec) {
		s.Auth.JWT = &v1alpha1.JWTAuth{Issuer: "http://id.acme.com", JWKSURL: "http://id.acme.com/keys"}
	}))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(o.Allows("http://id.acme.com")).To(BeFalse())
}

func TestHostileRedirects(t *testing.T) {
	o, err := Of(originstest.Spec())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, raw := range originstest.Hostile {
		t.Run(raw, func(t *testing.T) {
			g := NewWithT(t)
			got, err := o.Redirect(raw)
			g.Expect(err).To(HaveOccurred())
			g.Expect(got).To(BeEmpty())
			g.Expect(len(raw) > 30 && strings.Contains(err.Error(), raw)).To(BeFalse(), "the URL is not in the error")
		})
	}
	NewWithT(t).Expect(len(originstest.Hostile)).To(BeNumerically(">=", 40))
}

func TestOriginsThatAreRefused(t *testing.T) {
	type specs = v1alpha1.CheckoutEndpointSpec
	for _, c := range []struct {
		want string
		edit func(*specs)
	}{
		{"spec.url: the URL is not https", func(s *specs) { s.URL = "http://pay.acme.com" }},
		{"spec.successURL: the URL is not https", func(s *specs) { s.SuccessURL = "http://app.acme.com" }},
		{"spec.cancelURL: ", func(s *specs) { s.CancelURL = "https://{SESSION_ID}.acme.com" }},
		{"spec.url: ", func(s *specs) { s.URL = "https://user@pay.acme.com" }},
		{"spec.allowedOrigins[1]: ", func(s *specs) { s.AllowedOrigins[1] = "https://app.acme.com:99999" }},
		{"spec.allowedOrigins[0]: ", func(s *specs) { s.AllowedOrigins[0] = "https://0x7f.1" }},
		{"spec.allowedOrigins[0]: ", func(s *specs) { s.AllowedOrigins[0] = "https://a..b" }},
		{"spec.allowedOrigins[2]: an origin has nothing after", func(s *specs) { s.AllowedOrigins[2] += "/" }},
		{"spec.url: the URL has characters", func(s *specs) { s.URL += "/{SESSION_ID}" }},
		{"spec.successURL: the URL has characters that must be percent-encoded, or braces that are not those of {SESSION_ID}",
			func(s *specs) { s.SuccessURL = "https://app.acme.com/?session={CHECKOUT_SESSION_ID}" }},
		{"spec.cancelURL: the URL has characters", func(s *specs) { s.CancelURL = "https://app.acme.com/%zz" }},
		{"spec.customerPortal.returnURL: the URL is not https; for a sandbox, set allowInsecureHTTP: true",
			func(s *specs) { s.CustomerPortal = &v1alpha1.CustomerPortal{ReturnURL: "http://app.acme.com"} }},
		{"spec.customerPortal.returnURL: the URL has characters",
			func(s *specs) {
				s.CustomerPortal = &v1alpha1.CustomerPortal{ReturnURL: "https://app.acme.com/{SESSION_ID}"}
			}},
		{"spec.auth.jwt.issuer: the URL is not https; for a sandbox, set allowInsecureHTTP: true", func(s *specs) {
			s.Auth.JWT = &v1alpha1.JWTAuth{Issuer: "http://id.acme.com"}
		}},
		{"spec.auth.jwt.issuer: the URL's host is no IPv6", func(s *specs) {
			s.Auth.JWT = &v1alpha1.JWTAuth{Issuer: "https://[1:2:3]"}
		}},
		{"spec.auth.jwt.jwksURL: the URL is not https", func(s *specs) {
			s.Auth.JWT = &v1alpha1.JWTAuth{Issuer: "https://id.acme.com", JWKSURL: "http://id.acme.com/keys"}
		}},
	} {
		t.Run(c.want, func(t *testing.T) {
			_, err := Of(originstest.Spec(c.edit))
			NewWithT(t).Expect(err).To(MatchError(HavePrefix(c.want)))
		})
	}
}

// FuzzRedirect compares what is taken with two other readers of URLs: Go's, and one that goes by the WHATWG's rules.
func FuzzRedirect(f *testing.F) {
	for _, raw := range originstest.Hostile {
		f.Add(raw)
	}
	f.Add("https://app.acme.com/a")
	f.Add("https://dev.acme.com:8443?a")
	f.Add("https://192.0.2.1#{SESSION_ID}")
	o, err := Of(originstest.Spec())
	if err != nil {
		f.Fatal(err)
	}
	known := map[string]bool{
		"app.acme.com": true, "dev.acme.com:8443": true, "192.0.2.1": true, "pay.acme.com": true, "done.acme.com": true,
		"pricing.acme.com": true,
	}
	f.Fuzz(func(t *testing.T, raw string) {
		g := NewWithT(t)
		got, err := o.Redirect(raw)
		if err != nil {
			return
		}
		g.Expect(got).To(Equal(raw))
		g.Expect(known).To(HaveKey(browserHost(raw)))
		parsed, err := url.Parse(raw)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(parsed.Scheme).To(Equal("https"))
		g.Expect(known).To(HaveKey(strings.TrimSuffix(strings.ToLower(parsed.Host), ":443")))
	})
}

// browserHost is where a browser goes: it trims, drops tabs and line breaks, takes backslashes for slashes and any
// number of them for two, and what is before the last @ for a user.
func browserHost(raw string) string {
	s := strings.TrimFunc(raw, func(r rune) bool { return r <= ' ' })
	s = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(s)
	scheme, rest, _ := strings.Cut(s, ":")
	if !strings.EqualFold(scheme, "https") {
		return "another scheme"
	}
	authority := strings.TrimLeft(rest, "/")
	if end := strings.IndexAny(authority, "/?#"); end >= 0 {
		authority = authority[:end]
	}
	host := authority[strings.LastIndex(authority, "@")+1:]
	if decoded, err := url.PathUnescape(host); err == nil {
		host = decoded
	}
	return strings.TrimSuffix(strings.ToLower(host), ":443")
}
