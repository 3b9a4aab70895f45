package stripe

import (
	"net/http"
	"time"
)

const (
	referenceMax = 200
	itemsMax     = 100
)

var sessionCreate = schema{
	"allow_promotion_codes": {kind: boolean},
	"automatic_tax": {kind: hash, fields: schema{
		"enabled": {kind: boolean, required: true}, "liability": {kind: whatever},
	}},
	"billing_address_collection": {kind: text, enum: []string{"auto", "required"}},
	"cancel_url":                 {kind: link},
	"client_reference_id":        {kind: text, max: referenceMax},
	"currency":                   {kind: text},
	"customer":                   {kind: text},
	"customer_creation":          {kind: text, enum: []string{"always", "if_required"}},
	"customer_email":             {kind: text},
	"discounts":                  {kind: whatever},
	"expires_at":                 {kind: integer},
	"line_items": {kind: list, max: itemsMax, item: &param{kind: hash, fields: schema{
		"adjustable_quantity": {kind: whatever}, "dynamic_tax_rates": {kind: whatever}, "price": {kind: text},
		"price_data": {kind: whatever}, "quantity": {kind: integer, bounded: true, min: 1}, "tax_rates": {kind: whatever},
	}}},
	"locale":   {kind: text},
	"metadata": {kind: metadata, clearable: true},
	"mode":     {kind: text, required: true, enum: []string{"payment", "setup", "subscription"}},
	"payment_intent_data": {kind: hash, fields: schema{
		"application_fee_amount": {kind: whatever}, "capture_method": {kind: text, enum: []string{"automatic"}},
		"description": {kind: text, max: 1000}, "metadata": {kind: metadata}, "on_behalf_of": {kind: whatever},
		"receipt_email": {kind: text}, "shipping": {kind: whatever}, "transfer_data": {kind: whatever},
		"setup_future_usage":   {kind: text, enum: []string{"off_session", "on_session"}},
		"statement_descriptor": {kind: text, max: descriptorMax}, "transfer_group": {kind: whatever},
		"statement_descriptor_suffix": {kind: text, max: descriptorMax},
	}},
	"payment_method_collection": {kind: text, enum: []string{"always", "if_required"}},
	"payment_method_types":      {kind: list, item: &param{kind: text}},
	"submit_type":               {kind: text, enum: []string{"auto", "book", "donate", "pay"}},
	"subscription_data": {kind: hash, fields: schema{
		"application_fee_percent": {kind: whatever}, "billing_cycle_anchor": {kind: whatever},
		"default_tax_rates": {kind: whatever}, "description": {kind: text, max: 500}, "invoice_settings": {kind: whatever},
		"metadata": {kind: metadata}, "on_behalf_of": {kind: whatever}, "proration_behavior": {kind: whatever},
		"transfer_data": {kind: whatever}, "trial_end": {kind: integer},
		"trial_period_days": {kind: integer, bounded: true, min: 1},
		"trial_settings": {kind: hash, fields: schema{"end_behavior": {kind: hash, required: true, fields: schema{
			"missing_payment_method": {kind: text, required: true, enum: []string{"cancel", "create_invoice", "pause"}},
		}}}},
	}},
	"success_url": {kind: text},
	"ui_mode":     {kind: text, enum: []string{"hosted"}},

	// Known to Stripe; the sandbox has no use for them.
	"after_expiration": {kind: whatever}, "consent_collection": {kind: whatever}, "custom_fields": {kind: whatever},
	"custom_text": {kind: whatever}, "customer_update": {kind: whatever}, "invoice_creation": {kind: whatever},
	"payment_method_configuration": {kind: whatever}, "payment_method_options": {kind: whatever},
	"phone_number_collection": {kind: whatever}, "redirect_on_completion": {kind: whatever},
	"return_url": {kind: whatever}, "setup_intent_data": {kind: whatever},
	"shipping_address_collection": {kind: whatever}, "shipping_options": {kind: whatever},
	"tax_id_collection": {kind: whatever},
}

var sessionList = listing(schema{
	"created": {kind: moments}, "customer": {kind: text}, "payment_intent": {kind: text}, "payment_link": {kind: text},
	"status":       {kind: text, enum: []string{"complete", "expired", "open"}},
	"subscription": {kind: text},
	"customer_details": {kind: hash, fields: schema{
		"email": {kind: text, required: true},
	}},
})

// Stripe's bounds of a session's life.
const (
	shortestSession = 30 * time.Minute
	longestSession  = 24 * time.Hour
)

// checkSession applies the rules between a session's parameters.
func (c *call) checkSession() *apiError {
	mode := c.p.text("mode")
	exclusive := func(a, b string) *apiError {
		if c.p.has(a) && c.p.has(b) {
			return invalid(a, "parameters_exclusive", "You may only specify one of these parameters: %s, %s.", a, b)
		}
		return nil
	}
	for _, pair := range [][2]string{{"customer", "customer_email"}, {"allow_promotion_codes", "discounts"}} {
		if err := exclusive(pair[0], pair[1]); err != nil {
			return err
		}
	}
	for name, only := range map[string]string{
		"subscription_data": "subscription", "payment_intent_data": "payment", "customer_creation": "payment",
		"payment_method_collection": "subscription", "submit_type": "payment",
	} {
		if c.p.has(name) && mode != only {
			return invalid(name, "", "You can not pass `%s` in `%s` mode.", name, mode)
		}
	}
	switch {
	case mode == "setup":
		return invalid("mode", "", "This sandbox has no `setup` mode.")
	case !c.p.has("success_url"):
		return parameterMissing("success_url")
	case !webURL(c.p.text("success_url")):
		return invalid("success_url", "url_invalid", "Not a valid URL")
	case len(c.p.list("line_items")) == 0:
		return parameterMissing("line_items")
	case c.p.has("customer") && c.table("customer").byID[c.p.text("customer")] == nil:
		return missing(http.StatusBadRequest, "customer", "customer", c.p.text("customer"))
	}
	if c.p.has("expires_at") {
		life := time.Unix(c.expiresAt(), 0).Sub(c.now())
		if life < shortestSession-time.Minute {
			return invalid("expires_at", "", "The `expires_at` timestamp must be at least 30 minutes from Checkout Session "+
				"creation.")
		}
		if life > longestSession+time.Minute {
			return invalid("expires_at", "", "The `expires_at` timestamp must be less than 24 hours from Checkout Session "+
				"creation.")
		}
	}
	return c.checkTrial()
}

func (c *call) checkTrial() *apiError {
	data := c.p.hash("subscription_data")
	switch {
	case data.has("trial_end") && data.has("trial_period_days"):
		return invalid("subscription_data[trial_end]", "parameters_exclusive", "You may only specify one of these "+
			"parameters: subscription_data[trial_end], subscription_data[trial_period_days].")
	case data.has("trial_end") && data.integer("trial_end") < c.now().Add(48*time.Hour).Unix():
		return invalid("subscription_data[trial_end]", "", "The `trial_end` date has to be at least 2 days in the future.")
	}
	return nil
}
