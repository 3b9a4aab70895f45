package paddle

import (
	"net/http"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Customer is a customer on the wire.
type Customer struct {
	ID               string         `json:"id"`
	Name             *string        `json:"name"`
	Email            string         `json:"email"`
	MarketingConsent bool           `json:"marketing_consent"`
	Status           string         `json:"status"` // active or archived
	CustomData       map[string]any `json:"custom_data"`
	Locale           string         `json:"locale"`
	CreatedAt        string         `json:"created_at"`
	UpdatedAt        string         `json:"updated_at"`
	ImportMeta       *ImportMeta    `json:"import_meta"`
}

func (p *Customer) key() string       { return p.ID }
func (p *Customer) createdAt() string { return p.CreatedAt }
func (p *Customer) state() string     { return p.Status }
func (p *Customer) kind() string      { return standard }
func (p *Customer) now(t time.Time)   { p.UpdatedAt = t.UTC().Format(productTime) }

var (
	customerFields = shape{
		"email": {required: true, check: both(
			text(1, 320), matching(`^[^\s@,]+@[^\s@,]+\.[^\s@,]+$`, "a valid email"),
		)},
		"name":        {null: true, check: text(1, 1024)},
		"custom_data": {null: true, check: object},
		"locale":      {check: text(1, 20)},
	}
	customerChanges = withStatus(customerFields)
)

func (a *account) customerByEmail(email string) *Customer {
	for _, p := range a.customers {
		if billing.SameEmail(p.Email, email) {
			return p
		}
	}
	return nil
}

// unique refuses a second customer of one address.
func (a *account) unique(p *Customer) *apiError {
	if other := a.customerByEmail(p.Email); other != nil && other.ID != p.ID {
		return newError(http.StatusConflict, "customers", "customer_already_exists",
			"customer email conflicts with customer of id "+other.ID)
	}
	return nil
}

func (a *account) addCustomer(p *Customer) *Customer {
	p.ID = a.newID("ctm")
	p.now(a.clock())
	p.CreatedAt = p.UpdatedAt
	a.customers, a.customerByID[p.ID] = append(a.customers, p), p
	a.emit("customer.created", p)
	return p
}

func (c *call) createCustomer() (any, *apiError) {
	if err := c.read(customerFields); err != nil {
		return nil, err
	}
	p, err := overlay(&Customer{Status: active, Locale: "en"}, c.fields)
	if err != nil {
		return nil, err
	}
	if err := c.unique(p); err != nil {
		return nil, err
	}
	return c.addCustomer(p), nil
}

func (c *call) getCustomer() (any, *apiError) {
	if p := c.customerByID[c.id]; p != nil {
		return p, nil
	}
	return nil, notFound(c.id)
}

func (c *call) updateCustomer() (any, *apiError) {
	old := c.customerByID[c.id]
	if old == nil {
		return nil, notFound(c.id)
	}
	if err := c.read(customerChanges); err != nil {
		return nil, err
	}
	p, err := overlay(old, c.fields)
	if err != nil {
		return nil, err
	}
	if c.frozen(old.Status, p.Status) {
		return nil, archived("Customer", old.ID)
	}
	if err := c.unique(p); err != nil {
		return nil, err
	}
	p.now(c.clock())
	*old = *p
	c.emit("customer.updated", old)
	return old, nil
}

func (c *call) listCustomers() (any, *apiError) {
	emails, err := c.filter("email", nil)
	if err != nil {
		return nil, err
	}
	search := strings.ToLower(c.query["search"])
	found, at, err := list(c, c.customers, c.customerByID, byKey[*Customer](), func(p *Customer) bool {
		all := strings.ToLower(p.ID + "\n" + deref(p.Name) + "\n" + p.Email)
		return emails.has(p.Email) && strings.Contains(all, search)
	})
	if err != nil {
		return nil, err
	}
	return listing{anys(found), at}, nil
}
