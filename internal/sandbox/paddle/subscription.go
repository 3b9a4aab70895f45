package paddle

import (
	"slices"
	"time"
)

// Subscription is a subscription on the wire, as events have it; answers have management URLs too.
type Subscription struct {
	ID                   string             `json:"id"`
	Status               string             `json:"status"` // active, canceled, past_due, paused or trialing
	CustomerID           string             `json:"customer_id"`
	AddressID            string             `json:"address_id"`
	BusinessID           *string            `json:"business_id"`
	CurrencyCode         string             `json:"currency_code"`
	CreatedAt            string             `json:"created_at"`
	UpdatedAt            string             `json:"updated_at"`
	StartedAt            *string            `json:"started_at"`
	FirstBilledAt        *string            `json:"first_billed_at"`
	NextBilledAt         *string            `json:"next_billed_at"`
	PausedAt             *string            `json:"paused_at"`
	CanceledAt           *string            `json:"canceled_at"`
	Discount             any                `json:"discount"`
	CollectionMode       string             `json:"collection_mode"`
	BillingDetails       any                `json:"billing_details"`
	CurrentBillingPeriod *Period            `json:"current_billing_period"`
	BillingCycle         Duration           `json:"billing_cycle"`
	ScheduledChange      *ScheduledChange   `json:"scheduled_change"`
	Items                []SubscriptionItem `json:"items"`
	CustomData           map[string]any     `json:"custom_data"`
	ImportMeta           *ImportMeta        `json:"import_meta"`

	card    *card
	unpaid  *Transaction // while past due
	tries   int          // at it
	retryAt time.Time
	next    []TransactionItem // what the next bill has besides
	credit  int64             // for the next bill
}

// SubscriptionItem is one price of a subscription, as it was when it was added.
type SubscriptionItem struct {
	Status             string   `json:"status"` // active, inactive or trialing
	Quantity           int64    `json:"quantity"`
	Recurring          bool     `json:"recurring"`
	CreatedAt          string   `json:"created_at"`
	UpdatedAt          string   `json:"updated_at"`
	PreviouslyBilledAt *string  `json:"previously_billed_at"`
	NextBilledAt       *string  `json:"next_billed_at"`
	TrialDates         *Period  `json:"trial_dates"`
	Price              *Price   `json:"price"`
	Product            *Product `json:"product"`
}

// ScheduledChange is what will happen to a subscription.
type ScheduledChange struct {
	Action      string  `json:"action"` // cancel, pause or resume
	EffectiveAt string  `json:"effective_at"`
	ResumeAt    *string `json:"resume_at"`
}

// subscriptionAnswer is a subscription in an answer.
type subscriptionAnswer struct {
	*Subscription
	ManagementURLs managementURLs `json:"management_urls"`
}

type managementURLs struct {
	UpdatePaymentMethod *string `json:"update_payment_method"`
	Cancel              string  `json:"cancel"`
}

// subscriptionCreated is the data of the only event that names the transaction.
type subscriptionCreated struct {
	*Subscription
	TransactionID string `json:"transaction_id"`
}

const (
	trialing = "trialing"
	paused   = "paused"
	inactive = "inactive"
)

var subscriptionStatuses = []string{active, canceled, pastDue, paused, trialing}

func (s *Subscription) key() string { return s.ID }

