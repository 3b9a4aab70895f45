package paddle

import (
	"maps"
	"strconv"
	"strings"
	"time"
)

// entity is the wire form of what the stand-in has no type for.
type entity map[string]any

// sale is what a made-up event is about: a price of the account, if there is one, and somebody who buys it.
type sale struct {
	a            *account
	product      Product
	price        Price
	now          time.Time
	customer     string
	address      string
	subscription string
	transaction  string
}

// sample is the data of an event of that type. The account is locked.
func (a *account) sample(kind string) any {
	noun, verb, _ := strings.Cut(kind, ".")
	s := a.newSale()
	switch noun {
	case "product":
		return s.product
	case "price":
		return s.price
	case "subscription":
		return s.subscriptionAfter(verb)
	case "transaction":
		return s.transactionAfter(verb)
	case "adjustment":
		return s.adjustment(verb)
	default:
		return s.other(noun, verb)
	}
}

func (a *account) newSale() *sale {
	s := &sale{
		a: a, now: a.clock().UTC(), customer: a.newID("ctm"), address: a.newID("add"), subscription: a.newID("sub"),
		transaction: a.newID("txn"),
	}
	s.product = Product{
		ID: a.newID("pro"), Name: "Sample", TaxCategory: standard, Type: standard, Status: active,
		CreatedAt: s.now.Format(productTime), UpdatedAt: s.now.Format(productTime),
	}
	s.price = Price{
		ID: a.newID("pri"), ProductID: s.product.ID, Type: standard, Description: "Sample", TaxMode: "account_setting",
		BillingCycle: &Duration{"month", 1}, UnitPrice: Money{"2900", "USD"}, UnitPriceOverrides: []UnitPriceOverride{},
		Status: active, Quantity: Quantity{1, 100}, CreatedAt: s.now.Format(priceTime), UpdatedAt: s.now.Format(priceTime),
	}
	if n := len(a.products); n > 0 {
		s.product, s.price.ProductID = *a.products[n-1], a.products[n-1].ID
	}
	if n := len(a.prices); n > 0 {
		s.price = *a.prices[n-1]
		if product := a.productByID[s.price.ProductID]; product != nil {
			s.product = *product
		}
	}
	return s
}

func (s *sale) at(t time.Time) string { return stamp(t) }

// cycle is how often the price is charged; a one-time price is taken for one of a month, as only subscriptions ask.
func (s *sale) cycle() Duration {
	if s.price.BillingCycle == nil {
		return Duration{"month", 1}
	}
	return *s.price.BillingCycle
}

// after is the end of a number of units from a time.
func (d Duration) after(t time.Time) time.Time {
	n := int(d.Frequency)
	switch d.Interval {
	case "day":
		return t.AddDate(0, 0, n)
	case "week":
		return t.AddDate(0, 0, 7*n)
	case "year":
		return t.AddDate(n, 0, 0)
	default:
		return t.AddDate(0, n, 0)
	}
}

// period is the one that begins now.
func (s *sale) period() entity {
	return entity{"starts_at": s.at(s.now), "ends_at": s.at(s.cycle().after(s.now))}
}

// subscriptionAfter is a subscription as an event of that name finds it.
func (s *sale) subscriptionAfter(verb string) entity {
	next := any(s.at(s.cycle().after(s.now)))
	out := entity{
		"id": s.subscription, "status": active, "customer_id": s.customer, "address_id": s.address, "business_id": nil,
		"currency_code": s.price.UnitPrice.CurrencyCode, "created_at": s.at(s.now), "updated_at": s.at(s.now),
		"started_at": s.at(s.now), "first_billed_at": s.at(s.now), "next_billed_at": next, "paused_at": nil,
		"canceled_at": nil, "discount": nil, "collection_mode": "automatic", "billing_details": nil,
		"current_billing_period": s.period(), "billing_cycle": s.cycle(), "scheduled_change": nil, "custom_data": nil,
		"import_meta": nil,
	}
	item := entity{
		"status": active, "quantity": 1, "recurring": true, "created_at": s.at(s.now), "updated_at": s.at(s.now),
		"previously_billed_at": s.at(s.now), "next_billed_at": next, "trial_dates": nil, "price": s.price,
		"product": s.product,
	}
	out["items"] = []any{item}
	switch verb {
	case "created":
		out["transaction_id"] = s.transaction // the only event that has it
	case "trialing":
		out["status"], out["first_billed_at"], item["status"] = "trialing", nil, "trialing"
		item["previously_billed_at"], item["trial_dates"] = nil, s.period()
	case "past_due":
		out["status"] = "past_due"
	case "paused":
		out["status"], out["paused_at"], item["status"] = "paused", s.at(s.now), "inactive"
		out["current_billing_period"], out["next_billed_at"], item["next_billed_at"] = nil, nil, nil
	case "canceled":
		out["status"], out["canceled_at"], item["status"] = "canceled", s.at(s.now), "inactive"
		out["current_billing_period"], out["next_billed_at"], item["next_billed_at"] = nil, nil, nil
	}
	return out
}

