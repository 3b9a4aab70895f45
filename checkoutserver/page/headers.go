package page

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// checkoutOrigins are where the providers' checkouts are, as CSP sources. Paddle's is a page of this server.
var checkoutOrigins = map[billing.Provider]string{
	billing.Stripe:       "https://checkout.stripe.com",
	billing.LemonSqueezy: "https://*.lemonsqueezy.com",
}

// formTargets are the sources of form-action: browsers hold each redirect of a form against it.
func (p *Pages) formTargets(doc *storefront.Document) string {
	targets := []string{"'self'"}
	add := func(source string) {
		if source != "" && !slices.Contains(targets, source) {
			targets = append(targets, source)
		}
	}
	add(originOf(p.base))
	for i := range doc.Providers {
		if base := doc.Providers[i].BaseURL; base != "" {
			add(sourceOf(base))
		} else {
			add(checkoutOrigins[doc.Providers[i].Type])
		}
	}
	for _, origin := range p.settings.AllowedOrigins {
		add(sourceOf(origin))
	}
	return strings.Join(targets, " ")
}

// sourceOf is the origin of a URL, or nothing where it would break a policy.
func sourceOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || strings.ContainsAny(u.Host, " ;,'\"") || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	return originOf(u)
}

// The policies' parts that are the same in all answers.
const (
	policyStart = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'nonce-"
	features    = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), usb=(), "
)

// write answers with a page that is for this one request alone: a nonce that is used again is none.
func (p *Pages) write(w http.ResponseWriter, status int, policy, payment string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Permissions-Policy", features+"payment="+payment)
	// Forms need to tell their origin, and Paddle looks at the seller's domain.
	h.Set("Referrer-Policy", "strict-origin")
	h.Set("Vary", "Accept-Language, Cookie")
	p.common(h)
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // all of it comes from html/template
}

func (p *Pages) common(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
