package lemonsqueezy

import "github.com/kassa-dev/kassa/internal/billing"

// Order is an order on the wire.
type Order struct {
	ID          int64  `json:"-"`
	StoreID     int64  `json:"store_id"`
	CustomerID  int64  `json:"customer_id"`
	Identifier  string `json:"identifier"`
	OrderNumber int64  `json:"order_number"`
	UserName    string `json:"user_name"`
	UserEmail   string `json:"user_email"`
	amounts
	SetupFee          int64   `json:"setup_fee"`
	SetupFeeUSD       int64   `json:"setup_fee_usd"`
	SetupFeeFormatted string  `json:"setup_fee_formatted"`
	TaxName           *string `json:"tax_name"`
	TaxRate           string  `json:"tax_rate"`
	Status            string  `json:"status"` // paid or refunded
	StatusFormatted   string  `json:"status_formatted"`
	refund
	FirstOrderItem OrderItem         `json:"first_order_item"`
	URLs           map[string]string `json:"urls"`
	CreatedAt      Stamp             `json:"created_at"`
	UpdatedAt      Stamp             `json:"updated_at"`
	TestMode       bool              `json:"test_mode"`
}

// OrderItem is what was bought.
type OrderItem struct {
	ID          int64  `json:"id"`
	OrderID     int64  `json:"order_id"`
	ProductID   int64  `json:"product_id"`
	VariantID   int64  `json:"variant_id"`
	PriceID     int64  `json:"price_id"`
	ProductName string `json:"product_name"`
	VariantName string `json:"variant_name"`
	Price       int64  `json:"price"`
	Quantity    int64  `json:"quantity"`
	CreatedAt   Stamp  `json:"created_at"`
	UpdatedAt   Stamp  `json:"updated_at"`
	TestMode    bool   `json:"test_mode"`
}

// Customer is a customer on the wire.
type Customer struct {
	ID              int64             `json:"-"`
	StoreID         int64             `json:"store_id"`
	Name            string            `json:"name"`
	Email           string            `json:"email"`
	Status          string            `json:"status"`
	StatusFormatted string            `json:"status_formatted"`
	URLs            map[string]string `json:"urls"`
	CreatedAt       Stamp             `json:"created_at"`
	UpdatedAt       Stamp             `json:"updated_at"`
	TestMode        bool              `json:"test_mode"`
}

func (s *Server) newOrder(b *sale) *Order {
	id, at := s.nextID(), Stamp{s.now()}
	return &Order{
		ID: id, StoreID: b.store.ID, CustomerID: b.customer, Identifier: newUUID(), OrderNumber: id,
		UserName: b.name, UserEmail: b.email, amounts: amountsOf(b.store.Currency, b.dueNow()), TaxRate: "0.00",
		SetupFeeFormatted: formatted(b.store.Currency, 0), Status: "paid", StatusFormatted: "Paid",
		refund: refund{RefundedAmountFormatted: formatted(b.store.Currency, 0)},
		FirstOrderItem: OrderItem{
			ID: s.nextID(), OrderID: id, ProductID: b.product.ID, VariantID: b.variant.ID, PriceID: b.price.ID,
			ProductName: b.product.Name, VariantName: b.variant.Name, Price: b.dueNow(), Quantity: b.quantity, CreatedAt: at,
			UpdatedAt: at, TestMode: !b.live,
		},
		URLs: map[string]string{"receipt": "https://shop.example.com/receipt"}, CreatedAt: at, UpdatedAt: at,
		TestMode: !b.live,
	}
}

func (o *Order) resource() map[string]any {
	return resource("orders", o.ID, o)
}

// customerOf is the store's customer of an email, who is made at the first purchase.
func (s *Server) customerOf(b *sale) *Customer {
	for _, x := range s.customers {
		if x.StoreID == b.store.ID && billing.SameEmail(x.Email, b.email) && x.TestMode != b.live {
			return x
		}
	}
	at := Stamp{s.now()}
	made := &Customer{
		ID: s.nextID(), StoreID: b.store.ID, Name: b.name, Email: b.email, Status: "subscribed",
		StatusFormatted: "Subscribed", CreatedAt: at, UpdatedAt: at, TestMode: !b.live,
	}
	s.customers = append(s.customers, made)
	return made
}

// buy is what becomes of a checkout that was paid: an order, and a subscription if the price recurs. A trial begins
// without an invoice.
func (s *Server) buy(b *sale) {
	b.customer = s.customerOf(b).ID
	o := s.newOrder(b)
	s.orders = append(s.orders, o)
	s.publish(o.StoreID, Notice{
		Type: "order_created", Data: plain(o.resource()), CustomData: b.custom, Live: b.live,
	})
	if !b.recurring() {
		return
	}
	sub := s.newSubscription(b, o)
	s.subscriptions = append(s.subscriptions, sub)
	s.tellOf(sub, "subscription_created")
	if !b.onTrial() {
		in := s.newInvoice(sub, "initial", b.amount())
		s.invoices = append(s.invoices, in)
		s.settleInvoice(sub, in)
	}
}