// standing is what a transaction is after an event.
type standing struct {
	status, origin string
	payment        string // status of the latest payment; empty: none was tried
}

func standingAfter(verb string) standing {
	switch verb {
	case "billed":
		return standing{"billed", "api", ""}
	case "canceled":
		return standing{"canceled", "api", ""}
	case "completed", "paid":
		return standing{verb, "web", "captured"}
	case "revised":
		return standing{"completed", "web", "captured"}
	case "past_due", "payment_failed":
		return standing{"past_due", "subscription_recurring", "error"}
	case "created":
		return standing{"draft", "web", ""}
	default:
		return standing{"ready", "web", ""}
	}
}

// transactionAfter is a transaction as an event of that name finds it.
func (s *sale) transactionAfter(verb string) entity {
	after, total, currency := standingAfter(verb), s.price.UnitPrice.Amount, s.price.UnitPrice.CurrencyCode
	settled := after.payment == "captured"
	out := entity{
		"id": s.transaction, "status": after.status, "customer_id": s.customer, "address_id": s.address,
		"business_id": nil, "custom_data": nil, "currency_code": currency, "origin": after.origin, "subscription_id": nil,
		"invoice_id": nil, "invoice_number": nil, "collection_mode": "automatic", "discount_id": nil,
		"billing_details": nil, "billing_period": nil, "payments": []any{}, "created_at": s.at(s.now),
		"items":    []any{entity{"price": s.price, "quantity": 1, "proration": nil}},
		"details":  s.details(settled),
		"checkout": entity{"url": "https://shop.example.com/pay?_ptxn=" + s.transaction}, "updated_at": s.at(s.now),
		"billed_at": nil, "revised_at": nil,
	}
	recurring := s.price.BillingCycle != nil
	if after.status == "draft" {
		out["customer_id"], out["address_id"] = nil, nil
	}
	if settled || after.status == "past_due" || after.status == "billed" {
		out["billed_at"] = s.at(s.now)
		if recurring {
			out["billing_period"] = s.period()
		}
	}
	// A subscription is made when its first transaction completes.
	if recurring && (after.status == "completed" || after.origin == "subscription_recurring") {
		out["subscription_id"] = s.subscription
	}
	if after.status == "completed" {
		out["invoice_id"], out["invoice_number"] = s.a.newID("inv"), "1-10001"
	}
	if verb == "revised" {
		out["revised_at"] = s.at(s.now)
	}
	if after.payment != "" {
		out["payments"] = []any{s.payment(after.payment, total)}
	}
	return out
}

func (s *sale) payment(status, amount string) entity {
	out := entity{
		"payment_attempt_id": newRequestID(), "stored_payment_method_id": newRequestID(),
		"payment_method_id": s.a.newID("paymtd"), "amount": amount, "status": status, "error_code": nil,
		"method_details": entity{"type": "card", "card": entity{
			"type": "visa", "last4": "4242", "expiry_month": 1, "expiry_year": s.now.Year() + 3, "cardholder_name": "Sam Buyer",
		}},
		"created_at": s.at(s.now), "captured_at": nil,
	}
	if status == "captured" {
		out["captured_at"] = s.at(s.now)
	} else {
		out["error_code"] = "declined"
	}
	return out
}

// details are a transaction's sums, without tax. What Paddle keeps is known when it is settled.
func (s *sale) details(settled bool) entity {
	total, currency := s.price.UnitPrice.Amount, s.price.UnitPrice.CurrencyCode
	plain := entity{"subtotal": total, "discount": "0", "tax": "0", "total": total}
	fee, earnings := any(nil), any(nil)
	if settled {
		fee, earnings = shares(total)
	}
	totals := entity{
		"subtotal": total, "discount": "0", "tax": "0", "total": total, "credit": "0", "credit_to_balance": "0",
		"balance": "0", "grand_total": total, "fee": fee, "earnings": earnings, "currency_code": currency,
	}
	out := entity{
		"tax_rates_used": []any{entity{"tax_rate": "0", "totals": plain}}, "totals": totals,
		"adjusted_totals": entity{
			"subtotal": total, "tax": "0", "total": total, "grand_total": total, "fee": fee, "earnings": earnings,
			"currency_code": currency,
		},
		"payout_totals": nil,
		"line_items": []any{entity{
			"id": s.a.newID("txnitm"), "price_id": s.price.ID, "quantity": 1, "proration": nil, "tax_rate": "0",
			"unit_totals": plain, "totals": plain, "product": s.product,
		}},
	}
	if settled && currency == "USD" {
		out["payout_totals"] = totals
	}
	return out
}

