package paddle

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// Transaction is a transaction on the wire.
type Transaction struct {
	ID             string            `json:"id"`
	Status         string            `json:"status"` // draft, ready, billed, paid, completed, canceled or past_due
	CustomerID     *string           `json:"customer_id"`
	AddressID      *string           `json:"address_id"`
	BusinessID     *string           `json:"business_id"`
	CustomData     map[string]any    `json:"custom_data"`
	CurrencyCode   string            `json:"currency_code"`
	Origin         string            `json:"origin"`
	SubscriptionID *string           `json:"subscription_id"`
	InvoiceID      *string           `json:"invoice_id"`
	InvoiceNumber  *string           `json:"invoice_number"`
	CollectionMode string            `json:"collection_mode"`
	DiscountID     *string           `json:"discount_id"`
	BillingDetails any               `json:"billing_details"`
	BillingPeriod  *Period           `json:"billing_period"`
	Items          []TransactionItem `json:"items"`
	Details        any               `json:"details"`
	Payments       []Payment         `json:"payments"` // the latest attempt first
	Checkout       *Checkout         `json:"checkout"`
	CreatedAt      string            `json:"created_at"`
	UpdatedAt      string            `json:"updated_at"`
	BilledAt       *string           `json:"billed_at"`
	RevisedAt      *string           `json:"revised_at"`

	due     int64           // in minor units
	credit  int64           // that is taken off
	pending *hosted.Details // a card that waits for its second page
}

// TransactionItem is one position of a transaction.
type TransactionItem struct {
	Price     *Price     `json:"price"`
	Quantity  int64      `json:"quantity"`
	Proration *Proration `json:"proration"`
}

// Proration says what part of a period an item is for.
type Proration struct {
	Rate          string `json:"rate"`
	BillingPeriod Period `json:"billing_period"`
}

// Period is a time from and to.
type Period struct {
	StartsAt string `json:"starts_at"`
	EndsAt   string `json:"ends_at"`
}

// Checkout is where a transaction can be paid.
type Checkout struct {
	URL *string `json:"url"`
}

func (t *Transaction) key() string { return t.ID }

// The statuses and origins of transactions.
const (
	draft     = "draft"
	ready     = "ready"
	billed    = "billed"
	paid      = "paid"
	completed = "completed"
	canceled  = "canceled"
	pastDue   = "past_due"

	originAPI       = "api"
	originRecurring = "subscription_recurring"
	originUpdate    = "subscription_update"
)

var (
	transactionStatuses = []string{draft, ready, billed, paid, completed, canceled, pastDue}
	transactionOrigins  = []string{
		originAPI, "subscription_charge", "subscription_payment_method_change", originRecurring, originUpdate, "web",
	}
	itemFields = shape{
		"price_id": {required: true, check: matching(`^pri_[a-z\d]{26}$`, "a valid Paddle ID for a price")},
		"quantity": {required: true, check: integer(1, 999_999_999)},
	}
	transactionFields = shape{
		"items":           {required: true, check: listOf(1, 100, itemFields.check)},
		"customer_id":     {null: true, check: matching(`^ctm_[a-z\d]{26}$`, "a valid Paddle ID for a customer")},
		"currency_code":   {null: true, check: oneOf(currencies)},
		"collection_mode": {check: oneOf([]string{"automatic"})}, // there are no invoices here
		"custom_data":     {null: true, check: object},
		"checkout":        {null: true, check: shape{"url": {null: true, check: text(1, 2048)}}.check},
	}
)

// transactionInput is a create request's body.
type transactionInput struct {
	Items []struct {
		PriceID  string `json:"price_id"`
		Quantity int64  `json:"quantity"`
	} `json:"items"`
	CustomerID   *string        `json:"customer_id"`
	CurrencyCode string         `json:"currency_code"`
	CustomData   map[string]any `json:"custom_data"`
	Checkout     *Checkout      `json:"checkout"`
}

func transactionError(code, detail string) *apiError {
	return newError(http.StatusBadRequest, "transactions", code, detail)
}

func (c *call) createTransaction() (any, *apiError) {
	if err := c.read(transactionFields); err != nil {
		return nil, err
	}
	in := &transactionInput{}
	if err := decode(c.body, in); err != nil {
		return nil, invalidJSON()
	}
	t := &Transaction{
		Status: draft, CustomerID: in.CustomerID, CurrencyCode: in.CurrencyCode, CustomData: in.CustomData,
		Origin: originAPI, CollectionMode: "automatic", Payments: []Payment{},
	}
	if in.CustomerID != nil {
		switch customer := c.customerByID[*in.CustomerID]; {
		case customer == nil:
			return nil, notFound(*in.CustomerID)
		case customer.Status == archivedStatus:
			return nil, archived("Customer", customer.ID)
		}
	}
	for _, item := range in.Items {
		if err := c.addItem(t, item.PriceID, item.Quantity); err != nil {
			return nil, err
		}
	}
	link, err := c.linkFor(in.Checkout)
	if err != nil {
		return nil, err
	}
	if t.CurrencyCode == "" {
		t.CurrencyCode = t.Items[0].Price.UnitPrice.CurrencyCode
	}
	c.addTransaction(t, link)
	c.emit("transaction.created", t)
	return t, nil
}

