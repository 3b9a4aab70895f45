// Package sandbox is a local, stateful stand-in of the payment providers' APIs, with a hosted checkout page, the
// well-known test cards, and signed webhooks. It keeps everything in memory.
//
// # Addresses
//
// Stripe's API is at /v1/… and at /stripe/v1/…; a further provider gets its own path prefix. Buyers pay at
// /pay/{checkout session id}, and manage their subscriptions at /pay/{portal session id}/portal.
//
// Paddle's API is at /paddle/…, so that its base URL is http://host/paddle. The paths of its requests and faults, and
// those of the pages that its lists name, have the prefix: /paddle/products. (Stripe's have none: /v1/products.) The
// stand-in of Paddle's script is /paddle.js. It takes the buyer to /paddle-checkout/{transaction id} and back to the
// page that opened it, or on to its successUrl. Customers are at /paddle-portal/.
//
// LemonSqueezy's API is at /lemonsqueezy/v1/…, so that its base URL is http://host/lemonsqueezy. Its catalogue can only
// be read: what a seller makes in the dashboard is made at the door. Buyers pay at /lemonsqueezy/checkout/custom/{id},
// and have a customer portal at /lemonsqueezy/billing, both by links that the API tells.
//
// # Time
//
// The sandbox has one clock, which can be advanced and run faster than the time outside. Objects and events are created
// at its time, and the waits between attempts at a webhook run on it: an advance over a wait makes the attempt at once.
// LemonSqueezy's subscriptions are renewed by it.
// Stripe's subscriptions renew, fail and end by it, each as of its own time.
// Paddle's subscriptions renew on it too. What a receiver compares with a clock of its own is of the time outside:
// signatures (Stripe-Signature, Paddle-Signature), and the time limits of requests.
//
// Options.WebhookSpeed makes the providers' own waits shorter. Without it Stripe's and Paddle's, which last for hours,
// are replaced by those of delivery.Quick, which begin with a second.
//
// # The door for tests
//
// What no provider has is below /_kassa/. It has no protection, so the sandbox belongs on a loopback address or
// in a cluster's test namespace.
//
//	GET    /_kassa/health                  200 as soon as requests are served
//	GET    /_kassa/requests                {"counts":{"reads","writes"},"requests":[…]}; see traffic.Request
//	GET    /_kassa/clock                   {"now","rate"}
//	POST   /_kassa/clock                   {"advance"?: "1h", "rate"?: 60} → the same
//	GET    /_kassa/deliveries              the latest attempts to deliver webhooks; see delivery.Attempt. The query may
//	                                       name a provider, endpoint, message and type
//	GET    /_kassa/deliveries/endpoints    the sums of every endpoint; see delivery.Totals
//	POST   /_kassa/deliveries/repeat       {"message","endpoint"?,"times"?} → {"sent"}: sends one of the latest messages
//	                                       again: an event of Stripe's, a notification of Paddle's, or a webhook_id
//	POST   /_kassa/deliveries/hold         keeps back what is sent from now on
//	POST   /_kassa/deliveries/release      {"order"?: "reversed" or "shuffled", "seed"?} → {"sent"}: sends it, one by one
//	POST   /_kassa/deliveries/lose         → {"lost"}: drops what was kept back, as after an outage of days
//	GET    /_kassa/state                   {"stripe":[…],"paddle":[…],"lemonsqueezy":{…}}: products, prices and what
//	                                       else there is
//	DELETE /_kassa/state                   forgets all data, logs, faults, waiting deliveries and changes of the clock
//	POST   /_kassa/faults                  a traffic.Fault or a list of them, added to the script
//	DELETE /_kassa/faults                  empties the script
//	POST   /_kassa/stripe/events           {"type","object"?,"previous_attributes"?,"account"?,"livemode"?} → the event.
//	                                       Without an object it is about one that the sandbox has, or that is made up
//	POST   /_kassa/stripe/renewals         {"subscription","account"?,"livemode"?}: the next period of a subscription,
//	                                       or another attempt at its open invoice
//	POST   /_kassa/stripe/keys             {"key","revoked"}: makes an API key invalid, or valid again
//	POST   /_kassa/stripe/keys/roll        {"from","to"}: makes a key one of the account that another addresses, which
//	                                       goes on until it is made invalid
//	POST   /_kassa/paddle/events           {"type","data"?,"account"?,"live"?} → the event, as for Stripe
//	PATCH  /_kassa/paddle/products/{id}    fields of a product, changed by hand without Paddle's rules
//	PATCH  /_kassa/paddle/prices/{id}      fields of a price, likewise
//	POST   /_kassa/paddle/keys             the same for Paddle
//	POST   /_kassa/paddle/cards            {"subscription","number"}: another card, which pays what is unpaid
//	PUT    /_kassa/paddle/checkout-settings  {"payment_link","domains"?}: the default payment link, without which no
//	                                       checkout opens, and the approved domains, which are all if none are named
//	POST   /_kassa/paddle/list-lag         {"ms"}: how long after its creation an object is missing from Paddle's lists
//	POST   /_kassa/paddle/custom-data      {"stays"}: whether custom_data stays on a transaction and is not copied to
//	                                       the subscription that comes of it
//	POST   /_kassa/lemonsqueezy/events     a lemonsqueezy.Notice → {"type","data","sent":[{"webhook","webhook_id"}]}, as
//	                                       for Stripe
//	POST   /_kassa/lemonsqueezy/keys       the same for LemonSqueezy
//	POST   /_kassa/lemonsqueezy/mode       {"hidden"}: leaves the mode of keys out of the answer about their user
//	POST   /_kassa/lemonsqueezy/stores     {"id"?,"name","currency"?} → {"id"}
//	POST   /_kassa/lemonsqueezy/products   a lemonsqueezy.Draft → {"id","variants":[ids]}
//	PATCH  /_kassa/lemonsqueezy/products/{id}  {"name"?,"status"?}
//	PATCH  /_kassa/lemonsqueezy/variants/{id}  {"name"?,"status"?,"price"?}; the price becomes the current one
//
// An account may be left out when only one account has been used.
package sandbox
