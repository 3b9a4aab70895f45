// Package registration keeps one webhook endpoint of a receiver at its provider, and the endpoint's signing secret in a
// Secret. Next is pure: it looks at what the provider has, what the Secret has and what the spec wants, and names the
// one step to take next. Converge takes the steps. Whatever was interrupted is found in the next look, so a crash after
// any call changes nothing but the number of steps.
//
// The Secret's content is the whole memory. What follows from it at the provider, such as which events an endpoint is
// sent, is put right afterwards, and in this order: an endpoint is sent nothing before its secret is stored, another is
// quieted only when its successor is sent everything, and a secret goes only after the last endpoint that signs with
// it.
package registration
