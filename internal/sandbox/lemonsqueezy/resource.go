package lemonsqueezy

import "fmt"

// related are the kinds that objects of a kind lead to. An account leads to none.
var related = map[string][]string{
	"stores":                {"products", "orders", "subscriptions", "discounts", "license-keys", "webhooks"},
	"products":              {"store", "variants"},
	"variants":              {"product", "files", "price-model"},
	"prices":                {"variant"},
	"webhooks":              {"store"},
	"checkouts":             {"store", "variant"},
	"customers":             {"store", "orders", "subscriptions", "license-keys"},
	"orders":                {"store", "customer", "order-items", "subscriptions", "license-keys", "discount-redemptions"},
	"subscription-items":    {"subscription", "price", "usage-records"},
	"subscription-invoices": {"store", "customer", "subscription"},
	"subscriptions": {
		"store", "customer", "order", "order-item", "product", "variant", "subscription-items", "subscription-invoices",
	},
	"license-keys": {"store", "customer", "order", "order-item", "product", "license-key-instances"},
}

// resource is an object with its links, as answers and webhooks carry it.
func resource[ID int64 | string](kind string, id ID, attributes any) map[string]any {
	self := fmt.Sprintf("https://api.lemonsqueezy.com/v1/%s/%v", kind, id)
	out := map[string]any{
		"type": kind, "id": fmt.Sprint(id), "attributes": attributes, "links": map[string]string{"self": self},
	}
	if len(related[kind]) == 0 {
		return out
	}
	relationships := map[string]any{}
	for _, name := range related[kind] {
		relationships[name] = map[string]any{"links": map[string]string{
			"related": self + "/" + name, "self": self + "/relationships/" + name,
		}}
	}
	out["relationships"] = relationships
	return out
}