// shares divides an amount between Paddle and the seller.
func shares(total string) (fee, earnings any) {
	n, err := strconv.ParseInt(total, 10, 64)
	if err != nil {
		return "0", total
	}
	cut := n / 20
	return strconv.FormatInt(cut, 10), strconv.FormatInt(n-cut, 10)
}

// adjustment is a refund of all of a transaction, which Paddle approves later.
func (s *sale) adjustment(verb string) entity {
	total, currency := s.price.UnitPrice.Amount, s.price.UnitPrice.CurrencyCode
	fee, earnings := shares(total)
	sums := entity{
		"subtotal": total, "tax": "0", "total": total, "fee": fee, "earnings": earnings, "currency_code": currency,
	}
	out := entity{
		"id": s.a.newID("adj"), "action": "refund", "type": "full", "transaction_id": s.transaction,
		"subscription_id": s.subscription, "customer_id": s.customer, "reason": "requested by the customer",
		"credit_applied_to_balance": nil, "currency_code": currency, "status": "pending_approval",
		"items": []any{entity{
			"id": s.a.newID("adjitm"), "item_id": s.a.newID("txnitm"), "type": "full", "amount": total, "proration": nil,
			"totals": entity{"subtotal": total, "tax": "0", "total": total},
		}},
		"totals": sums, "payout_totals": nil,
		"tax_rates_used": []any{
			entity{"tax_rate": "0", "totals": entity{"subtotal": total, "tax": "0", "total": total}},
		},
		"created_at": s.at(s.now), "updated_at": s.at(s.now),
	}
	if currency == "USD" {
		out["payout_totals"] = sums
	}
	if verb == "updated" {
		out["status"] = "approved"
	}
	return out
}

// other is an entity that Kassa has no use for, or hardly any.
func (s *sale) other(noun, verb string) entity {
	out := entity{"created_at": s.at(s.now), "updated_at": s.at(s.now)}
	set := func(prefix string, fields entity) {
		out["id"] = s.a.newID(prefix)
		maps.Copy(out, fields)
	}
	mine := entity{"status": active, "custom_data": nil, "import_meta": nil}
	switch noun {
	case "customer":
		set("ctm", mine)
		out["name"], out["email"], out["marketing_consent"], out["locale"] = "Sam Buyer", "buyer@example.com", false, "en"
	case "address":
		set("add", mine)
		for _, name := range []string{"description", "first_line", "second_line", "city", "region"} {
			out[name] = nil
		}
		out["customer_id"], out["postal_code"], out["country_code"] = s.customer, "10001", "US"
	case "business":
		set("biz", mine)
		out["customer_id"], out["name"], out["company_number"], out["tax_identifier"] = s.customer, "Sample", nil, nil
		out["contacts"] = []any{entity{"name": "Sam Buyer", "email": "buyer@example.com"}}
	case "discount":
		set("dsc", mine)
		for _, name := range []string{
			"currency_code", "maximum_recurring_intervals", "usage_limit", "restrict_to", "expires_at",
		} {
			out[name] = nil
		}
		out["description"], out["enabled_for_checkout"], out["code"], out["recur"] = "Sample", true, "SAMPLE10", false
		out["type"], out["mode"], out["amount"] = "percentage", standard, "10"
	case "discount_group":
		set("dsg", entity{"name": "Sample", "status": active, "import_meta": nil})
	case "payment_method":
		delete(out, "created_at")
		set("paymtd", entity{
			"customer_id": s.customer, "address_id": s.address, "type": "card", "origin": "subscription",
			"saved_at": s.at(s.now),
		})
		if verb == "deleted" {
			out["deletion_reason"] = "replaced_by_newer_version"
		}
	case "payout":
		status := map[string]string{"created": "unpaid", "paid": "paid"}[verb]
		return entity{"id": s.a.newID("pay"), "status": status, "amount": "2755", "currency_code": "USD"}
	case "report":
		set("rep", entity{"status": "pending", "rows": nil, "expires_at": nil, "type": "transactions", "filters": []any{}})
		if verb == "updated" {
			out["status"], out["rows"], out["expires_at"] = "ready", 1, s.at(s.now.AddDate(0, 0, 14))
		}
	case "api_key":
		id := s.a.newID("apikey")
		status := active
		if verb == "expired" || verb == "revoked" {
			status = verb
		}
		set("apikey", entity{
			"id": id, "name": "Sample", "description": nil, "key": "pdl_sdbx_" + id + "_****", "status": status,
			"permissions": []any{"product.read"}, "expires_at": s.at(s.now.AddDate(0, 3, 0)), "last_used_at": nil,
		})
	default: // client_token
		set("ctkn", entity{
			"name": "Sample", "description": nil, "status": active, "token": "test_" + strings.Repeat("0", 27),
			"revoked_at": nil,
		})
	}
	return out
}
