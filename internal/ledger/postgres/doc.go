// Package postgres is a ledger in PostgreSQL, with the records and what is left to deliver beside it.
//
// # Why an event is processed once
//
// The table webhook_events has the receiver and the event's id as its key. A claim inserts a row; of several that do,
// the database lets one through and shows its row to the others. That row says who holds the event, and since when by
// the database's own clock, so that clocks of replicas do not matter. A claim whose holder did not settle it within
// the claim timeout is taken over by an update of that row, on the condition that it is still as old; of several that
// try, one finds it so.
//
// A claim is known by its holder and a number that is never used again. A transaction whose answer got lost is sent
// again; if it had taken effect the row is the claim's own, and it has won as before. Settling says what the row shall
// be, and finds it so the second time.
//
// # Why nothing is lost
//
// Every call waits for the commit of the transaction that has its row. What an event tells, and what its sinks still
// have to get, are in the same transaction (Keep): either all of it is there and the provider may be told, or none.
//
// # Why it is fast
//
// One transaction is under way at a time, and takes with it all calls that have come meanwhile. The more there are,
// the less each costs; a quiet ledger has no delay. Statements have one array for each column, so their number does
// not grow with that of the events, and they go to the database in one round trip. What they look at does not grow with
// what waits: rows are found by their keys, and what is behind an earlier event of its order is marked and not looked
// at.
//
// Events go first: what sinks said has a part of each transaction beside them.
package postgres
