package checkoutserver

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/checkoutserver/page"
	"github.com/kassa-dev/kassa/internal/origins"
)

func pageSettings(spec *v1alpha1.CheckoutEndpointSpec, o *origins.Origins) page.Settings {
	out := page.Settings{
		URL: strings.TrimRight(spec.URL, "/"), SuccessURL: spec.SuccessURL, CancelURL: spec.CancelURL,
		AllowedOrigins: spec.AllowedOrigins, Redirect: o.Redirect, Anonymous: spec.Auth.Anonymous != nil,
	}
	if spec.PricingPage != nil {
		out.Page = *spec.PricingPage
	}
	return out
}

// shown is the result for the metrics of a page that was shown; a page that there is not has none.
const shown = "ok"

// screen is what a buyer's browser asks for.
type screen struct {
	method string
	show   func(*call) (result string)
}

// browse routes what a buyer's browser is shown.
func (s *Server) browse(mux *http.ServeMux) {
	for pattern, is := range map[string]screen{
		page.PathPricing + "{$}": {http.MethodGet, showPricing},
		page.PathBuy:             {http.MethodPost, s.buy},
		page.PathPaddle:          {http.MethodGet, showPaddle},
		page.PathScript:          {http.MethodGet, showScript},
	} {
		route := strings.TrimSuffix(pattern, "{$}")
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			c := r.Context().Value(callKey{}).(*call)
			c.w, c.r = w, r
			s.display(c, route, is)
		})
	}
}

// showsPage says whether the pricing page is at spec.url for that method.
func (c *settings) showsPage(method string) bool {
	return c.spec.PricingPage != nil && (method == http.MethodGet || method == http.MethodHead)
}

// toPage leads from spec.url, as it is written there, to the page below it. The way is relative, so that it leads to no
// other host, whatever the path looks like, and keeps what a proxy put before it.
func (s *Server) toPage(c *call, w http.ResponseWriter, r *http.Request) {
	at := url.URL{Path: "./" + path.Base(c.cfg.path) + "/", RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", at.String())
	s.finish(c, w, page.PathPricing, &answer{status: http.StatusPermanentRedirect, kind: "text/plain"})
}

// display answers a browser.
func (s *Server) display(c *call, route string, is screen) {
	if methodOf(c.r) != is.method {
		c.w.Header().Set("Allow", allowed(is.method))
		s.finish(c, c.w, route, methodNotAllowed())
		return
	}
	var result string
	if ok, after := c.cfg.limiter.take(c.client(), c.now, costOf(route)); !ok {
		a := tooManyRequests(max(after, time.Second))
		if !c.cfg.hasPage(route) {
			s.finish(c, c.w, route, a)
			return
		}
		a.setRetryAfter(c.w.Header())
		c.cfg.pages.Failed(c.w, c.r, a.status)
		result = a.result
	} else if result = is.show(c); result == "" {
		s.finish(c, c.w, route, notFound())
		return
	}
	s.metrics.requests.WithLabelValues(route, result).Inc()
	s.metrics.duration.WithLabelValues(route).Observe(time.Since(c.now).Seconds())
}

// hasPage says that a person reads what a route answers.
func (c *settings) hasPage(route string) bool {
	switch route {
	case page.PathScript:
		return false
	case page.PathPaddle:
		return true
	default:
		return c.spec.PricingPage != nil
	}
}

func showPricing(c *call) string {
	if c.cfg.spec.PricingPage == nil {
		return ""
	}
	c.cfg.pages.Pricing(c.cfg.doc, c.w, c.r)
	return shown
}

// buy begins the purchase of a button of the pricing page, which there are where nobody is signed in.
func (s *Server) buy(c *call) string {
	if c.cfg.spec.PricingPage == nil || c.cfg.spec.Auth.Anonymous == nil {
		return ""
	}
	chosen, err := c.cfg.pages.Buy(c.cfg.doc, c.w, c.r)
	if err != nil {
		c.cfg.pages.Failed(c.w, c.r, page.Status(err))
		return formResult(err)
	}
	o, refused := c.cfg.order(&purchase{Plan: chosen.Plan, Price: chosen.Price, Currency: string(chosen.Currency)}, c.user)
	if refused == nil {
		o.key = rand.Text()
		o.sites = s.candidates(c, buyerOf(c.user, "", o.key), o.price)
		var opened *checkout
		if opened, refused = s.sell(c, o); refused == nil {
			http.Redirect(c.w, c.r, opened.URL, http.StatusSeeOther)
			return shown
		}
	}
	c.cfg.pages.Failed(c.w, c.r, refused.status)
	return refused.result
}

// formResult names why a form was not taken, for the metrics.
func formResult(err error) string {
	switch {
	case errors.Is(err, page.ErrForged):
		return "forged"
	case errors.Is(err, page.ErrNotSold):
		return "not-for-sale"
	default:
		return "malformed"
	}
}

// showPaddle opens the overlay of the account that buyerPage named. An address that names none is the account's default
// payment link, or older than the second account, and the first one's.
func showPaddle(c *call) string {
	named, transaction := page.Named(c.r.URL.Query())
	for _, at := range c.cfg.sites {
		if at.traits.BuyerPage && at.clientToken != "" && (named == "" || at.prefix == named+".") {
			if transaction != "" {
				again := page.Link(c.cfg.buyerPage(at), transaction, "", "")
				http.Redirect(c.w, c.r, again, http.StatusFound) //nolint:gosec // to this page; the id is escaped
				return shown
			}
			c.cfg.pages.Paddle(page.Overlay{ClientToken: at.clientToken, Mode: at.Mode, BaseURL: at.BaseURL}, c.w, c.r)
			return shown
		}
	}
	return ""
}

func showScript(c *call) string {
	c.cfg.pages.Script(c.w, c.r)
	return shown
}

// costOf is a page's cost in the client's rate limit.
func costOf(route string) int64 {
	if route == page.PathBuy {
		return costChange
	}
	return costRead
}