// newSubscription is what a paid checkout leads to, or nil where nothing recurs.
func (a *account) newSubscription(t *Transaction, c *card) *Subscription {
	now := a.clock().UTC()
	at := stamp(now)
	s := &Subscription{
		ID: a.newID("sub"), Status: active, CustomerID: *t.CustomerID, AddressID: *t.AddressID,
		CurrencyCode: t.CurrencyCode, CreatedAt: at, UpdatedAt: at, StartedAt: &at, CollectionMode: "automatic",
		CustomData: t.CustomData, card: c,
	}
	if a.dataStays {
		s.CustomData = nil
	}
	for _, item := range t.Items {
		if item.Price.BillingCycle == nil {
			continue
		}
		s.BillingCycle = *item.Price.BillingCycle
		first := s.BillingCycle
		if item.Price.TrialPeriod != nil {
			s.Status, first = trialing, *item.Price.TrialPeriod
		}
		period := first.period(now)
		s.CurrentBillingPeriod, s.NextBilledAt = &period, &period.EndsAt
		s.Items = append(s.Items, a.newItem(s, item.Price, item.Quantity))
	}
	if len(s.Items) == 0 {
		return nil
	}
	if s.Status == active {
		s.FirstBilledAt = &at
		s.billed(at)
	} else {
		for i := range s.Items {
			s.Items[i].Status, s.Items[i].TrialDates = trialing, s.CurrentBillingPeriod
		}
	}
	a.subscriptions, a.subscriptionByID[s.ID] = append(a.subscriptions, s), s
	return s
}

func (a *account) newItem(s *Subscription, p *Price, quantity int64) SubscriptionItem {
	at := stamp(a.clock())
	return SubscriptionItem{
		Status: active, Quantity: quantity, Recurring: true, CreatedAt: at, UpdatedAt: at, NextBilledAt: s.NextBilledAt,
		Price: p, Product: a.productByID[p.ProductID],
	}
}

// billed writes down that all items were billed.
func (s *Subscription) billed(at string) {
	for i := range s.Items {
		s.Items[i].PreviouslyBilledAt, s.Items[i].NextBilledAt = &at, s.NextBilledAt
		s.Items[i].Status = active
	}
}

// alter changes a subscription and tells by an event of that name.
func (a *account) alter(s *Subscription, event string, edit func(now time.Time)) {
	edit(a.clock().UTC())
	s.UpdatedAt = stamp(a.clock())
	for i := range s.Items {
		s.Items[i].NextBilledAt = s.NextBilledAt
	}
	a.emit(event, s)
}

// answered adds what events do not have.
func (c *call) answered(s *Subscription) subscriptionAnswer {
	base := c.publicURL() + portalPath + c.portalFor(s.CustomerID)
	update := base + "#" + s.ID
	return subscriptionAnswer{s, managementURLs{&update, base + "#cancel-" + s.ID}}
}

func (c *call) subscription() (*Subscription, *apiError) {
	if s := c.subscriptionByID[c.id]; s != nil {
		return s, nil
	}
	return nil, notFound(c.id)
}

func (c *call) getSubscription() (any, *apiError) {
	s, err := c.subscription()
	if err != nil {
		return nil, err
	}
	return c.answered(s), nil
}

func (c *call) listSubscriptions() (any, *apiError) {
	filters := map[string]filter{}
	for name, allowed := range map[string][]string{
		"id": nil, "customer_id": nil, "price_id": nil, "status": subscriptionStatuses,
		"scheduled_change_action": {"cancel", "pause", "resume"},
	} {
		f, err := c.filter(name, allowed)
		if err != nil {
			return nil, err
		}
		filters[name] = f
	}
	match := func(s *Subscription) bool {
		action := ""
		if s.ScheduledChange != nil {
			action = s.ScheduledChange.Action
		}
		return filters["id"].has(s.ID) && filters["customer_id"].has(s.CustomerID) && filters["status"].has(s.Status) &&
			filters["scheduled_change_action"].has(action) && visible(s.CreatedAt, c.hidden) &&
			slices.ContainsFunc(s.Items, func(i SubscriptionItem) bool { return filters["price_id"].has(i.Price.ID) })
	}
	found, at, err := paged(c, c.subscriptions, c.subscriptionByID, byKey[*Subscription](), defaultPage, match)
	if err != nil {
		return nil, err
	}
	rows := make([]any, len(found))
	for i, s := range found {
		rows[i] = c.answered(s)
	}
	return listing{rows, at}, nil
}
