package lemonsqueezy

import (
	"strconv"
	"time"

	"github.com/kassa-dev/kassa/internal/rawjson"
)

// Kinds of objects that events are about, by JSON:API's type.
const (
	kindOrder        = "orders"
	kindSubscription = "subscriptions"
	kindInvoice      = "subscription-invoices"
	kindCustomer     = "customers"
)

// payload is the part of an event that Kassa reads.
type payload struct {
	eventName, webhookID string
	testMode             flag // of the delivery
	custom               map[string]string
	kind, id             string
	attributes           attributes
}

// attributes are the union of those of orders, subscriptions, their invoices, licence keys and customers. The fields
// *_formatted are for people, and *_usd are not what was paid.
type attributes struct {
	status               string
	testMode             flag
	customerID           string
	userEmail            string
	email                string // of a customer
	createdAt, updatedAt time.Time

	// Orders and invoices.
	currency       string
	total          whole
	refunded       bool
	refundedAmount whole // all refunds so far

	orderedVariant string // of an order's first item
	subscriptionID string // of an invoice

	// Subscriptions.
	variantID                     string
	orderID                       string
	quantity                      int64
	usage                         bool // what is used is billed, and not the quantity
	paused                        bool // there is a pause
	renewsAt, endsAt, trialEndsAt time.Time
}

// flag tells true, false, and anything else.
type flag int8

const (
	yes flag = 1
	no  flag = -1
)

// whole is a whole number, if it is one.
type whole struct {
	n     int64
	there bool
}

// read fills in what body has. What is of an unexpected type counts as not given.
func (p *payload) read(body []byte) error {
	var r rawjson.Reader
	r.Reset(body)
	for name := range r.Object {
		switch string(name) {
		case "meta":
			p.readMeta(&r)
		case "data":
			p.readData(&r)
		}
	}
	return r.Close()
}

func (p *payload) readMeta(r *rawjson.Reader) {
	for name := range r.Object {
		switch string(name) {
		case "event_name":
			p.eventName = r.Text()
		case "webhook_id":
			p.webhookID = r.Text()
		case "test_mode":
			p.testMode = readFlag(r)
		case "custom_data":
			p.custom = readCustom(r)
		}
	}
}

func (p *payload) readData(r *rawjson.Reader) {
	for name := range r.Object {
		switch string(name) {
		case "type":
			p.kind = r.Text()
		case "id":
			p.id = readID(r)
		case "attributes":
			p.attributes.read(r)
		}
	}
}

func (a *attributes) read(r *rawjson.Reader) {
	for name := range r.Object {
		switch {
		case a.readShared(r, string(name)):
		case a.readMoney(r, string(name)):
		default:
			a.readTerms(r, string(name))
		}
	}
}

// readShared reads what objects of several kinds have.
func (a *attributes) readShared(r *rawjson.Reader, name string) bool {
	switch name {
	case "status":
		a.status = r.Text()
	case "test_mode":
		a.testMode = readFlag(r)
	case "customer_id":
		a.customerID = readID(r)
	case "user_email":
		a.userEmail = r.Text()
	case "email":
		a.email = r.Text()
	case "created_at":
		a.createdAt = readTime(r)
	case "updated_at":
		a.updatedAt = readTime(r)
	default:
		return false
	}
	return true
}

// readMoney reads what orders and invoices have.
func (a *attributes) readMoney(r *rawjson.Reader, name string) bool {
	switch name {
	case "currency":
		a.currency = r.Text()
	case "total":
		a.total.n, a.total.there = r.Int()
	case "refunded":
		a.refunded, _ = r.Bool()
	case "refunded_amount":
		a.refundedAmount.n, a.refundedAmount.there = r.Int()
	case "first_order_item":
		for name := range r.Object {
			if string(name) == "variant_id" {
				a.orderedVariant = readID(r)
			}
		}
	case "subscription_id":
		a.subscriptionID = readID(r)
	default:
		return false
	}
	return true
}

// readTerms reads what subscriptions have.
func (a *attributes) readTerms(r *rawjson.Reader, name string) {
	switch name {
	case "variant_id":
		a.variantID = readID(r)
	case "order_id":
		a.orderID = readID(r)
	case "first_subscription_item":
		for name := range r.Object {
			switch string(name) {
			case "quantity":
				a.quantity, _ = r.Int()
			case "is_usage_based":
				a.usage, _ = r.Bool()
			}
		}
	case "pause":
		a.paused = r.Kind() == rawjson.Object
	case "renews_at":
		a.renewsAt = readTime(r)
	case "ends_at":
		a.endsAt = readTime(r)
	case "trial_ends_at":
		a.trialEndsAt = readTime(r)
	}
}

func readFlag(r *rawjson.Reader) flag {
	switch is, ok := r.Bool(); {
	case !ok:
		return 0
	case is:
		return yes
	default:
		return no
	}
}

// readID reads an object's id: a number in attributes, a text in data. It is empty for anything else.
func readID(r *rawjson.Reader) string {
	if r.Kind() == rawjson.Number {
		if n, ok := r.Int(); ok && n >= 0 {
			return strconv.FormatInt(n, 10)
		}
		return ""
	}
	if id := r.Bytes(); isID(string(id)) {
		return string(id)
	}
	return ""
}

// readTime reads a time in RFC 3339. It is zero for anything else, and for what is before 1970.
func readTime(r *rawjson.Reader) time.Time {
	at, err := time.Parse(time.RFC3339Nano, string(r.Bytes()))
	if err != nil || at.Unix() <= 0 || at.UTC().Year() > 9999 {
		return time.Time{}
	}
	return at.UTC()
}

// readCustom reads what a checkout was given: texts, numbers and booleans, all as text. LemonSqueezy writes an empty
// one as a list.
func readCustom(r *rawjson.Reader) map[string]string {
	var out map[string]string
	for name := range r.Object {
		value := ""
		switch r.Kind() {
		case rawjson.Text:
			value = r.Text()
		case rawjson.Number, rawjson.Bool:
			value = string(r.Raw())
		}
		if value == "" || isMark(name) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[string(name)] = value
	}
	return out
}
