package stripe

import (
	"context"
	"errors"
	"net/http"
	"strings"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

type subscriptions struct{ *connection }

func (c *connection) Subscriptions() provider.Subscriptions { return &subscriptions{c} }

// List searches by the metadata that checkouts put on subscriptions. Stripe's search shows what is new within a minute,
// or up to an hour later while it has an outage, and compares without regard to case: so what it finds counts only
// where the id is exactly the user's.
func (s *subscriptions) List(ctx context.Context, user provider.User) ([]billing.Subscription, error) {
	if user.ID == "" {
		return nil, nil
	}
	var out []billing.Subscription
	next := ""
	for range maxPages {
		page := &subscriptionPage{}
		params := &searchParams{Query: stripe.String(byUser(user.ID)), Limit: stripe.Int64(pageSize), Page: optional(next)}
		_, err := s.call(ctx, request{
			op: "list subscriptions", method: http.MethodGet, path: "/v1/subscriptions/search", params: params, out: page,
			valid: page.valid,
		})
		if err != nil {
			return nil, err
		}
		for _, x := range page.Data {
			if found := subscriptionOf(x); found.UserID == user.ID && !found.Status.Ended() {
				out = append(out, found)
			}
		}
		if !page.HasMore {
			return out, nil
		}
		next = page.NextPage
	}
	return nil, &provider.Error{
		Class: provider.ClassUnavailable, Provider: billing.Stripe, Operation: "list subscriptions",
		Message: "the list does not end", Err: errUnexpected,
	}
}

// searchParams are of the search, which pages by a token and not by ids.
type searchParams struct {
	stripe.Params `form:"*"`
	Query         *string `form:"query"`
	Limit         *int64  `form:"limit"`
	Page          *string `form:"page"`
}

// byUser is the query for a user's subscriptions. The id is a quoted text, in which a backslash takes the meaning from
// the character that follows.
func byUser(id string) string {
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(id)
	return "metadata['" + billing.MetadataUserID + "']:'" + quoted + "'"
}

// Get reads one.
func (s *subscriptions) Get(ctx context.Context, id string) (billing.Subscription, error) {
	out, err := s.read(ctx, id)
	return subscriptionOf(out), err
}

func (s *subscriptions) read(ctx context.Context, id string) (*subscription, error) {
	return s.send(ctx, "get subscription", http.MethodGet, id, &stripe.SubscriptionParams{})
}

// send is any request about one subscription. What is no subscription's id is not sent: it may be the name of another
// operation.
func (s *subscriptions) send(
	ctx context.Context, op, method, id string, params stripe.ParamsContainer,
) (*subscription, error) {
	out := &subscription{}
	if !strings.HasPrefix(id, "sub_") {
		return out, &provider.Error{
			Class: provider.ClassNotFound, Provider: billing.Stripe, Operation: op, Message: "this is no subscription's id",
		}
	}
	_, err := s.call(ctx, request{
		op: op, method: method, path: stripe.FormatURLPath("/v1/subscriptions/%s", id), params: params, out: out,
		valid: func() bool { return out.valid(id) },
	})
	if err != nil {
		return &subscription{}, err
	}
	return out, nil
}

// Cancel deletes a subscription, or lets it run out.
func (s *subscriptions) Cancel(ctx context.Context, id string, now bool) (billing.Subscription, error) {
	const op = "cancel subscription"
	var out *subscription
	var err error
	if now {
		out, err = s.send(ctx, op, http.MethodDelete, id, &stripe.SubscriptionCancelParams{})
	} else {
		params := &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)}
		out, err = s.send(ctx, op, http.MethodPost, id, params)
	}
	if err == nil {
		return subscriptionOf(out), nil
	}
	// Stripe refuses to cancel what has ended, with one error or another.
	if class := provider.ClassOf(err); class == provider.ClassNotFound || class == provider.ClassTerminal {
		if there, getErr := s.Get(ctx, id); getErr == nil && there.Status.Ended() {
			return there, nil
		}
	}
	return billing.Subscription{}, err
}

// Portal opens Stripe's portal for the subscription's customer, with the configuration that is the account's default.
func (s *subscriptions) Portal(ctx context.Context, of billing.Subscription, returnURL string) (string, error) {
	const op = "open portal"
	if of.CustomerID == "" {
		return "", refuse(op, "the subscription has no customer")
	}
	out := &stripe.BillingPortalSession{}
	_, err := s.call(ctx, request{
		op: op, method: http.MethodPost, path: "/v1/billing_portal/sessions",
		params: &stripe.BillingPortalSessionParams{
			Customer: stripe.String(of.CustomerID), ReturnURL: optional(returnURL),
		},
		out:   out,
		valid: func() bool { return out.Object == "billing_portal.session" && out.URL != "" },
	})
	return out.URL, withPortalAdvice(err)
}

// withPortalAdvice says what a person can do about a portal that is refused. Stripe has no code for the usual reason.
// The advice comes first, because Stripe's text may be cut.
func withPortalAdvice(err error) error {
	var e *provider.Error
	if errors.As(err, &e) && e.Class == provider.ClassTerminal && e.Status == http.StatusBadRequest {
		e.Message = "Stripe opens no portal before its settings were saved once, in the dashboard under Settings, Billing, " +
			"Customer portal, in the mode of the key. It says: " + e.Message
	}
	return err
}

func refusal(reason string) error {
	return &provider.RefusalError{Provider: billing.Stripe, Reason: reason}
}
