package paddle

import "github.com/kassa-dev/kassa/internal/rawjson"

// event is the part of Paddle's envelope that Kassa reads. The notification_id that it leaves out is of one delivery
// to one destination; event_id is the same at every destination and in every repetition.
//
// What is bytes here is a part of the body, and becomes a text only where the event keeps it.
type event struct {
	id         string
	native     string
	occurredAt []byte
	data       object
}

// object is the union of the entities that events are about, reduced to what Kassa reads. One pass reads it, whichever
// entity it is. Anything may be null.
type object struct {
	id             []byte
	status         []byte
	customerID     []byte
	email          []byte // customer
	productID      []byte // price
	subscriptionID []byte // transaction, adjustment
	currency       []byte

	// Transaction.
	origin         []byte
	collectionMode []byte
	details        amount // what is due, after credits and before payments
	payments       payments

	// Adjustment.
	action        []byte
	kind          []byte
	reason        []byte
	transactionID []byte
	totals        amount

	// Subscription.
	periodEnd    []byte
	nextBilledAt []byte
	scheduled    []byte // the action that is scheduled
	trialEnd     []byte

	item     item // that a subscription or a transaction is about
	recurs   int  // items that recur
	metadata map[string]string
	marks    marked // in the entity's own custom_data
}

// amount is a text of an integer in the currency's lowest unit.
type amount struct{ minor, currency []byte }

// payments are the attempts to pay a transaction.
type payments struct {
	count     int
	failed    int
	newest    []byte // status
	errorCode []byte // of the newest
}

// item is of a subscription or a transaction.
type item struct {
	priceID  []byte
	marks    marked
	recurs   bool
	prorated bool
	quantity int64
	charge   charge
}

// charge is what one of an item costs in a period.
type charge struct {
	unit      amount
	interval  []byte
	count     int64
	elsewhere []byte // what one costs in some countries, as it is in the body
}

// marked are Kassa's marks in custom_data.
type marked struct{ cluster, uid, plan, price []byte }

func (e *event) read(body []byte) error {
	var r rawjson.Reader
	r.Reset(body)
	for name := range r.Object {
		switch string(name) {
		case "event_id":
			e.id = r.Text()
		case "event_type":
			e.native = r.Text()
		case "occurred_at":
			e.occurredAt = r.Bytes()
		case "data":
			e.data.read(&r)
		}
	}
	return r.Close()
}

func (o *object) read(r *rawjson.Reader) {
	for name := range r.Object {
		switch string(name) {
		case "id":
			o.id = r.Bytes()
		case "status":
			o.status = r.Bytes()
		case "customer_id":
			o.customerID = r.Bytes()
		case "email":
			o.email = r.Bytes()
		case "product_id":
			o.productID = r.Bytes()
		case "subscription_id":
			o.subscriptionID = r.Bytes()
		case "currency_code":
			o.currency = r.Bytes()
		case "custom_data":
			o.metadata = o.marks.read(r, o.metadata, true)
		case "items":
			o.readItems(r)
		default:
			o.readMoney(r, name)
		}
	}
}

func (o *object) readMoney(r *rawjson.Reader, name []byte) {
	switch string(name) {
	case "origin":
		o.origin = r.Bytes()
	case "collection_mode":
		o.collectionMode = r.Bytes()
	case "details":
		for name := range r.Object {
			if string(name) == "totals" {
				o.details.read(r, "grand_total")
			}
		}
	case "payments":
		o.payments.read(r)
	case "action":
		o.action = r.Bytes()
	case "type":
		o.kind = r.Bytes()
	case "reason":
		o.reason = r.Bytes()
	case "transaction_id":
		o.transactionID = r.Bytes()
	case "totals":
		o.totals.read(r, "total")
	case "current_billing_period":
		o.periodEnd = member(r, "ends_at")
	case "next_billed_at":
		o.nextBilledAt = r.Bytes()
	case "scheduled_change":
		o.scheduled = member(r, "action")
	}
}

// member is a text of an object.
func member(r *rawjson.Reader, want string) (text []byte) {
	for name := range r.Object {
		if string(name) == want {
			text = r.Bytes()
		}
	}
	return text
}

func (a *amount) read(r *rawjson.Reader, which string) {
	for name := range r.Object {
		switch string(name) {
		case which:
			a.minor = r.Bytes()
		case "currency_code":
			a.currency = r.Bytes()
		}
	}
}

// read reads a list whose newest attempt comes first.
func (p *payments) read(r *rawjson.Reader) {
	for range r.Array {
		var status, code []byte
		for name := range r.Object {
			switch string(name) {
			case "status":
				status = r.Bytes()
			case "error_code":
				code = r.Bytes()
			}
		}
		if p.count == 0 {
			p.newest, p.errorCode = status, code
		}
		p.count++
		if string(status) == "error" {
			p.failed++
		}
	}
}

// readItems keeps the first item that recurs and is billed in full: a transaction has one-time items too, and after a
// change of plan it begins with prorations.
func (o *object) readItems(r *rawjson.Reader) {
	best := -1
	for range r.Array {
		i, trialEnd := readItem(r)
		if o.trialEnd == nil {
			o.trialEnd = trialEnd
		}
		rank := 0
		if i.recurs {
			o.recurs++
			rank++
		}
		if !i.prorated {
			rank += 2
		}
		if rank > best {
			o.item, best = i, rank
		}
	}
}

func readItem(r *rawjson.Reader) (i item, trialEnd []byte) {
	for name := range r.Object {
		switch string(name) {
		case "price":
			i.readPrice(r)
		case "quantity":
			i.quantity, _ = r.Int()
		case "proration":
			i.prorated = r.Kind() == rawjson.Object
		case "trial_dates":
			trialEnd = member(r, "ends_at")
		}
	}
	return i, trialEnd
}

func (i *item) readPrice(r *rawjson.Reader) {
	for name := range r.Object {
		switch string(name) {
		case "id":
			i.priceID = r.Bytes()
		case "unit_price":
			i.charge.unit.read(r, "amount")
		case "unit_price_overrides":
			i.charge.elsewhere = r.Raw()
		case "billing_cycle":
			i.recurs = r.Kind() == rawjson.Object
			i.charge.readCycle(r)
		case "custom_data":
			i.marks.read(r, nil, false)
		}
	}
}

func (c *charge) readCycle(r *rawjson.Reader) {
	for name := range r.Object {
		switch string(name) {
		case "interval":
			c.interval = r.Bytes()
		case "frequency":
			c.count, _ = r.Int()
		}
	}
}
