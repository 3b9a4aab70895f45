package stripe

import (
	"encoding/json"
	"strings"
)

// object is the union of the objects that events are about, reduced to what Kassa reads. One pass decodes it,
// whichever object it is.
type object struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Status   string            `json:"status"`
	Currency string            `json:"currency"`
	Metadata map[string]string `json:"metadata"`

	Customer      ref `json:"customer"`
	Subscription  ref `json:"subscription"`
	PaymentIntent ref `json:"payment_intent"`
	Charge        ref `json:"charge"`
	Invoice       ref `json:"invoice"`

	// Price; of a price whose product is expanded, the product's id.
	Product ref `json:"product"`

	// Addresses of the customer: customer; session and invoice; charge and payment intent.
	Email           string `json:"email"`
	CustomerEmail   string `json:"customer_email"`
	ReceiptEmail    string `json:"receipt_email"`
	CustomerDetails struct {
		Email string `json:"email"`
	} `json:"customer_details"`
	BillingDetails struct {
		Email string `json:"email"`
	} `json:"billing_details"`

	// Payment intent, charge, dispute.
	Amount         int64  `json:"amount"`
	AmountReceived int64  `json:"amount_received"`
	AmountRefunded int64  `json:"amount_refunded"`
	Refunded       bool   `json:"refunded"`
	FailureCode    string `json:"failure_code"`
	Reason         string `json:"reason"`
	LastError      struct {
		Code        string `json:"code"`
		DeclineCode string `json:"decline_code"`
	} `json:"last_payment_error"`

	// Checkout session.
	AmountTotal       int64  `json:"amount_total"`
	PaymentStatus     string `json:"payment_status"`
	ClientReferenceID string `json:"client_reference_id"`

	// Invoice.
	AmountPaid   int64 `json:"amount_paid"`
	AmountDue    int64 `json:"amount_due"`
	AttemptCount int   `json:"attempt_count"`
	Lines        struct {
		Data []line `json:"data"`
	} `json:"lines"`
	SubscriptionDetails struct {
		Metadata map[string]string `json:"metadata"`
	} `json:"subscription_details"`
	// Since 2025: where subscription and subscription_details moved.
	Parent struct {
		SubscriptionDetails struct {
			Subscription ref               `json:"subscription"`
			Metadata     map[string]string `json:"metadata"`
		} `json:"subscription_details"`
	} `json:"parent"`
	// Since 2025: where payment_intent and charge moved.
	Payments struct {
		Data []struct {
			Payment struct {
				PaymentIntent ref `json:"payment_intent"`
				Charge        ref `json:"charge"`
			} `json:"payment"`
		} `json:"data"`
	} `json:"payments"`

	// Subscription.
	CancelAtPeriodEnd *bool    `json:"cancel_at_period_end"`
	CancelAt          int64    `json:"cancel_at"`
	TrialEnd          int64    `json:"trial_end"`
	CurrentPeriodEnd  int64    `json:"current_period_end"`
	PauseCollection   presence `json:"pause_collection"`
	Items             struct {
		Data []struct {
			Price            priceRef `json:"price"`
			CurrentPeriodEnd int64    `json:"current_period_end"` // since 2025
		} `json:"data"`
	} `json:"items"`
}

// line is an invoice's line.
type line struct {
	Type      string   `json:"type"`
	Proration bool     `json:"proration"`
	Price     priceRef `json:"price"`
	// Since 2025: where price, type and proration moved.
	Pricing struct {
		PriceDetails struct {
			Price ref `json:"price"`
		} `json:"price_details"`
	} `json:"pricing"`
	Parent struct {
		Type             string `json:"type"`
		SubscriptionItem struct {
			Proration bool `json:"proration"`
		} `json:"subscription_item_details"`
	} `json:"parent"`
}

// previous are the earlier values of what an update changed.
type previous struct {
	Status            string   `json:"status"`
	CancelAtPeriodEnd presence `json:"cancel_at_period_end"`
	CancelAt          presence `json:"cancel_at"`
	PauseCollection   presence `json:"pause_collection"`
}

// presence tells a field that is absent, null, or set.
type presence struct{ there, set bool }

func (p *presence) UnmarshalJSON(b []byte) error {
	p.there, p.set = true, string(b) != "null"
	return nil
}

// ref is a reference to another object: its id, or, where it was expanded, the object.
type ref struct{ ID string }

func (r *ref) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		// Stripe's ids need no escaping; anything else goes the long way.
		if text := string(b[1 : len(b)-1]); !strings.Contains(text, `\`) {
			r.ID = text
			return nil
		}
		return json.Unmarshal(b, &r.ID)
	case '{':
		var o struct {
			ID string `json:"id"`
		}
		err := json.Unmarshal(b, &o)
		r.ID = o.ID
		return err
	}
	return nil
}

// priceRef is a price with the marks that Kassa put on it.
type priceRef struct {
	ID       string      `json:"id"`
	Metadata priceMarked `json:"metadata"`
}

// priceMarked is the part of a price's metadata that is Kassa's.
type priceMarked struct {
	Cluster string `json:"kassa_cluster"`
	UID     string `json:"kassa_uid"`
	Plan    string `json:"kassa_plan"`
	Price   string `json:"kassa_price"`
}

func (m priceMarked) marks() map[string]string {
	return map[string]string{markCluster: m.Cluster, markUID: m.UID, markPlan: m.Plan, markPrice: m.Price}
}
