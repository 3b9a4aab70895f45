package paddle

import (
	"slices"
	"strings"
)

// View reads and edits one account, for tests and for the sandbox's own door. What it returns are copies.
type View struct{ a *account }

// Writes are the numbers of changes that requests have made. Edits are not counted.
type Writes struct {
	ProductsCreated int `json:"products_created"`
	ProductsUpdated int `json:"products_updated"`
	PricesCreated   int `json:"prices_created"`
	PricesUpdated   int `json:"prices_updated"`
}

// Account is the account that an API key addresses, also when the key has been revoked. A text that is no key gives
// an account of its own without data.
func (s *Server) Account(key string) View {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, known := s.opt.meaning(key)
	if !known {
		return View{newAccount(s, Key{Account: accountID(key)})}
	}
	return View{s.accountLocked(at)}
}

// Accounts are all accounts that have been used, sorted by id, test before live.
func (s *Server) Accounts() []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []View
	for _, a := range s.accounts {
		out = append(out, View{a})
	}
	slices.SortFunc(out, func(x, y View) int {
		if x.a.id == y.a.id && x.a.live != y.a.live {
			if y.a.live {
				return -1
			}
			return 1
		}
		return strings.Compare(x.a.id, y.a.id)
	})
	return out
}

// ID is the account's id, which only the sandbox knows.
func (v View) ID() string { return v.a.id }

// Live is the mode.
func (v View) Live() bool { return v.a.live }

// Products are all products, active or not, oldest first.
func (v View) Products() []Product {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	return copies(v.a.products)
}

// Prices are all prices, active or not, oldest first.
func (v View) Prices() []Price {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	return copies(v.a.prices)
}

// Customers are all customers, oldest first.
func (v View) Customers() []Customer {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	return copies(v.a.customers)
}

// Transactions are all transactions, oldest first.
func (v View) Transactions() []Transaction {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	return copies(v.a.transactions)
}

// Subscriptions are all subscriptions, oldest first.
func (v View) Subscriptions() []Subscription {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	return copies(v.a.subscriptions)
}

// Settings are all notification settings with their secrets, active or not, oldest first.
func (v View) Settings() []Setting {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	return copies(v.a.settings)
}

// Writes are what requests have changed so far.
func (v View) Writes() Writes {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	return v.a.writes
}

// EditProduct changes a product as somebody in the dashboard could, without Paddle's rules. Its id stays.
func (v View) EditProduct(id string, edit func(*Product)) error {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	p := v.a.productByID[id]
	if p == nil {
		return ErrNotFound
	}
	p.now(v.a.clock())
	edit(p)
	p.ID = id
	v.a.emit("product.updated", p)
	return nil
}

// EditPrice changes a price as somebody in the dashboard could, without Paddle's rules. Its id stays.
func (v View) EditPrice(id string, edit func(*Price)) error {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	p := v.a.priceByID[id]
	if p == nil {
		return ErrNotFound
	}
	p.now(v.a.clock())
	edit(p)
	p.ID = id
	v.a.emit("price.updated", p)
	return nil
}

// State is a dump of what the account has, and of the notification settings without their secrets.
type State struct {
	Account  string    `json:"account"`
	Live     bool      `json:"live"`
	Writes   Writes    `json:"writes"`
	Products []Product `json:"products"`
	Prices   []Price   `json:"prices"`
	Settings []Setting `json:"notification_settings"`

	Customers     []Customer     `json:"customers"`
	Transactions  []Transaction  `json:"transactions"`
	Subscriptions []Subscription `json:"subscriptions"`
}

// State dumps the account.
func (v View) State() State {
	settings := v.Settings()
	for i := range settings {
		settings[i].Secret = ""
	}
	return State{
		Account: v.ID(), Live: v.Live(), Writes: v.Writes(), Products: v.Products(), Prices: v.Prices(),
		Settings: settings, Customers: v.Customers(), Transactions: v.Transactions(), Subscriptions: v.Subscriptions(),
	}
}

func copies[T any](rows []*T) []T {
	out := make([]T, 0, len(rows))
	for _, r := range rows {
		if c, err := overlay(r, nil); err == nil {
			out = append(out, *c)
		}
	}
	return out
}
