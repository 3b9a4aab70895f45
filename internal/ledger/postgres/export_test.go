package postgres

// Statements are those that a receiver sends all the time.
var Statements = map[string]string{
	"prune": pruneSQL, "keep": keepSQL, "lookKept": lookKeptSQL, "taken": takenSQL, "tried": triedSQL, "over": overSQL,
	"lock": lockSQL, "unpacked": unpackedSQL, "due": dueSQL, "claim": claimSQL, "settle": settleSQL, "look": lookSQL,
	"hurry": hurrySQL, "backlog": backlogSQL, "events": eventsSQL, "follow": followSQL, "strayed": strayedSQL,
	"payload": payloadSQL,
}

// DoubtfulSQL is asked once in a while.
const DoubtfulSQL = doubtfulSQL

// ByKey goes before all of them but backlog and events.
const ByKey = byKeySQL
