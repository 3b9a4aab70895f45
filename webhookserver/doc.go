// Package webhookserver is the server that is deployed for a WebhookReceiver. A request goes through limits,
// signature check, parsing and a claim in the ledger; then the event is offered to the sinks, and what a sink
// cannot take in time waits as a WebhookEvent. A provider gets its 200 only for what is durable by then.
//
// The rooms: intake (HTTP), limits, verify, process (claim, deliver, settle), dispatch and sink (HTTP to the
// app), cloudevent (what the app receives), inbox* (events that wait), config* (what the spec and the Secrets
// say now), plans (names of prices), status* (counters in the resource), metrics, health, server (life cycle).
package webhookserver
