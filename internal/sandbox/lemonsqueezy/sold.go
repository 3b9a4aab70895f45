package lemonsqueezy

import "slices"

// What came of checkouts, and can be read: orders, customers and invoices, the newest first.

func listOrders(c *call) (any, *apiError) {
	passes, err := c.filtered("store_id", "user_email", "order_number")
	if err != nil {
		return nil, err
	}
	var all []*Order
	for _, x := range slices.Backward(c.orders) {
		if x.TestMode == c.test && passes("store_id", x.StoreID) && passes("user_email", x.UserEmail) &&
			passes("order_number", x.OrderNumber) {
			all = append(all, x)
		}
	}
	return page(c, "orders", all, func(x *Order) int64 { return x.ID })
}

func getOrder(c *call) (any, *apiError) {
	for _, x := range c.orders {
		if x.ID == c.id() && x.TestMode == c.test {
			return document("orders", x.ID, x), nil
		}
	}
	return nil, notFound()
}

func listCustomers(c *call) (any, *apiError) {
	passes, err := c.filtered("store_id", "email")
	if err != nil {
		return nil, err
	}
	var all []Customer
	for _, x := range slices.Backward(c.customers) {
		if x.TestMode == c.test && passes("store_id", x.StoreID) && passes("email", x.Email) {
			all = append(all, c.toldCustomer(x))
		}
	}
	return page(c, "customers", all, func(x Customer) int64 { return x.ID })
}

func getCustomer(c *call) (any, *apiError) {
	for _, x := range c.customers {
		if x.ID == c.id() && x.TestMode == c.test {
			return document("customers", x.ID, c.toldCustomer(x)), nil
		}
	}
	return nil, notFound()
}

// toldCustomer is a customer with the link to the portal, which only one with a subscription has.
func (s *Server) toldCustomer(x *Customer) Customer {
	out := *x
	out.URLs = map[string]string{}
	for _, sub := range s.subscriptions {
		if sub.CustomerID == x.ID {
			out.URLs["customer_portal"] = s.urlsOf(sub)["customer_portal"]
		}
	}
	return out
}

func listInvoices(c *call) (any, *apiError) {
	passes, err := c.filtered("store_id", "status", "refunded", "subscription_id")
	if err != nil {
		return nil, err
	}
	var all []*Invoice
	for _, x := range slices.Backward(c.invoices) {
		if x.TestMode == c.test && passes("store_id", x.StoreID) && passes("status", x.Status) &&
			passes("refunded", x.Refunded) && passes("subscription_id", x.SubscriptionID) {
			all = append(all, x)
		}
	}
	return page(c, "subscription-invoices", all, func(x *Invoice) int64 { return x.ID })
}

func getInvoice(c *call) (any, *apiError) {
	for _, x := range c.invoices {
		if x.ID == c.id() && x.TestMode == c.test {
			return document("subscription-invoices", x.ID, x), nil
		}
	}
	return nil, notFound()
}
