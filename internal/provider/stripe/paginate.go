package stripe

import (
	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// page is the envelope of a list. The SDK's own list types don't tell whether an answer was a list at all.
type page struct {
	stripe.APIResource
	Object  string `json:"object"`
	HasMore bool   `json:"has_more"`
}

// ok refuses what is no list, and a page that claims more but has nothing to go on from.
func (p page) ok(items int) bool { return p.Object == "list" && (items > 0 || !p.HasMore) }

func listParams(after string) stripe.ListParams {
	p := stripe.ListParams{Limit: stripe.Int64(pageSize)}
	if after != "" {
		p.StartingAfter = stripe.String(after)
	}
	return p
}

// paginate calls fetch for page after page; fetch returns the id of its last object. The SDK's iterators are not
// used: they hide how many requests they made.
func paginate(fetch func(after string) (last string, more bool, err error)) (calls int, err error) {
	after := ""
	for calls < maxPages {
		last, more, err := fetch(after)
		calls++
		if err != nil || !more {
			return calls, err
		}
		if last == after {
			break
		}
		after = last
	}
	return calls, &provider.Error{
		Class: provider.ClassUnavailable, Provider: billing.Stripe, Operation: "list",
		Message: "the list does not end", Err: errUnexpected,
	}
}
