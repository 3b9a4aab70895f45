package stripe

import "net/http"

// routes are the operations that the server knows.
func routes() []route {
	out := []route{
		{"GET /v1/account", schema{}, getAccount},
		{"GET /v1/balance", schema{}, getBalance},

		{"GET /v1/products", productList, listProducts},
		{"POST /v1/products", productCreate, createProduct},
		{"GET /v1/products/{id}", schema{}, getProduct},
		{"POST /v1/products/{id}", productUpdate, updateProduct},
		{"DELETE /v1/products/{id}", schema{}, deleteProduct},

		{"GET /v1/prices", priceList, listPrices},
		{"POST /v1/prices", priceCreate, createPrice},
		{"GET /v1/prices/{id}", schema{}, getPrice},
		{"POST /v1/prices/{id}", priceUpdate, updatePrice},

		{"GET /v1/webhook_endpoints", listing(schema{}), listEndpoints},
		{"POST /v1/webhook_endpoints", endpointCreate, createEndpoint},
		{"GET /v1/webhook_endpoints/{id}", schema{}, getEndpoint},
		{"POST /v1/webhook_endpoints/{id}", endpointUpdate, updateEndpoint},
		{"DELETE /v1/webhook_endpoints/{id}", schema{}, deleteEndpoint},

		{"GET /v1/events", listing(schema{
			"created": {kind: moments}, "delivery_success": {kind: boolean}, "type": {kind: text},
			"types": {kind: list, max: 20, item: &param{kind: text}},
		}), listEvents},
		{"GET /v1/events/{id}", schema{}, getEvent},

		{"GET /v1/checkout/sessions", sessionList, listSessions},
		{"POST /v1/checkout/sessions", sessionCreate, createSession},
		{"GET /v1/checkout/sessions/{id}", schema{}, getSession},
		{"POST /v1/checkout/sessions/{id}/expire", schema{}, expireSession},
		{"GET /v1/checkout/sessions/{id}/line_items", listing(schema{}), listSessionItems},

		{"GET /v1/subscriptions", subscriptionList, listSubscriptions},
		{"GET /v1/subscriptions/search", subscriptionSearch, searchSubscriptions},
		{"POST /v1/subscriptions/{id}", subscriptionUpdate, updateSubscription},
		{"DELETE /v1/subscriptions/{id}", subscriptionCancel, cancelSubscription},
		{"POST /v1/subscriptions/{id}/resume", subscriptionResume, resumeSubscription},

		{"POST /v1/billing_portal/sessions", portalCreate, createPortal},
	}
	for _, k := range []struct{ path, kind, param string }{
		{"customers", "customer", "id"},
		{"subscriptions", "subscription", "id"},
		{"invoices", "invoice", "id"},
		{"payment_intents", "payment_intent", "intent"},
		{"charges", "charge", "id"},
		{"payment_methods", "payment_method", "id"},
	} {
		out = append(out, route{"GET /v1/" + k.path + "/{id}", schema{}, func(c *call) (any, *apiError) {
			r := c.table(k.kind).byID[c.id]
			if r == nil {
				return nil, missing(http.StatusNotFound, k.param, k.kind, c.id)
			}
			return r.object, nil
		}})
	}
	return out
}

func getAccount(c *call) (any, *apiError) {
	return object{
		"id": c.account.id, "object": "account", "business_profile": object{
			"mcc": nil, "name": sellerName, "product_description": nil, "support_address": nil, "support_email": nil,
			"support_phone": nil, "support_url": nil, "url": nil,
		},
		"business_type": nil, "capabilities": object{"card_payments": "active", "transfers": "active"},
		"charges_enabled": true, "controller": object{"type": "account"}, "country": "US", "default_currency": "usd",
		"details_submitted": true, "email": "sandbox@example.com", "metadata": object{}, "payouts_enabled": true,
		"settings": object{
			"bacs_debit_payments": object{"display_name": nil, "service_user_number": nil},
			"branding":            object{"icon": nil, "logo": nil, "primary_color": nil, "secondary_color": nil},
			"card_issuing":        object{"tos_acceptance": object{"date": nil, "ip": nil}},
			"card_payments": object{
				"decline_on":                  object{"avs_failure": true, "cvc_failure": true},
				"statement_descriptor_prefix": nil, "statement_descriptor_prefix_kana": nil,
				"statement_descriptor_prefix_kanji": nil,
			},
			"dashboard": object{"display_name": sellerName, "timezone": "Etc/UTC"},
			"invoices":  object{"default_account_tax_ids": nil},
			"payments": object{
				"statement_descriptor": nil, "statement_descriptor_kana": nil, "statement_descriptor_kanji": nil,
			},
			"payouts": object{
				"debit_negative_balances": true, "schedule": object{"delay_days": 2, "interval": "daily"},
				"statement_descriptor": nil,
			},
			"sepa_debit_payments": object{},
		},
		"type": "standard",
	}, nil
}

// getBalance matters for its livemode: an account does not tell the mode.
func getBalance(c *call) (any, *apiError) {
	empty := []any{object{"amount": 0, "currency": "usd", "source_types": object{"card": 0}}}
	return object{"object": "balance", "available": empty, "livemode": c.live, "pending": empty}, nil
}
