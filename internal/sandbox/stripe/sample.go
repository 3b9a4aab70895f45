package stripe

import (
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// buyerEmail is who buys in what is made up.
const buyerEmail = "buyer@example.com"

// sale is a subscription with all that belongs to it.
type sale struct {
	customer, method, subscription, invoice, intent *resource
	charge                                          object
}

// sample is an object that an event of the type can be about, in the state that the event tells of. The account is
// locked.
func (a *account) sample(kind string) any {
	dot := strings.LastIndex(kind, ".")
	noun, verb := kind[:dot], kind[dot+1:]
	switch noun {
	case "product":
		if n := len(a.products.rows); n > 0 {
			return a.products.rows[n-1]
		}
		product, _ := a.sold(false)
		return product
	case "price":
		_, price := a.sold(false)
		return price
	}
	o := a.subject(noun).clone()
	a.enter(o, noun, verb)
	return o
}

// sold is the latest price, or the latest that recurs where there is one and recurring is asked for, with its product;
// or else made-up ones.
func (a *account) sold(recurring bool) (*Product, *Price) {
	now, amount, digits := a.now().Unix(), int64(2900), "2900"
	product := &Product{
		ID: newID("prod"), Object: "product", Active: true, Created: now, Updated: now, Name: "Sample",
		Features: []Feature{}, Images: []string{}, Livemode: a.live, Metadata: map[string]string{},
	}
	price := &Price{
		ID: newID("price"), Object: "price", Active: true, BillingScheme: "per_unit", Created: now, Currency: "usd",
		Livemode: a.live, Metadata: map[string]string{}, TaxBehavior: "unspecified", Type: "recurring",
		UnitAmount: &amount, UnitAmountDecimal: &digits,
		Recurring: &Recurring{Interval: "month", IntervalCount: 1, UsageType: "licensed"},
	}
	price.Product = product.ID
	preferred := false
	for _, p := range a.prices.rows {
		fits := !recurring || p.Recurring != nil
		if fits || !preferred {
			price, preferred = p, fits
		}
	}
	if p := a.products.byID[price.Product]; p != nil {
		product = p
	}
	return product, price
}

// subject is the latest object of a kind, or one that is made up and kept, so that it can be read by its id.
func (a *account) subject(noun string) object {
	kind := strings.TrimPrefix(noun, "customer.")
	if rows := a.table(kind).rows; len(rows) > 0 {
		return rows[len(rows)-1].object
	}
	switch kind {
	case "customer":
		return a.newCustomer(buyerEmail).object
	case "checkout.session":
		return a.sampleSession()
	case "coupon":
		return a.sampleCoupon()
	case "promotion_code":
		return a.keep(object{
			"id": newID("promo"), "object": "promotion_code", "active": true, "code": "SAMPLE10",
			"coupon": a.sampleCoupon(), "created": a.now().Unix(), "customer": nil, "expires_at": nil, "livemode": a.live,
			"max_redemptions": nil, "metadata": map[string]string{}, "restrictions": object{
				"first_time_transaction": false, "minimum_amount": nil, "minimum_amount_currency": nil,
			},
			"times_redeemed": int64(0),
		}).object
	}
	s := a.sampleSale()
	switch kind {
	case "subscription":
		return s.subscription.object
	case "invoice":
		return s.invoice.object
	case "charge":
		return s.charge
	case "payment_intent":
		return s.intent.object
	case "payment_method":
		return s.method.object
	case "refund", "charge.refund":
		return a.sampleRefund(s)
	case "charge.dispute":
		return a.sampleDispute(s)
	case "discount":
		return object{
			"id": newID("di"), "object": "discount", "checkout_session": nil, "coupon": a.sampleCoupon(),
			"customer": s.customer.key(), "end": nil, "invoice": nil, "invoice_item": nil, "promotion_code": nil,
			"start": a.now().Unix(), "subscription": s.subscription.key(),
		}
	default:
		return object{
			"id": newID(initials(noun)), "object": noun, "created": a.now().Unix(), "livemode": a.live,
			"metadata": map[string]string{},
		}
	}
}

// sampleSale makes a subscription that was paid, without announcing it.
func (a *account) sampleSale() *sale {
	product, price := a.sold(true)
	if price.Recurring == nil {
		month := *price
		month.Type, month.Recurring = "recurring", &Recurring{Interval: "month", IntervalCount: 1, UsageType: "licensed"}
		price = &month
	}
	amount := int64(2900)
	if price.UnitAmount != nil {
		amount = *price.UnitAmount
	}
	now := a.now().UTC()
	s := &sale{customer: a.newCustomer(buyerEmail)}
	card := hosted.Read(hosted.Entry{Number: "4242424242424242", Expiry: "12/40", CVC: "123", Email: buyerEmail}, now)
	s.method = a.newPaymentMethod(card)
	s.method.object["customer"] = s.customer.key()
	item := cartItem{id: newID("li"), price: price, name: product.Name, quantity: 1, amount: amount}
	s.subscription = a.newSubscription(&cart{items: []cartItem{item}, currency: price.Currency}, s.customer, s.method)
	s.subscription.object["status"] = "active"
	lines := []invoiceLine{{item: item, amount: amount}}
	s.invoice = a.newInvoice(s.subscription, s.customer, lines, "subscription_cycle", now.Unix(),
		s.subscription.number("current_period_end"))
	s.subscription.object["latest_invoice"] = s.invoice.key()
	s.intent = a.keepIntent(amount, price.Currency, map[string]string{})
	s.intent.object["invoice"], s.intent.object["customer"] = s.invoice.key(), s.customer.key()
	s.charge = a.newCharge(s.intent, s.method, nil)
	s.intent.object["latest_charge"], s.intent.object["payment_method"] = s.charge["id"], s.method.key()
	s.intent.object["status"], s.intent.object["amount_received"] = "succeeded", amount
	in := s.invoice.object
	in["number"] = s.customer.text("invoice_prefix") + "-0001"
	in["charge"], in["payment_intent"], in["attempt_count"] = s.charge["id"], s.intent.key(), int64(1)
	return s
}

func (a *account) sampleSession() object {
	s := a.sampleSale()
	amount := s.intent.number("amount")
	k := &cart{currency: s.intent.text("currency"), due: amount}
	c := &call{account: a, host: "http://sandbox.example.com", p: params{
		"mode": "subscription", "success_url": "https://shop.example.com/ok",
	}}
	o := c.newSession(k, map[string]string{})
	o["customer"], o["subscription"], o["invoice"] = s.customer.key(), s.subscription.key(), s.invoice.key()
	o["customer_details"] = object{
		"address": nil, "email": buyerEmail, "name": nil, "phone": nil, "tax_exempt": "none", "tax_ids": []any{},
	}
	return o
}

func (a *account) sampleCoupon() object {
	return object{
		"id": random(8), "object": "coupon", "amount_off": nil, "created": a.now().Unix(), "currency": nil,
		"duration": "once", "duration_in_months": nil, "livemode": a.live, "max_redemptions": nil,
		"metadata": map[string]string{}, "name": "Sample", "percent_off": int64(10), "redeem_by": nil,
		"times_redeemed": int64(0), "valid": true,
	}
}

func (a *account) sampleRefund(s *sale) object {
	return a.keep(object{
		"id": newID("re"), "object": "refund", "amount": s.charge["amount"], "balance_transaction": newID("txn"),
		"charge": s.charge["id"], "created": a.now().Unix(), "currency": s.charge["currency"],
		"metadata": map[string]string{}, "payment_intent": s.intent.key(), "reason": "requested_by_customer",
		"receipt_number": nil, "source_transfer_reversal": nil, "status": "succeeded", "transfer_reversal": nil,
	}).object
}

func (a *account) sampleDispute(s *sale) object {
	evidence := object{}
	for name := range strings.FieldsSeq(`
access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal
customer_communication customer_email_address customer_name customer_purchase_ip customer_signature
duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt
refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation shipping_address
shipping_carrier shipping_date shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text`) {
		evidence[name] = nil
	}
	return a.keep(object{
		"id": newID("dp"), "object": "dispute", "amount": s.charge["amount"], "balance_transactions": []any{},
		"charge": s.charge["id"], "created": a.now().Unix(), "currency": s.charge["currency"], "evidence": evidence,
		"evidence_details": object{
			"due_by": a.now().Add(7 * 24 * time.Hour).Unix(), "has_evidence": false, "past_due": false,
			"submission_count": int64(0),
		},
		"is_charge_refundable": false, "livemode": a.live, "metadata": map[string]string{},
		"payment_intent": s.intent.key(), "reason": "fraudulent", "status": "needs_response",
	}).object
}

func initials(noun string) string {
	var out strings.Builder
	for _, word := range strings.FieldsFunc(noun, func(r rune) bool { return r == '_' || r == '.' }) {
		out.WriteByte(word[0])
	}
	return out.String()
}
