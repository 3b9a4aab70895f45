// Package soak runs deployed receivers for long, under everything that may go wrong at once, and counts what became of
// each event: `make soak`. The plain test does the same with few events.
//
// A load generator behaves like a provider: it sends events signed, some of them twice and some out of order, and each
// again and again until the answer is 200. Meanwhile replicas get SIGKILL at random moments, and the API server stops
// answering, or is restarted. A sink writes down what it was offered and when. In the end every event must have been
// taken, and taken once, unless it was in the sink's hands when a replica was killed.
//
// With a database (SOAK_STORE=postgres) the same goes on while its server is killed, fails over and stands still, its
// network breaks and loses answers to commits, and its password changes. In the end each event has to be there once,
// nothing may be left to deliver, and each subscription has to be what its events told, in whatever order they came. No
// event may have been taken before an earlier one of its subscription that was waiting.
package soak
