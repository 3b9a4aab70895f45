// Package page renders what a buyer sees of a checkout server: the pricing page, the page that opens Paddle's overlay,
// and the answer when a purchase cannot be begun. All of it works without anything from elsewhere, but for the plans'
// images and Paddle's script.
package page

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/language"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// Paths below the endpoint's URL.
const (
	PathPricing = "/"
	PathBuy     = "/buy"
	PathPaddle  = "/paddle" // see Link
	PathScript  = "/paddle.js"
)

// Settings are what the pages need to know of a CheckoutEndpoint. They do not change.
type Settings struct {
	URL        string // the public base URL, without a slash at its end
	SuccessURL string
	CancelURL  string // empty: URL
	// AllowedOrigins, beside the providers' own, may follow when a form is sent. A provider's checkout under a domain of
	// the seller's is reached only if its origin is here, because browsers hold redirects against form-action.
	AllowedOrigins []string
	// Redirect takes a URL that somebody wants buyers to be led to, or says why not.
	Redirect func(raw string) (string, error)
	// Anonymous: a button begins the purchase here. Otherwise nobody is known here, and a button leads to the app.
	Anonymous bool
	Page      v1alpha1.PricingPage
}

// Pages answers for one CheckoutEndpoint. It is safe for concurrent use.
type Pages struct {
	settings Settings
	base     *url.URL
	app      *url.URL // where buttons lead to that cannot begin a purchase
	fallback int      // into locales
	origins  *http.CrossOriginProtection
	prepared prepared
}

//go:embed *.html style.css paddle.js
var files embed.FS

var (
	pages = template.Must(template.ParseFS(files, "*.html"))
	style = template.CSS(mustRead("style.css")) //nolint:gosec // the file is ours
)

func mustRead(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(b))
}

// New checks the settings.
func New(s Settings) (*Pages, error) {
	base, err := url.Parse(strings.TrimRight(s.URL, "/"))
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("url %q is not absolute", s.URL)
	}
	p := &Pages{settings: s, base: base, origins: http.NewCrossOriginProtection()}
	p.prepared.languages.limit = maxLanguages
	if err := p.origins.AddTrustedOrigin(originOf(base)); err != nil {
		return nil, fmt.Errorf("url %q: %w", s.URL, err)
	}
	if p.app, err = appURL(base, s); err != nil {
		return nil, err
	}
	if s.Page.Locale != "" {
		if tag, err := language.Parse(s.Page.Locale); err == nil {
			_, p.fallback, _ = matcher.Match(tag)
		}
	}
	return p, nil
}

// appURL is where the app takes over: the cancel URL, which is the app's own page of prices. One that leads back to
// this page would go round in circles; then it is the app's home, by the success URL.
func appURL(base *url.URL, s Settings) (*url.URL, error) {
	u, err := url.Parse(s.CancelURL)
	if err != nil {
		return nil, fmt.Errorf("cancelURL %q: %w", s.CancelURL, err)
	}
	if u.Host != "" && (u.Host != base.Host || strings.TrimRight(u.Path, "/") != base.Path) {
		return u, nil
	}
	// The placeholder's braces are no URL's, but what comes before a path is.
	if u, err = url.Parse(s.SuccessURL); err != nil || u.Host == "" {
		return nil, fmt.Errorf("successURL %q is not absolute", s.SuccessURL)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}, nil
}

// back is where a buyer goes who gives up.
func (p *Pages) back() string {
	if p.settings.CancelURL != "" {
		return p.settings.CancelURL
	}
	return p.base.String() + PathPricing
}

// lead is where a purchase leads that names a URL of its own.
func (p *Pages) lead(asked, otherwise string) string {
	if asked == "" {
		return otherwise
	}
	if to, err := p.settings.Redirect(asked); err == nil {
		return to
	}
	return otherwise
}

// path is one of the Path constants as the browser sees it.
func (p *Pages) path(below string) string { return p.base.EscapedPath() + below }

func (p *Pages) https() bool { return p.base.Scheme == "https" }

func originOf(u *url.URL) string { return u.Scheme + "://" + u.Host }
