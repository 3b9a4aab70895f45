// Package sandbox is a local, stateful stand-in of the payment providers' APIs, with a hosted checkout page, the
// well-known test cards, and signed webhooks. It keeps everything in memory.
//
// # Addresses
//
// Stripe's API is at /v1/… and at /stripe/v1/…; a further provider gets its own path prefix. Buyers pay at
// /pay/{checkout session id}.
//
// Paddle's API is at /paddle/…, so that its base URL is http://host/paddle. The paths of its requests and faults, and
// those of the pages that its lists name, have the prefix: /paddle/products. (Stripe's have none: /v1/products.)
//
// LemonSqueezy's API is at /lemonsqueezy/v1/…, so that its base URL is http://host/lemonsqueezy. It can only be read:
// what a seller makes in the dashboard is made at the door.
//
// # The door for tests
//
// What no provider has is below /_kassa/. It has no protection, so the sandbox belongs on a loopback address or
// in a cluster's test namespace.
//
//	GET    /_kassa/health                  200 as soon as requests are served
//	GET    /_kassa/requests                {"counts":{"reads","writes"},"requests":[…]}; see traffic.Request
//	GET    /_kassa/deliveries              attempts to deliver webhooks; see delivery.Attempt
//	GET    /_kassa/state                   {"stripe":[…],"paddle":[…],"lemonsqueezy":{…}}: products, prices and what
//	                                       else there is
//	DELETE /_kassa/state                   forgets all data, logs, faults and waiting deliveries
//	POST   /_kassa/faults                  a traffic.Fault or a list of them, added to the script
//	DELETE /_kassa/faults                  empties the script
//	POST   /_kassa/stripe/events           {"type","object"?,"previous_attributes"?,"account"?,"livemode"?}
//	POST   /_kassa/stripe/renewals         {"subscription","account"?,"livemode"?}: the next period of a subscription,
//	                                       or another attempt at its open invoice
//	POST   /_kassa/stripe/keys             {"key","revoked"}: makes an API key invalid, or valid again
//	POST   /_kassa/paddle/keys             the same for Paddle
//	POST   /_kassa/paddle/list-lag         {"ms"}: how long after its creation an object is missing from Paddle's lists
//	POST   /_kassa/lemonsqueezy/keys       the same for LemonSqueezy
//	POST   /_kassa/lemonsqueezy/mode       {"hidden"}: leaves the mode of keys out of the answer about their user
//	POST   /_kassa/lemonsqueezy/stores     {"id"?,"name","currency"?} → {"id"}
//	POST   /_kassa/lemonsqueezy/products   a lemonsqueezy.Draft → {"id","variants":[ids]}
//	PATCH  /_kassa/lemonsqueezy/products/{id}  {"name"?,"status"?}
//	PATCH  /_kassa/lemonsqueezy/variants/{id}  {"name"?,"status"?,"price"?}; the price becomes the current one
//
// An account may be left out when only one account has been used.
package sandbox
