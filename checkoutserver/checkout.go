package checkoutserver

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/checkoutserver/page"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/signin"
	"github.com/kassa-dev/kassa/internal/storefront"
)

const (
	// openLimit bounds one provider's attempt, and workLimit everything that is done for one request.
	openLimit = 8 * time.Second
	workLimit = 20 * time.Second
)

// checkout is the answer to POST /v1/checkouts.
type checkout struct {
	ID        string     `json:"id"`
	URL       string     `json:"url"`
	Provider  string     `json:"provider"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// openCheckout is POST /v1/checkouts.
func (s *Server) openCheckout(c *call) *answer {
	var in purchase
	if refused := readBody(c.w, c.r, &in, purchaseMembers...); refused != nil {
		return refused
	}
	key, refused := idempotencyKey(c.r)
	if refused != nil {
		return refused
	}
	o, refused := c.cfg.order(&in, c.user)
	if refused != nil {
		return refused
	}
	o.sites = s.candidates(c, buyerOf(c.user, in.Email, key), o.price)
	if key == "" {
		o.key = rand.Text()
		return s.sellInTurn(c, o)
	}
	// Whose key it is, is a part of it, here and at the provider: nobody is told of another's purchase.
	o.key, o.whose = key, c.whose()
	id := c.replayID(opCheckout, key)
	a, again := s.replays.do(id, digestOfValue(in), c.now, func() *answer { return s.sellInTurn(c, o) })
	c.replayed = again
	return a
}

// sale is a purchase that has been checked against the storefront.
type sale struct {
	in    *purchase
	plan  *storefront.Plan
	price *storefront.Price
	spec  provider.CheckoutSpec // without what differs between providers
	sites []*site               // the first choice first
	key   string                // the client's Idempotency-Key, or a random one
	whose string                // it is; see call.whose
}

// order looks up what is bought.
func (c *settings) order(in *purchase, who signin.User) (*sale, *answer) {
	if refused := in.check(); refused != nil {
		return nil, refused
	}
	plan, price := c.doc.Price(in.Plan, in.Price)
	if price == nil {
		return nil, notForSale("There is no such price.")
	}
	quantity, refused := in.quantity(price)
	if refused != nil {
		return nil, refused
	}
	currency, refused := in.currency(price)
	if refused != nil {
		return nil, refused
	}
	success, cancel, refused := c.leads(in)
	if refused != nil {
		return nil, refused
	}
	email, refused := in.buyerEmail(who)
	if refused != nil {
		return nil, refused
	}
	o := &sale{in: in, plan: plan, price: price, spec: provider.CheckoutSpec{
		Owner: c.owner(plan), Plan: plan.Name, Price: price.Name, Recurring: price.Recurring != nil,
		Quantity: quantity, Currency: currency, SuccessURL: success, CancelURL: cancel,
		UserID: who.ID, Email: email, Metadata: in.Metadata,
	}}
	if t := price.Trial; t != nil && o.spec.Recurring {
		o.spec.Trial = &provider.CheckoutTrial{Days: t.Days, OnMissing: t.OnMissing}
	}
	c.options(&o.spec)
	return o, nil
}

// leads are where the buyer goes afterwards.
func (c *settings) leads(in *purchase) (success, cancel string, refused *answer) {
	success, cancel = c.spec.SuccessURL, cmp.Or(c.spec.CancelURL, c.spec.URL)
	var err error
	if in.SuccessURL != "" {
		if success, err = c.origins.Redirect(in.SuccessURL); err != nil {
			return "", "", invalid("successURL: " + err.Error() + ".")
		}
	}
	if in.CancelURL != "" {
		if cancel, err = c.origins.Redirect(in.CancelURL); err != nil {
			return "", "", invalid("cancelURL: " + err.Error() + ".")
		}
	}
	return success, cancel, nil
}

// sellTo is sell for a client of the API.
func (s *Server) sellTo(c *call, o *sale) *answer {
	opened, refused := s.sell(c, o)
	if refused != nil {
		return refused
	}
	a := jsonAnswer(http.StatusCreated, opened)
	if opened.ExpiresAt != nil {
		a.until = *opened.ExpiresAt
	}
	return a
}

// sell opens the checkout at the first provider that can be reached, of those where it may be opened. The client's
// going away does not end it: a client that comes back with its key finds the answer.
func (s *Server) sell(c *call, o *sale) (*checkout, *answer) {
	ctx, cancel := within(c.r.Context())
	defer cancel()
	var refused *answer
	for _, at := range o.sites {
		opened, err := s.sellHere(ctx, c, o, at)
		if err == nil {
			s.resting.works(at.Key())
			return opened, nil
		}
		refused = rather(refused, s.refusal(c, at, opCheckout, err))
		if !elsewhere(err) || !c.cfg.failsOver() {
			return nil, refused
		}
		if rests(err) {
			s.resting.fails(at, err, time.Now())
		}
		if ctx.Err() != nil {
			return nil, refused
		}
	}
	return nil, cmp.Or(refused, providerUnavailable(0))
}

// open asks one provider. A checkout that it made without an answer stays unpaid, and costs nobody anything.
func (s *Server) open(ctx context.Context, c *call, o *sale, at *site) (*checkout, error) {
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	in := o.spec
	for _, p := range o.price.At {
		if p.Provider == at.Key() {
			in.ProductID, in.PriceID = p.ProductID, p.PriceID
		}
	}
	if at.traits.BuyerPage {
		in.PageURL = c.cfg.buyerPage(at)
	}
	// All that is sent is a part of the key, so that no provider is sent two different requests with one. When it ends is
	// not: the purchase is the same when it is asked for again tomorrow.
	content := digestOfValue(in)
	in.ExpiresAt, in.ExpiryStep = c.cfg.expiresAt(c.now)
	id := digestOf(string(c.cfg.uid), o.whose, o.key, at.Key(), string(content[:]))
	in.IdempotencyKey = hex.EncodeToString(id[:])
	began := time.Now()
	opened, err := at.checkouts.Open(ctx, in)
	s.attempted(c, o, at, time.Since(began), err)
	if err != nil {
		return nil, provider.Anonymous(err, slices.AppendSeq([]string{in.UserID, in.Email}, maps.Values(in.Metadata))...)
	}
	out := &checkout{ID: opened.ID, URL: opened.URL, Provider: string(at.Type)}
	if at.traits.BuyerPage {
		out.URL = c.cfg.buyerLink(in, opened.ID)
	}
	if !opened.ExpiresAt.IsZero() {
		expires := opened.ExpiresAt.UTC()
		out.ExpiresAt = &expires
	}
	return out, nil
}

// attempted counts and logs an attempt at a payment. Nothing of the buyer is in it; the ids lead to the rest.
func (s *Server) attempted(c *call, o *sale, at *site, took time.Duration, err error) {
	result := outcome(err, "created")
	s.metrics.checkouts.WithLabelValues(string(at.Type), strings.ToLower(string(at.Mode)), result).Inc()
	about := []any{
		"request", c.id, "provider", at.Key(), "plan", o.plan.Name, "price", o.price.Name, "outcome", result,
		"duration", took.Round(time.Millisecond).String(),
	}
	if e, ok := errors.AsType[*provider.Error](err); ok && e.RequestID != "" {
		about = append(about, "providerRequest", e.RequestID)
	}
	s.log.Info("checkout attempt", about...)
}

// buyerPage is Kassa's page for a provider that has none. It names the provider where several need one.
func (c *settings) buyerPage(at *site) string {
	address, others := strings.TrimRight(c.spec.URL, "/")+"/"+strings.ToLower(string(at.Type)), 0
	for _, s := range c.sites {
		if s.Type == at.Type && s.Key() != at.Key() {
			others++
		}
	}
	if others == 0 {
		return address
	}
	return address + "?" + page.QueryProvider + "=" + strings.TrimSuffix(at.prefix, ".")
}

// buyerLink is that page for one purchase, with the URLs that are not the endpoint's own.
func (c *settings) buyerLink(in provider.CheckoutSpec, id string) string {
	success, cancel, _ := c.leads(&purchase{})
	other := func(asked, usual string) string {
		if asked == usual {
			return ""
		}
		return asked
	}
	return page.Link(in.PageURL, id, other(in.SuccessURL, success), other(in.CancelURL, cancel))
}
