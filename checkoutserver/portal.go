package checkoutserver

import (
	"context"
	"net/http"

	"github.com/kassa-dev/kassa/internal/provider"
)

// openPortal is POST /v1/portal. Without a subscription it is the portal of the newest one's customer.
func (s *Server) openPortal(c *call) *answer {
	if c.cfg.spec.CustomerPortal == nil {
		return notOffered("a customer portal")
	}
	var in struct {
		Subscription string `json:"subscription"`
	}
	if refused := optionalBody(c.w, c.r, &in, "subscription"); refused != nil {
		return refused
	}
	ctx, cancel := within(c.r.Context())
	defer cancel()
	o, refused := s.portalOf(ctx, c, in.Subscription)
	if refused != nil {
		return refused
	}
	url, err := o.at.subscriptions.Portal(ctx, o.Subscription, c.cfg.spec.CustomerPortal.ReturnURL)
	s.metrics.changes.WithLabelValues(string(o.at.Type), "portal", outcome(err, "ok")).Inc()
	if provider.IsNotFound(err) {
		return noSubscription()
	}
	if err != nil {
		return s.refusal(c, o.at, "portal", err)
	}
	return jsonAnswer(http.StatusOK, struct {
		URL      string `json:"url"`
		Provider string `json:"provider"`
	}{url, string(o.at.Type)})
}

func (s *Server) portalOf(ctx context.Context, c *call, id string) (*owned, *answer) {
	if id != "" {
		o, refused := s.owned(ctx, c, id)
		if refused == nil {
			refused = s.foreignCustomer(ctx, c, o)
		}
		return o, refused
	}
	all := s.all(ctx, c)
	switch {
	case len(all.found) > 0:
		return all.found[0], nil
	case all.failed != nil:
		return nil, all.failed
	default:
		return nil, noSubscription()
	}
}

// foreignCustomer refuses a subscription whose customer may be somebody else. Where a provider has one customer for an
// address, a buyer may have typed another's, and the portal shows all that this customer has.
func (s *Server) foreignCustomer(ctx context.Context, c *call, o *owned) *answer {
	if !o.at.traits.NeedsEmail || o.at.traits.NoUserID {
		return nil
	}
	if o.at.knows(c.user) {
		listed, refused := s.listAt(ctx, c, o.at)
		if refused != nil {
			return refused
		}
		for _, known := range listed {
			if known.CustomerID == o.CustomerID {
				return nil
			}
		}
	}
	if o.Status.Ended() {
		return notAllowed("The subscription has ended, and " + string(o.at.Type) + " opens the portal only for a user who " +
			"has another one that goes on.")
	}
	return notAllowed("The portal is opened only for a user whose verified email is the customer's at the provider.")
}
