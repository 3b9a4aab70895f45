package paddle

import (
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// publicURL is where buyers reach the stand-in.
func (c *call) publicURL() string {
	switch {
	case c.server.opt.PublicURL != "":
		return c.server.opt.PublicURL
	case c.r.TLS != nil:
		return "https://" + c.r.Host
	default:
		return "http://" + c.r.Host
	}
}

// portalFor is the secret that a customer's portal is reached by. Unlike Paddle's it does not end.
func (a *account) portalFor(customer string) string {
	if a.portals[customer] == "" {
		a.portals[customer] = strings.ToLower(rand.Text())
	}
	return a.portals[customer]
}

type portalSession struct {
	ID         string     `json:"id"`
	CustomerID string     `json:"customer_id"`
	URLs       portalURLs `json:"urls"`
	CreatedAt  string     `json:"created_at"`
}

type portalURLs struct {
	General struct {
		Overview string `json:"overview"`
	} `json:"general"`
	Subscriptions []portalLinks `json:"subscriptions"`
}

type portalLinks struct {
	ID     string `json:"id"`
	Cancel string `json:"cancel_subscription"`
	Update string `json:"update_subscription_payment_method"`
}

var portalFields = shape{
	"subscription_ids": {check: listOf(0, 25, matching(`^sub_[a-z\d]{26}$`, "a valid Paddle ID for a subscription"))},
}

func (c *call) createPortalSession() (any, *apiError) {
	if c.customerByID[c.id] == nil {
		return nil, notFound(c.id)
	}
	if err := c.read(portalFields); err != nil {
		return nil, err
	}
	var in struct {
		IDs []string `json:"subscription_ids"`
	}
	if len(c.body) > 0 && decode(c.body, &in) != nil {
		return nil, invalidJSON()
	}
	out := portalSession{ID: c.newID("cpls"), CustomerID: c.id, CreatedAt: stamp(c.clock())}
	out.URLs.General.Overview = c.publicURL() + portalPath + c.portalFor(c.id)
	out.URLs.Subscriptions = []portalLinks{}
	for _, id := range in.IDs {
		s := c.subscriptionByID[id]
		if s == nil || s.CustomerID != c.id {
			return nil, notFound(id)
		}
		urls := c.answered(s).ManagementURLs
		out.URLs.Subscriptions = append(out.URLs.Subscriptions, portalLinks{id, urls.Cancel, *urls.UpdatePaymentMethod})
	}
	return out, nil
}

// at runs f for the customer whose portal it is, with the account locked.
func (s *Server) at(token string, f func(a *account, customer *Customer)) bool {
	for _, v := range s.Accounts() {
		v.a.mu.Lock()
		v.a.catchUp()
		var customer *Customer
		for id, secret := range v.a.portals {
			if secret == token {
				customer = v.a.customerByID[id]
			}
		}
		if customer != nil {
			f(v.a, customer)
		}
		v.a.mu.Unlock()
		if customer != nil {
			return true
		}
	}
	return false
}

// portalView is what a customer sees.
func (a *account) portalView(customer *Customer) hosted.Portal {
	v := hosted.Portal{Seller: sellerName, Email: customer.Email}
	for _, s := range a.subscriptions {
		if s.CustomerID != customer.ID {
			continue
		}
		row := hosted.Subscription{
			ID: s.ID, Status: s.Status, Card: hosted.CardName(s.card.Brand, s.card.Last4()), Over: s.Status == canceled,
			Ends: s.ScheduledChange != nil,
		}
		var sum int64
		for _, item := range s.Items {
			sum += item.Price.unitPrice(s.CurrencyCode) * item.Quantity
			row.Name = item.Product.Name
		}
		row.Price = readable(sum, s.CurrencyCode) + " " + s.BillingCycle.words()
		switch {
		case row.Over && s.CanceledAt != nil:
			row.On = moment(*s.CanceledAt)
		case row.Ends:
			row.On = moment(s.ScheduledChange.EffectiveAt)
		case s.NextBilledAt != nil:
			row.On = moment(*s.NextBilledAt)
		}
		v.Subscriptions = append(v.Subscriptions, row)
	}
	return v
}

func (s *Server) portal(w http.ResponseWriter, r *http.Request) {
	var v hosted.Portal
	if !s.at(r.PathValue("token"), func(a *account, customer *Customer) { v = a.portalView(customer) }) {
		http.NotFound(w, r)
		return
	}
	hosted.WritePortal(w, http.StatusOK, v)
}

func (s *Server) portalStep(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	var v hosted.Portal
	problem := ""
	found := s.at(r.PathValue("token"), func(a *account, customer *Customer) {
		sub := a.subscriptionByID[r.PostFormValue("subscription")]
		if sub == nil || sub.CustomerID != customer.ID || sub.Status == canceled {
			problem = "This subscription has ended."
		} else {
			problem = a.portalAction(sub, customer, r)
		}
		v = a.portalView(customer)
	})
	switch {
	case !found:
		http.NotFound(w, r)
	case problem != "":
		v.Problem = problem
		hosted.WritePortal(w, http.StatusBadRequest, v)
	default:
		http.Redirect(w, r, portalPath+r.PathValue("token"), http.StatusSeeOther) //nolint:gosec // a known token
	}
}

// portalAction does what the customer asks for, or says why not.
func (a *account) portalAction(s *Subscription, customer *Customer, r *http.Request) (problem string) {
	switch action := r.PostFormValue("action"); {
	case action == "cancel" && s.ScheduledChange == nil && s.Status == paused:
		a.end(s)
	case action == "cancel" && s.ScheduledChange == nil:
		a.schedule(s, "cancel")
	case action == "resume" && s.ScheduledChange != nil:
		a.alter(s, "subscription.updated", func(time.Time) { s.unschedule() })
	case action == "card":
		d := hosted.Read(hosted.Entry{
			Number: r.PostFormValue("number"), Expiry: r.PostFormValue("exp"), CVC: r.PostFormValue("cvc"),
			Email: customer.Email,
		}, a.clock())
		switch {
		case d.Problem != "":
			return d.Problem
		case d.Card.Outcome == hosted.Declined:
			return d.Card.Message
		}
		a.replaceCard(s, d)
	}
	return ""
}
