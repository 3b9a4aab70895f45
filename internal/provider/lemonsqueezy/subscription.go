package lemonsqueezy

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// subscription are the attributes of a subscription that is read from the API. It tells neither custom data nor a
// currency, which is the store's.
type subscription struct {
	StoreID     int64           `json:"store_id"`
	CustomerID  int64           `json:"customer_id"`
	VariantID   int64           `json:"variant_id"`
	UserEmail   string          `json:"user_email"`
	Status      string          `json:"status"`
	Processor   string          `json:"payment_processor"`
	Pause       json.RawMessage `json:"pause"`
	RenewsAt    *string         `json:"renews_at"`
	EndsAt      *string         `json:"ends_at"`
	TrialEndsAt *string         `json:"trial_ends_at"`
	CreatedAt   *string         `json:"created_at"`
	UpdatedAt   *string         `json:"updated_at"`
	TestMode    *bool           `json:"test_mode"`
	FirstItem   struct {
		ID       int64 `json:"id"`
		Quantity int   `json:"quantity"`
	} `json:"first_subscription_item"`
	URLs struct {
		CustomerPortal string `json:"customer_portal"`
	} `json:"urls"`
}

// subscriptionOf is a subscription as Kassa tells it. Its price is the variant, as in events.
func subscriptionOf(r resource[subscription]) billing.Subscription {
	a := r.Attributes
	out := billing.Subscription{
		ID: r.ID, CustomerID: number(a.CustomerID), Email: a.UserEmail, Status: a.status(), PriceID: number(a.VariantID),
		Quantity: a.FirstItem.Quantity, CurrentPeriodEnd: instant(a.RenewsAt), TrialEnd: instant(a.TrialEndsAt),
		CreatedAt: instant(a.CreatedAt), UpdatedAt: instant(a.UpdatedAt),
	}
	if out.Status == billing.StatusCanceling || out.Status == billing.StatusCanceled {
		out.EndsAt = instant(a.EndsAt)
		out.CurrentPeriodEnd = cmp.Or(out.EndsAt, out.CurrentPeriodEnd)
		out.CancelAtPeriodEnd = out.Status == billing.StatusCanceling
	}
	return out
}

func (a *subscription) status() billing.SubscriptionStatus {
	told := attributes{status: a.Status, paused: strings.HasPrefix(string(a.Pause), "{")}
	return told.subscriptionStatus()
}

// byPayPal: LemonSqueezy takes changes of such a subscription and does not make them.
func (a *subscription) byPayPal() bool { return strings.EqualFold(a.Processor, "paypal") }

// instant is zero for what is no time in RFC 3339.
func instant(text *string) time.Time {
	if text == nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, *text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
