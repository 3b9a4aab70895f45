// Package webhookserver is the server that is deployed for a WebhookReceiver. A request goes through limits,
// signature check, parsing and a claim in the ledger; then the event is offered to the sinks, and what a sink
// cannot take in time waits as a WebhookEvent. A provider gets its 200 only for what is durable by then.
//
// What is decided here:
//   - Only the path of spec.url takes events. An event of the other mode than the account's is refused (400): a test
//     event that reaches a live receiver would be a lie to the app.
//   - An event without a normalised name that no sink's filter names, and one that spec.events does not select and no
//     sink's filter names, is acknowledged without a write to the ledger: its repetition is of no interest either.
//   - A sink without a filter takes the normalised events that spec.events selects; a filter takes what it names.
//   - With spec.dunning, a payment of a subscription that failed is left for the operator in any case.
//   - Events are processed once and delivered at least once, always with the same id and the same bytes.
//
// The rooms: intake (HTTP), limits, verify, process (claim, deliver, settle), dispatch and sink* (HTTP to the
// app), circuit (whether a sink is asked at all), order (of events of one key), cloudevent (what the app receives),
// inbox* (events that wait), dunning (what the operator has to look at), outbox and keep (the same with a database),
// config* (what the spec and the Secrets say now), plans (names of prices), status*
// (counters in the resource), metrics, health, server (life cycle).
package webhookserver
