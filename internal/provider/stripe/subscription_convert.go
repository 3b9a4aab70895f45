package stripe

import (
	"time"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
)

// subscription is the part of Stripe's that Kassa reads. The SDK's own type lacks the item's period, where it is since
// 2025.
type subscription struct {
	stripe.APIResource
	ID                string            `json:"id"`
	Object            string            `json:"object"`
	Status            string            `json:"status"`
	Customer          *stripe.Customer  `json:"customer"`
	Currency          string            `json:"currency"`
	Metadata          map[string]string `json:"metadata"`
	Created           int64             `json:"created"`
	CurrentPeriodEnd  int64             `json:"current_period_end"`
	CancelAt          int64             `json:"cancel_at"`
	CancelAtPeriodEnd bool              `json:"cancel_at_period_end"`
	EndedAt           int64             `json:"ended_at"`
	TrialEnd          int64             `json:"trial_end"`
	PauseCollection   *struct{}         `json:"pause_collection"`
	Items             struct {
		Data    []subscriptionItem `json:"data"`
		HasMore bool               `json:"has_more"`
	} `json:"items"`
}

type subscriptionItem struct {
	ID               string        `json:"id"`
	Price            *stripe.Price `json:"price"`
	Quantity         int64         `json:"quantity"`
	CurrentPeriodEnd int64         `json:"current_period_end"`
}

func (s *subscription) valid(id string) bool {
	return s.Object == "subscription" && s.ID == id && s.Status != ""
}

// subscriptionPage is the envelope of a search.
type subscriptionPage struct {
	stripe.APIResource
	Object   string          `json:"object"`
	HasMore  bool            `json:"has_more"`
	NextPage string          `json:"next_page"`
	Data     []*subscription `json:"data"`
}

func (p *subscriptionPage) valid() bool {
	for _, s := range p.Data {
		if s == nil || !s.valid(s.ID) || s.ID == "" {
			return false
		}
	}
	return p.Object == "search_result" && (p.NextPage != "" || !p.HasMore)
}

// subscriptionOf reads an answer with the rules by which events are read, so that both tell the same.
func subscriptionOf(s *subscription) billing.Subscription {
	o := object{
		Status: s.Status, Metadata: s.Metadata, CancelAtPeriodEnd: s.CancelAtPeriodEnd, CancelAt: s.CancelAt,
		TrialEnd: s.TrialEnd, CurrentPeriodEnd: s.CurrentPeriodEnd, PauseCollection: s.PauseCollection != nil,
	}
	out := billing.Subscription{
		ID: s.ID, UserID: s.Metadata[billing.MetadataUserID], CreatedAt: moment(s.Created), TrialEnd: moment(s.TrialEnd),
	}
	if s.Customer != nil {
		out.CustomerID, out.Email = s.Customer.ID, s.Customer.Email
	}
	if currency, err := billing.ParseCurrency(s.Currency); err == nil {
		out.Currency = currency
	}
	if len(s.Items.Data) > 0 {
		item := s.Items.Data[0]
		out.Quantity = int(item.Quantity)
		if o.CurrentPeriodEnd == 0 {
			o.CurrentPeriodEnd = item.CurrentPeriodEnd
		}
		o.Price = priceRefOf(item.Price)
	}
	told := o.subscription()
	out.Status, out.CancelAtPeriodEnd, out.CollectionPaused = told.Status, *told.CancelAtPeriodEnd, o.PauseCollection
	out.PriceID, out.Owner, out.Plan, out.Price = told.PriceID, told.Owner, told.Plan, told.Price
	out.CurrentPeriodEnd = moment(o.CurrentPeriodEnd)
	switch {
	case told.Status.Ended():
		out.EndsAt, out.CancelAtPeriodEnd = moment(s.EndedAt), false
	case s.CancelAt != 0:
		out.EndsAt = moment(s.CancelAt)
	case out.CancelAtPeriodEnd:
		out.EndsAt = out.CurrentPeriodEnd
	}
	return out
}

func priceRefOf(p *stripe.Price) priceRef {
	if p == nil {
		return priceRef{}
	}
	return priceRef{ID: p.ID, Owner: ownerOf(p.Metadata, markPlan), PriceName: p.Metadata[markPrice]}
}

// moment is the zero time for what timeOf has none for.
func moment(unix int64) time.Time {
	if t := timeOf(unix); t != nil {
		return *t
	}
	return time.Time{}
}
