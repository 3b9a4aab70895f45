// Package kube keeps the ledger of a receiver in EventLedger objects. Any number of replicas write to it, without a
// leader, a lease or a clock in common.
//
// # What is stored
//
//	<receiver>-0-0000000000   the anchor: no entries; annotations floor=4, open=2
//	<receiver>-0-0000000002   a segment: entry d, claimed by a replica that died
//	<receiver>-0-0000000004   a segment: entries a b c e f g, all settled; was merged from 1, 3 and 4
//	<receiver>-0-0000000005   a segment: entries h i, both settled
//	<receiver>-0-0000000006   a segment: entries j k l, still claimed by the replica that made it
//
// An entry is born Claimed and settled as Processed, Deferred or Dead; Deferred moves on to Processed or Dead. Claims
// that come while a write is under way go together in the next one, which creates a segment of their own under the next
// sequence: who is second at that finds that the name exists, reads what the winner made, drops what is now a duplicate
// and tries the next sequence. So each segment has one replica's claims in it and that replica alone settles them,
// unless it dies, with an Update that nobody contends for. Short segments all of whose events are settled are merged at
// quiet times. The anchor says which segments cannot have been deleted, which is that it covers them: those from its
// floor on, and the open ones below.
//
// A replica holds a view: the newest version that it knows of every segment, as an index from the first 128 bits of
// the SHA-256 of an event's id to the entry's place and state. It lists the ledger once, then follows a watch and
// takes in what it writes and reads. Its head is the lowest sequence of which it knows no segment, and below which it
// knows all.
//
// # What is assumed
//
// The store's properties are those that the store interface lists, and no others; TestStoreOnAPIServer checks those
// that can be checked. Versions of one object form a chain, since an Update takes effect only on the uid and version
// that it names. An answer that is not the API's own, such as a proxy's 404, has no meaning (definite). Segments are
// written and deleted by ledgers only. The anchor may be deleted by anybody at any time; that is covered below.
//
// # What is claimed, and why it holds
//
// The view lags and never lies. Everything in it was in a version that the API server had answered, listed or watched,
// so it was durable. An older version never replaces a newer one (fresh).
//
// An event is in the ledger at most once, as long as it is remembered. Three facts give this:
//
//  1. A segment is created with all of the claims that it will ever get. Later versions change states, and merges add
//     entries that were settled elsewhere before (merge); so whoever has read any version of a segment knows every
//     event that was claimed in it.
//  2. A replica creates segment n only when it has read every segment below n, or when that was deleted. The head moves
//     in two ways: past a segment that was read and proved (advance), and to the place after the last one of a list, or
//     to its floor (listed). A list is of one moment, so it has all entries of all segments below; what other
//     goroutines read while it ran is later than that moment and does not count for the head. The Create takes effect
//     only if there is no n. So an event that is in a lower segment is not claimed again.
//  3. The n that is created is the first one of that name. Otherwise a replica that slept while n was merged or
//     forgotten, or a Create that was on its way all that time, could claim events in the past, which nobody reads. An
//     object counts as the first of its sequence (segment.first) after a proof: the object existed, and later the
//     anchor covered n. It ceases to before any object n is deleted (uncover), and what it does not cover it never
//     covers again (raised); so at the moment of that anchor no object n had been deleted, and the one that existed was
//     the first. proveOwn and look read the anchor after they made or read the object. The watch shows changes in their
//     order, so the anchor that is known when an object appears in it is of that moment or later; a list is of one
//     moment, and proves objects by the uid that it showed (prove).
//
// The third fact in the order of time:
//
//	object n    |--- created --- settled ------------------ merged or old, deleted
//	anchor      covers n                     does not cover n
//	proof       |      n is there, covered           none any more: a new n does not count
//
// Claims are handed out of a segment only when it is proved, by its maker or to who takes them over. A segment that is
// no first, a stray, so has claims that nobody was given. The anchor covers every segment with claims in it: a floor
// that is raised above one leaves it open (raised), and a view that lags knows more claims rather than fewer. So a
// segment that is not covered, is not known to be the first, and has claims, is a stray: its claims are left out of the
// index (disown), its maker deletes it, or else whoever prunes next. Entries in other states were settled by one who
// had them, and count wherever they are. Nothing is written into a stray, though it may be the very image of the
// segment before it, marks and all: work that waits for a segment waits for one object (lane), and what is merged or
// given up has been looked at again (merged, giveUp).
//
// A claim has one holder. Each attempt at a claim has a mark, replica and time, that no other claim ever has: the
// replica's name ends in a random number made at its start, mark never gives a time twice, and an op that the ledger
// has overtaken gets a new one (redecide). Won is answered only when a durable version has the entry with this mark
// and state Claimed, when it is still so in the view at that moment, and when nobody else can have taken it over
// (handOver). A takeover names the mark that it replaces and is dropped if another is there (takeOver), so of two
// takeovers one wins. A settle takes effect on an entry that this process has claimed; for another's it is ErrLost.
// Within one process a late settle by the holder before is let in: the process did handle the event.
//
// Nobody's clock is compared with another's. A claim may be taken over when a replica has known it, unchanged, for
// ClaimTimeout on its own clock. Nobody can know a claim before it is durable, which is after its holder called Claim:
// so the holder has ClaimTimeout from that call, whatever the lag of watches and answers. While the API server fails
// nobody can settle, so the time in which a replica saw it fail does not count (succeeded). An answer that comes
// later than that is not handed out (handOver). A replica that pauses with an event in hand finds its claim gone when
// it settles. The event is then handed out a second time as Resumed, and a sink may get it twice, with the same id:
// delivered at least once.
//
// A write whose outcome is not known is not guessed at. Its operations are given back only after the segment has been
// read again (create, reread), and are drafted anew from what was read:
//
//	version 7 --+-- draft A, answer lost ......(may land at any time)
//	            |   read: still 7
//	            +-- draft B, the same operations from 7    one of A and B becomes 8; the other can never take effect
//
// With a Create, "no segment 7" stands for version 7. If A had taken effect by then its marks and states are in the
// version that was read, and the operations are concluded without another write. If it lands before B, B fails and
// reads again. If the caller is gone meanwhile, the claim may become durable with nobody to hold it; the process knows
// the mark as its own and not held, and gives the event, as Resumed, to whoever asks for it next.
//
// A merge moves nothing that could still change, and forgets nothing: the entries are durable in their new place before
// the old ones go, the new place has the higher sequence, and the higher one wins in every index (view.take). Who
// misses a segment by reading it is not told by the watch yet where its entries are, so it lists the ledger before it
// goes on (read). The pages of a list are of one moment but come one after another: what shows a stray in place of a
// segment comes before the page with that segment's entries, so it is taken in at the end (takeListed). A segment whose
// end was seen is not brought back by a page or an answer of before (takeListed, take): it would be in the way of
// merging for as long as the watch lasts. A merge that is broken off, or two at once, leave an entry in two places, and
// the next round, or pruning, has one fewer.
//
// A watch that lags or misses changes costs conflicts, not truth: whoever writes from an old version loses and reads
// the new one. A lagging replica may answer Busy or Duplicate for an event that was settled or forgotten since, and
// the provider's next attempt finds out. Processed and Dead are never left, so a view that lags cannot say of an event
// that it is done when it is not.
//
// What is answered is durable. Claim and Settle return nil only from verdicts of a version whose write was answered,
// or that was read, or of a view (Duplicate, or the state that is asked for).
//
// Nothing is forgotten early. A segment is deleted only in the version in which its events were seen to be older than
// the retention, by the deleting replica's clock, and none of them Deferred; one that changed meanwhile is not deleted,
// since Delete names its version. A claim that nobody settled for that long is given up, as its provider has done long
// ago: it is settled as Dead first (giveUp), and goes when it is no claim any more. The retention is shorter by the
// difference between the clocks of the replica that claimed and the one that deletes, and is at least 72 h. A duplicate
// that comes when some replicas have forgotten its event and others have not is a duplicate to these and new to those;
// the new entry is in a later segment, which wins in every index, and the late news of the old segment's end does not
// touch it.
//
// After a crash nothing has to be repaired. Claims of the dead process are durable, are not this process's, and are
// handed out as Resumed after ClaimTimeout. A restarted process has another name and waits like everybody else.
//
// A deleted anchor ends nothing. Replicas that know it make no segment that counts any more, since no proof succeeds,
// until they have listed the ledger anew, and keep only which claims they have in hand. The new anchor covers the
// segments with claims in them, which the one before covered as well, and those from the next sequence on
// (listing.bounds); the last segment is never deleted, so the next sequence is the same for all. What the proof leaves
// out is a stray, from a Create that took minutes, which is still there when somebody deletes the anchor: nothing tells
// it from a segment that counts.
//
// An object stays below etcd's limit. A segment has at most MaxMaxEntries entries, and an entry's fields are bounded
// by MaxID, MaxType and the length of a replica's name. The anchor names mostOpen segments, or at the moment after
// somebody deleted it those with claims in them.
//
// Claims that nobody settles hold up little: merging waits for young ones and passes old ones by (mergeable).
//
// # What is only about speed
//
// When to write (turns), when to merge (tempo), and which versions are kept decoded have no part in the above. The
// model test runs all of this in virtual time against a store with exactly the listed properties, under random
// schedules of lag, loss, crash, pause and skew, and of a person who deletes the anchor; schedules that the dice hardly
// find are written out in schedules_test.go. load_test.go measures turns in virtual time.
package kube
