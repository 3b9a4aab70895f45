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
		return s.refusal(o.at, "portal", err)
	}
	return jsonAnswer(http.StatusOK, struct {
		URL      string `json:"url"`
		Provider string `json:"provider"`
	}{url, string(o.at.Type)})
}

func (s *Server) portalOf(ctx context.Context, c *call, id string) (*owned, *answer) {
	if id != "" {
		return s.owned(ctx, c, id)
	}
	found, failed := s.all(ctx, c)
	switch {
	case len(found) > 0:
		return found[0], nil
	case failed != nil:
		return nil, failed
	default:
		return nil, noSubscription()
	}
}
