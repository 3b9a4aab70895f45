package stripe

var subscriptionList = listing(schema{
	"automatic_tax": {kind: whatever}, "collection_method": {kind: text}, "created": {kind: moments},
	"current_period_end": {kind: moments}, "current_period_start": {kind: moments}, "customer": {kind: text},
	"price": {kind: text}, "test_clock": {kind: whatever},
	"status": {kind: text, enum: []string{
		"active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid",
	}},
})

var subscriptionSearch = schema{
	"limit": {kind: integer}, "page": {kind: text}, "query": {kind: text, required: true},
}

var cancellationDetails = param{kind: hash, fields: schema{
	"comment": {kind: text, clearable: true}, "feedback": {kind: text, clearable: true},
}}

var subscriptionUpdate = schema{
	"cancel_at":              {kind: integer, clearable: true},
	"cancel_at_period_end":   {kind: boolean},
	"cancellation_details":   cancellationDetails,
	"default_payment_method": {kind: text},
	"description":            {kind: text, max: 500, clearable: true},
	"items": {kind: list, max: 20, item: &param{kind: hash, fields: schema{
		"billing_thresholds": {kind: whatever}, "clear_usage": {kind: boolean}, "deleted": {kind: boolean},
		"id": {kind: text}, "metadata": {kind: metadata, clearable: true}, "price": {kind: text},
		"price_data": {kind: whatever}, "quantity": {kind: integer, bounded: true}, "tax_rates": {kind: whatever},
	}}},
	"metadata": {kind: metadata, clearable: true},
	"pause_collection": {kind: hash, clearable: true, fields: schema{
		"behavior":   {kind: text, required: true, enum: []string{"keep_as_draft", "mark_uncollectible", "void"}},
		"resumes_at": {kind: integer},
	}},
	"payment_behavior": {kind: text, enum: []string{
		"allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete",
	}},
	"proration_behavior": {kind: text, enum: []string{"always_invoice", "create_prorations", "none"}},
	"trial_end":          {kind: text},

	// Known to Stripe; the sandbox has no use for them.
	"add_invoice_items": {kind: whatever}, "application_fee_percent": {kind: whatever}, "automatic_tax": {kind: whatever},
	"billing_cycle_anchor": {kind: whatever}, "billing_thresholds": {kind: whatever},
	"collection_method": {kind: whatever}, "coupon": {kind: whatever}, "days_until_due": {kind: whatever},
	"default_source": {kind: whatever}, "default_tax_rates": {kind: whatever}, "invoice_settings": {kind: whatever},
	"off_session": {kind: whatever}, "on_behalf_of": {kind: whatever}, "payment_settings": {kind: whatever},
	"pending_invoice_item_interval": {kind: whatever}, "promotion_code": {kind: whatever},
	"proration_date": {kind: whatever}, "transfer_data": {kind: whatever}, "trial_from_plan": {kind: whatever},
	"trial_settings": {kind: whatever},
}

var subscriptionResume = schema{
	"billing_cycle_anchor": {kind: text, enum: []string{"now", "unchanged"}}, "proration_behavior": {kind: whatever},
	"proration_date": {kind: whatever},
}

var subscriptionCancel = schema{
	"cancellation_details": cancellationDetails, "invoice_now": {kind: boolean}, "prorate": {kind: boolean},
}
