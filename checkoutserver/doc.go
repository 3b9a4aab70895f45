// Package checkoutserver is the server that is deployed for a CheckoutEndpoint. A request goes through limits and
// sign-in; what is sold comes from the storefront that the operator wrote, and what it costs is known to the provider
// alone.
//
// What is decided here:
//   - A user's provider follows from a hash of the user's id, or email, and the weights, so that every replica picks
//     the same one, and a changed weight moves the fewest users. Nobody's checkouts go where chance says.
//   - A checkout that nobody pays costs nothing, so one whose fate at a provider is not known is made again at the
//     next.
//   - A subscription is its user's by the id in its metadata or, where the provider keeps none, by the verified email.
//     Any other is answered as one that does not exist. An id of an app that Kassa knows nothing of proves nothing: the
//     subscription must have a price of the storefront, or the marks of a Plan of this namespace.
//   - GET /v1/plans is for everybody: it tells no more than a pricing page.
//   - Only an application's own server chooses how a change of plan is prorated: a user would choose not to pay.
//
// The rooms: routes (HTTP), request and answer (what comes in and goes out), checkout, plans, subscription* and portal
// (what is asked for), weights and failover (which provider), replay (Idempotency-Key), turns (one request of a user at
// a time), config*, settings and site (what the spec, the storefront and the Secrets say now), metrics, health, server
// (life cycle).
package checkoutserver