// addItem puts a price as it is now on the transaction.
func (a *account) addItem(t *Transaction, id string, quantity int64) *apiError {
	p, err := a.sellable(id, quantity)
	if err != nil {
		return err
	}
	for _, other := range t.Items {
		switch {
		case other.Price.ID == id:
			return transactionError("transaction_duplicate_price_ids", "price "+id+" is there twice")
		case p.BillingCycle != nil && other.Price.BillingCycle != nil && *p.BillingCycle != *other.Price.BillingCycle:
			return transactionError("transaction_price_different_billing_cycle", "billing cycles of prices differ")
		}
	}
	t.Items = append(t.Items, TransactionItem{Price: p, Quantity: quantity})
	return nil
}

// sellable is a copy of a price that can be bought in that quantity.
func (a *account) sellable(id string, quantity int64) (*Price, *apiError) {
	p := a.priceByID[id]
	switch {
	case p == nil:
		return nil, transactionError("transaction_price_not_found", "price "+id+" not found")
	case p.Status == archivedStatus:
		return nil, archived("Price", id)
	case quantity < p.Quantity.Minimum || quantity > p.Quantity.Maximum:
		return nil, transactionError("transaction_item_quantity_out_of_range",
			"quantity of price "+id+" is out of range")
	}
	snapshot := *p
	return &snapshot, nil
}

// linkFor is the page that a checkout is paid on: the request's, or the account's default one, without which Paddle
// makes no transaction at all.
func (a *account) linkFor(in *Checkout) (string, *apiError) {
	if a.paymentLink == "" {
		return "", transactionError("transaction_default_checkout_url_not_set",
			"A Default Payment Link has not yet been defined within the Paddle Dashboard.")
	}
	if in == nil || in.URL == nil {
		return a.paymentLink, nil
	}
	u, err := url.Parse(*in.URL)
	if err != nil || u.Host == "" {
		return "", invalidFields(wrong("checkout.url", "must be a valid URL")...)
	}
	if a.approvedDomains != nil && !slices.Contains(a.approvedDomains, u.Hostname()) {
		return "", transactionError("transaction_checkout_url_domain_is_not_approved",
			"The domain "+u.Hostname()+" is not approved.")
	}
	return *in.URL, nil
}

// addTransaction keeps a transaction; with a link it can be paid there.
func (a *account) addTransaction(t *Transaction, link string) {
	t.ID = a.newID("txn")
	t.CreatedAt = stamp(a.clock())
	t.UpdatedAt = t.CreatedAt
	if link != "" {
		u, _ := url.Parse(link) // it was read before
		q := u.Query()
		q.Set("_ptxn", t.ID)
		u.RawQuery = q.Encode()
		whole := u.String()
		t.Checkout = &Checkout{URL: &whole}
	} else {
		t.Checkout = &Checkout{}
	}
	a.sum(t)
	a.transactions, a.transactionByID[t.ID] = append(a.transactions, t), t
}

// change alters a transaction, and tells by an event of that name.
func (a *account) change(t *Transaction, event string, edit func(now time.Time)) {
	edit(a.clock())
	t.UpdatedAt = stamp(a.clock())
	a.sum(t)
	a.emit(event, t)
}

func (c *call) getTransaction() (any, *apiError) {
	if t := c.transactionByID[c.id]; t != nil {
		return t, nil
	}
	return nil, notFound(c.id)
}

// transactionsPage is the largest page of transactions.
const transactionsPage = 30

func (c *call) listTransactions() (any, *apiError) {
	filters := map[string]filter{}
	for name, allowed := range map[string][]string{
		"id": nil, "customer_id": nil, "subscription_id": nil, "status": transactionStatuses, "origin": transactionOrigins,
	} {
		f, err := c.filter(name, allowed)
		if err != nil {
			return nil, err
		}
		filters[name] = f
	}
	if n, err := c.perPage(transactionsPage); err == nil {
		c.query["per_page"] = number(int64(min(n, transactionsPage)))
	}
	found, at, err := paged(c, c.transactions, c.transactionByID, transactionOrders, transactionsPage,
		func(t *Transaction) bool {
			return filters["id"].has(t.ID) && filters["customer_id"].has(orNull(t.CustomerID)) &&
				filters["subscription_id"].has(orNull(t.SubscriptionID)) && filters["status"].has(t.Status) &&
				filters["origin"].has(t.Origin) && visible(t.CreatedAt, c.hidden)
		})
	if err != nil {
		return nil, err
	}
	return listing{anys(found), at}, nil
}

var transactionOrders = map[string]func(*Transaction) string{
	"id":         func(t *Transaction) string { return t.ID },
	"created_at": func(t *Transaction) string { return t.CreatedAt },
	"updated_at": func(t *Transaction) string { return t.UpdatedAt },
	"billed_at":  func(t *Transaction) string { return deref(t.BilledAt) },
}

// orNull is how a filter names what is not there.
func orNull(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// visible tells whether a list shows what was created at that time.
func visible(createdAt string, hidden time.Time) bool {
	at, err := time.Parse(time.RFC3339Nano, createdAt)
	return hidden.IsZero() || err != nil || !at.After(hidden)
}
