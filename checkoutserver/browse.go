package checkoutserver

import (
	"crypto/rand"
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

// browse routes what a buyer's browser is shown.
func (s *Server) browse(mux *http.ServeMux) {
	for pattern, show := range map[string]func(*call) (shown bool){
		"GET " + page.PathPricing + "{$}": showPricing,
		"POST " + page.PathBuy:            s.buy,
		"GET " + page.PathPaddle:          showPaddle,
		"GET " + page.PathScript:          showScript,
	} {
		_, route, _ := strings.Cut(strings.TrimSuffix(pattern, "{$}"), " ")
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			c := r.Context().Value(callKey{}).(*call)
			c.w, c.r = w, r
			if ok, after := c.cfg.limiter.take(c.client(), c.now, costOf(route)); !ok {
				s.finish(c, w, route, tooManyRequests(max(after, time.Second)))
				return
			}
			if !show(c) {
				s.finish(c, w, route, notFound())
				return
			}
			s.metrics.requests.WithLabelValues(route, "ok").Inc()
			s.metrics.duration.WithLabelValues(route).Observe(time.Since(c.now).Seconds())
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

func showPricing(c *call) bool {
	if c.cfg.spec.PricingPage == nil {
		return false
	}
	c.cfg.pages.Pricing(c.cfg.doc, c.w, c.r)
	return true
}

// buy begins the purchase of a button of the pricing page, which there are where nobody is signed in.
func (s *Server) buy(c *call) bool {
	if c.cfg.spec.PricingPage == nil || c.cfg.spec.Auth.Anonymous == nil {
		return false
	}
	chosen, err := c.cfg.pages.Buy(c.cfg.doc, c.w, c.r)
	if err != nil {
		c.cfg.pages.Failed(c.w, c.r, page.Status(err))
		return true
	}
	o, refused := c.cfg.order(&purchase{Plan: chosen.Plan, Price: chosen.Price, Currency: string(chosen.Currency)}, c.user)
	if refused == nil {
		o.key = rand.Text()
		o.sites = s.candidates(c, buyerOf(c.user, "", o.key), o.price)
		var opened *checkout
		if opened, refused = s.sell(c, o); refused == nil {
			http.Redirect(c.w, c.r, opened.URL, http.StatusSeeOther)
			return true
		}
	}
	c.cfg.pages.Failed(c.w, c.r, refused.status)
	return true
}

// showPaddle opens the overlay of the account that buyerPage named. An address that names none is the account's default
// payment link, or older than the second account, and the first one's.
func showPaddle(c *call) bool {
	named, transaction := page.Named(c.r.URL.Query())
	for _, at := range c.cfg.sites {
		if at.traits.BuyerPage && at.clientToken != "" && (named == "" || at.prefix == named+".") {
			if transaction != "" {
				again := page.Link(c.cfg.buyerPage(at), transaction, "", "")
				http.Redirect(c.w, c.r, again, http.StatusFound) //nolint:gosec // to this page; the id is escaped
				return true
			}
			c.cfg.pages.Paddle(page.Overlay{ClientToken: at.clientToken, Mode: at.Mode, BaseURL: at.BaseURL}, c.w, c.r)
			return true
		}
	}
	return false
}

func showScript(c *call) bool {
	c.cfg.pages.Script(c.w, c.r)
	return true
}

// costOf is a page's cost in the client's rate limit.
func costOf(route string) int64 {
	if route == page.PathBuy {
		return costChange
	}
	return costRead
}
