package checkoutserver

import (
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/signin"
)

// owned is a subscription that the user may see and change.
type owned struct {
	billing.Subscription

	at          *site
	plan, price string // what the storefront or the marks call it; empty when neither does
}

// id is the subscription's id in the API.
func (o *owned) id() string { return o.at.prefix + o.ID }

// own says whether a subscription is the user's and of this namespace's Plans.
func (c *settings) own(at *site, s billing.Subscription, who signin.User) (*owned, bool) {
	if !belongs(at, &s, who) {
		return nil, false
	}
	o := &owned{Subscription: s, at: at}
	if known, ok := c.sold[soldID{at.Key(), s.PriceID}]; ok {
		o.plan, o.price = known.plan, known.price
		return o, true
	}
	if c.marked(s.Owner) {
		o.plan, o.price = s.Plan, s.Price
		return o, true
	}
	// What has nobody's marks may be another app's on the same account, whose user has the same id. An email is the same
	// person everywhere.
	return o, s.Owner.IsZero() && at.traits.NoUserID
}

// belongs says whether a subscription is the user's. A user without an id, or email, has none.
func belongs(at *site, s *billing.Subscription, who signin.User) bool {
	if at.traits.NoUserID {
		return who.Email != "" && billing.SameEmail(s.Email, who.Email)
	}
	return who.ID != "" && s.UserID == who.ID
}

// knows says whether the provider can find the user's subscriptions: by the id, by the email, or by both.
func (s *site) knows(who signin.User) bool {
	return (who.ID != "" || s.traits.NoUserID) && (who.Email != "" || !s.traits.NoUserID && !s.traits.NeedsEmail)
}

// marked says that the marks are of a Plan of this cluster and namespace.
func (c *settings) marked(o billing.Owner) bool {
	return c.doc.Cluster != "" && o.Cluster == c.doc.Cluster && o.Namespace == c.namespace
}

// find splits an id of the API into the provider and its own id.
func (c *settings) find(id string) (at *site, own string) {
	dot := strings.LastIndexByte(id, '.')
	if dot < 0 || dot == len(id)-1 || len(id) > maxSubscriptionID || strings.ContainsFunc(id[dot+1:], notInID) {
		return nil, ""
	}
	for _, s := range c.sites {
		if s.prefix == id[:dot+1] {
			return s, id[dot+1:]
		}
	}
	return nil, ""
}

// maxSubscriptionID is the longest id, in bytes: two names of Kubernetes objects and a provider's id.
const maxSubscriptionID = 512

// notInID keeps everything away from a provider's URL that could change its path.
func notInID(r rune) bool { return notInKey(r) || r == '.' }
