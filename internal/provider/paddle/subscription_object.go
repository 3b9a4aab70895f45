package paddle

import (
	"time"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
)

// subscriptionOf has no e-mail address: the object tells the customer's id alone.
func subscriptionOf(p *paddle.Subscription) billing.Subscription {
	cancels := p.ScheduledChange != nil && p.ScheduledChange.Action == paddle.ScheduledChangeActionCancel
	out := billing.Subscription{
		ID: p.ID, CustomerID: p.CustomerID, UserID: text(p.CustomData, billing.MetadataUserID),
		Status: statusOf(string(p.Status), cancels), CancelAtPeriodEnd: cancels,
		CreatedAt: moment(&p.CreatedAt), UpdatedAt: moment(&p.UpdatedAt),
	}
	out.Currency, _ = billing.ParseCurrency(string(p.CurrencyCode))
	if p.CurrentBillingPeriod != nil {
		out.CurrentPeriodEnd = moment(&p.CurrentBillingPeriod.EndsAt)
	}
	switch {
	case cancels:
		out.EndsAt = moment(&p.ScheduledChange.EffectiveAt)
	case p.Status == paddle.SubscriptionStatusCanceled:
		out.EndsAt = moment(p.CanceledAt)
	}
	out.Owner, out.Plan, out.Price = planIn(p.CustomData)
	if i := planItem(p.Items); i >= 0 {
		item := p.Items[i]
		out.PriceID, out.Quantity = item.Price.ID, item.Quantity
		if item.TrialDates != nil {
			out.TrialEnd = moment(&item.TrialDates.EndsAt)
		}
		if owner, plan, price := planIn(item.Price.CustomData); plan != "" {
			out.Owner, out.Plan, out.Price = owner, plan, price
		}
	}
	return out
}

// planItem is the index of the item that the plan is: the first that recurs, or -1.
func planItem(items []paddle.SubscriptionItem) int {
	for i, item := range items {
		if item.Recurring {
			return i
		}
	}
	return min(len(items), 1) - 1
}

func planIn(data paddle.CustomData) (owner billing.Owner, plan, price string) {
	owner = ownerOf(data)
	if owner.Name == "" {
		return billing.Owner{}, "", ""
	}
	return owner, owner.Name, text(data, markPrice)
}

// statusOf is the neutral name of Paddle's status.
func statusOf(status string, cancels bool) billing.SubscriptionStatus {
	switch status {
	case "past_due":
		return billing.StatusPastDue
	case "paused":
		return billing.StatusPaused
	case "canceled":
		return billing.StatusCanceled
	case "active", "trialing":
		switch {
		case cancels:
			return billing.StatusCanceling
		case status == "trialing":
			return billing.StatusTrialing
		}
		return billing.StatusActive
	default:
		return ""
	}
}

// moment is zero for what is no time.
func moment(text *string) time.Time {
	if text == nil {
		return time.Time{}
	}
	if t := timeOf([]byte(*text)); t != nil {
		return *t
	}
	return time.Time{}
}
