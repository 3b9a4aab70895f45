package origins

import (
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

func acme(edits ...func(*v1alpha1.CheckoutEndpointSpec)) *v1alpha1.CheckoutEndpointSpec {
	spec := &v1alpha1.CheckoutEndpointSpec{
		URL:            "https://pay.acme.com/shop",
		AllowedOrigins: []string{"https://app.acme.com", "https://dev.acme.com:8443", "https://192.0.2.1"},
		SuccessURL:     "https://done.acme.com/?session={SESSION_ID}",
		CancelURL:      "https://Pricing.acme.com:443",
	}
	for _, edit := range edits {
		edit(spec)
	}
	return spec
}

func sandboxed(spec *v1alpha1.CheckoutEndpointSpec) {
	spec.AllowInsecureHTTP = true
	spec.AllowedOrigins = append(spec.AllowedOrigins, "http://localhost:3000", "http://127.0.0.1", "http://app.acme.com")
	spec.CancelURL = "http://[::1]:3000/back"
}

func TestRedirectsThatAreTaken(t *testing.T) {
	g := NewWithT(t)
	live, err := Of(acme())
	g.Expect(err).NotTo(HaveOccurred())
	sandbox, err := Of(acme(sandboxed))
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

// hostileRedirects lead elsewhere, or would in a browser, or may do so in one.
var hostileRedirects = []string{
	"", " ", "/", "/done", "//evil.com", "///evil.com", `\\evil.com`, `/\evil.com`, "app.acme.com", "?a", "#a", ".",
	// Another host.
	"https://evil.com", "https://acme.com", "https://xapp.acme.com", "https://x.app.acme.com",
	"https://app.acme.com.evil.com",
	"https://app.acme.comevil.com", "https://app.acme.com-evil.com", "https://app-acme.com", "https://app.acme.com.",
	"https://app.acme.com..", "https://.app.acme.com", "https://app..acme.com", "https://evil.com/https://app.acme.com",
	"https://evil.com?https://app.acme.com", "https://evil.com#https://app.acme.com", "https://evil.com;app.acme.com/",
	// Somebody as a user.
	"https://app.acme.com@evil.com", "https://app.acme.com:443@evil.com", "https://app.acme.com:@evil.com",
	"https://user@app.acme.com", "https://user:password@app.acme.com", "https://@app.acme.com",
	"https://:@app.acme.com",
	"https://evil.com@app.acme.com", "https://app.acme.com%40evil.com", "https://app.acme.com%2f@evil.com",
	// Backslashes are slashes to browsers, and to nobody else.
	`https:\\app.acme.com`, `https:/\app.acme.com`, `https:\\evil.com`, `https://app.acme.com\evil.com`,
	`https://app.acme.com\@evil.com`, `https://evil.com\@app.acme.com`, `https://evil.com\.app.acme.com`,
	`https://app.acme.com/\evil.com`, `https://app.acme.com?\`, `https://app.acme.com#\`,
	// Slashes too few or too many, which browsers put right.
	"https:evil.com", "https:app.acme.com", "https:/app.acme.com", "https:///app.acme.com", "https:////evil.com",
	"https:///evil.com", "https:", "https:/", "https://", "https:///", "https://?app.acme.com", "https://#app.acme.com",
	// What browsers drop or trim.
	"\thttps://app.acme.com", " https://app.acme.com", "https://app.acme.com ", "https://app.acme.com\n",
	"ht\ttps://app.acme.com",
	"https://app\t.acme.com", "https://app.acme.com\t.evil.com", "https:/\n/evil.com",
	"https://app.acme.com/\r\nLocation: /",
	"\x00https://app.acme.com", "https://app.acme.com/\x00", "https://app.acme.com/\x7f", "https://app.acme.com/a b",
	"\ufeffhttps://app.acme.com", "\u00a0https://app.acme.com",
	// Ports.
	"https://app.acme.com:80", "https://app.acme.com:8443", "https://app.acme.com:", "https://app.acme.com:0443",
	"https://app.acme.com:443443", "https://app.acme.com:65979", "https://app.acme.com:-443",
	"https://app.acme.com:443:443",
	"https://app.acme.com:443.evil.com", "https://dev.acme.com", "https://dev.acme.com:443",
	"https://app.acme.com:４４３",
	// Schemes.
	"http://app.acme.com", "http://app.acme.com:443", "javascript:alert(1)", "javascript://app.acme.com/%0aalert(1)",
	"JavaScript://app.acme.com/%0aalert(1)", "java\nscript:alert(1)", "data:text/html,a", "data://app.acme.com/,a",
	"ftp://app.acme.com", "ws://app.acme.com", "wss://app.acme.com", "file://app.acme.com/a",
	"blob:https://app.acme.com/a",
	"view-source:https://app.acme.com", "intent://app.acme.com#Intent;end", "httpss://app.acme.com",
	"xhttps://app.acme.com",
	"https+a://app.acme.com", "HTTPS://app.acme.com", "://app.acme.com", "https//app.acme.com",
	// Letters that look alike, or become others.
	"https://аpp.acme.com", "https://app.acme。com", "https://app．acme.com", "https://ａpp.acme.com",
	"https://app.acme.com／evil.com",
	"https://app.acme.com\u200b", "https://app.ac\u00adme.com", "https://app.acme.com？evil",
	"https://app.acme.com＃evil",
	"https://evil.com／app.acme.com", "https://ﬀ.acme.com", "https://xn--pp-7ka.acme.com", "https://ſ.acme.com",
	// Percent-encoded hosts.
	"https://%61pp.acme.com", "https://app%2eacme.com", "https://app.acme.com%2eevil.com",
	"https://app.acme.com%00.evil.com",
	"https://app.acme.com%09", "https://evil.com%2f.app.acme.com", "https://evil.com%23.app.acme.com",
	"https://app.acme.com%",
	// Addresses.
	"https://3221225985", "https://0xc0000201", "https://192.0.513", "https://192.0.2.01", "https://0300.0.2.1",
	"https://192.0.2.1.",
	"https://[::ffff:192.0.2.1]", "https://[::1]", "https://[::1%25eth0]", "https://[app.acme.com]", "https://[",
	"https://[]",
	"https://app.acme.com[", "https://[::1]app.acme.com", "https://[::1].app.acme.com",
	// Characters that are not a URL's, and placeholders that are not ours.
	`https://app.acme.com/"onload="`, "https://app.acme.com/<script>", "https://app.acme.com/`",
	"https://app.acme.com/^|",
	"https://app.acme.com/é", "https://app.acme.com/%zz", "https://app.acme.com/%",
	"https://app.acme.com/{CHECKOUT_SESSION_ID}",
	"https://app.acme.com/{session_id}", "https://app.acme.com/{", "https://{SESSION_ID}",
	"https://app.acme.com{SESSION_ID}",
	"https://{SESSION_ID}.acme.com", "https://app.acme.com/%{SESSION_ID}41", "https://app.acme.com?%4{SESSION_ID}1",
	"https://app.acme.com:{SESSION_ID}",
	"{SESSION_ID}https://app.acme.com", "https://app.acme.com/{SESSION_{SESSION_ID}ID}", "https://*.acme.com",
	"https://*",
	"https://app.acme.com/" + strings.Repeat("a", maxRedirect),
	"https://" + strings.Repeat("a.", 1000) + "app.acme.com",
}

func TestHostileRedirects(t *testing.T) {
	o, err := Of(acme())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, raw := range hostileRedirects {
		t.Run(raw, func(t *testing.T) {
			g := NewWithT(t)
			got, err := o.Redirect(raw)
			g.Expect(err).To(HaveOccurred())
			g.Expect(got).To(BeEmpty())
			g.Expect(len(raw) > 30 && strings.Contains(err.Error(), raw)).To(BeFalse(), "the URL is not in the error")
		})
	}
	NewWithT(t).Expect(len(hostileRedirects)).To(BeNumerically(">=", 40))
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
	} {
		t.Run(c.want, func(t *testing.T) {
			_, err := Of(acme(c.edit))
			NewWithT(t).Expect(err).To(MatchError(HavePrefix(c.want)))
		})
	}
}

// FuzzRedirect compares what is taken with two other readers of URLs: Go's, and one that goes by the WHATWG's rules.
func FuzzRedirect(f *testing.F) {
	for _, raw := range hostileRedirects {
		f.Add(raw)
	}
	f.Add("https://app.acme.com/a")
	f.Add("https://dev.acme.com:8443?a")
	f.Add("https://192.0.2.1#{SESSION_ID}")
	o, err := Of(acme())
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
