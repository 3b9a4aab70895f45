// Package kube keeps the ledger of a receiver in EventLedger objects. Any number of replicas write to it, without a
// leader, a lease or a clock in common.
//
// # What is stored
//
//	<receiver>-0-0000000000   the anchor: no entries; annotation floor=3
//	<receiver>-0-0000000003   a segment: entries a b c d, sealed
//	<receiver>-0-0000000004   a segment: entries e f g, sealed
//	<receiver>-0-0000000005   the head: entries h i, takes more
//	<receiver>-0-0000000006   the spare: empty, becomes the head when 5 is sealed
//
// An entry is born Claimed and settled as Processed, Deferred or Dead; Deferred moves on to Processed or Dead. Every
// write is one Update of one segment from the version that it was made from, or one Create of an empty segment. Claims
// and settles that come while a write is under way go together in the next one. Claims are added to the head; an entry
// is settled in the segment that it is in.
//
// A replica holds a view: the newest version that it knows of every segment, as an index from the first 128 bits of
// the SHA-256 of an event's id to the entry's place and state. It lists the ledger once, then follows a watch and
// takes in what it writes and reads. Its head is the lowest segment that it does not know to be sealed.
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
//  1. A segment's entries only grow until it is sealed, and are never more afterwards: revised copies all of them,
//     append is the only place that adds one, and it is called for the head alone, which is not sealed in the version
//     that the draft is made from. The seal is never taken off.
//  2. A replica appends to segment n only when every segment below n was sealed in its view, or was deleted. The head
//     moves in two ways: past a sealed version that was read (advance), and to the place after the last sealed segment
//     of a list, or to its floor (listed). A list is of one moment, so it has all entries of all segments below; what
//     other goroutines read while it ran is later than that moment and does not count for the head. By 1 a sealed
//     version has all the entries that its segment will ever have, so the index has every event below n. The draft is
//     made from a version of n, and takes effect only if that is the newest: so every event in n is seen too, and an
//     event that is in either is not added again.
//  3. The object that is called n when entries are added is the one that was always called n. Otherwise a replica that
//     slept while n was deleted, or a Create that was on its way all that time, could make another n, and events would
//     be added to the past. An object counts as the first of its sequence (segment.first), and only then takes
//     entries, after a proof: the object existed, and later the anchor's floor was not above n. The floor is raised
//     above n before any object n is deleted (prune), and never falls; so at the moment of that floor no object n had
//     been deleted, and the one that existed was the first. makeSegment reads the anchor after it made or read the
//     object. The watch shows changes in their order, so the floor that is known when an object appears in it is of
//     that moment or later; a list is of one moment, and proves objects by the uid that it showed (prove).
//
// The third fact in the order of time:
//
//	object n    |--- created --- filled --- sealed ------------------- deleted
//	floor       |                                    raised above n
//	proof       |      n is there, floor <= n        none any more: a new n stays empty and is pruned
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
// so the holder has ClaimTimeout from that call, whatever the lag of watches and answers. An answer that comes later
// than that is not handed out (handOver). A replica that pauses with an event in hand finds its claim gone when it
// settles. The event is then handed out a second time as Resumed, and a sink may get it twice, with the same id:
// delivered at least once.
//
// A write whose outcome is not known is not guessed at. Its operations are given back only after the segment has been
// read again (write, reread), and are drafted anew from what was read:
//
//	version 7 --+-- draft A, answer lost ......(may land at any time)
//	            |   read: still 7
//	            +-- draft B, the same operations from 7    one of A and B becomes 8; the other can never take effect
//
// If A had taken effect by then its marks and states are in the version that was read, and the operations are
// concluded without another write. If it lands before B, B fails and reads again. If the caller is gone meanwhile, the
// claim may become durable with nobody to hold it; the process knows the mark as its own and not held, and gives the
// event, as Resumed, to whoever asks for it next.
//
// A watch that lags or misses changes costs conflicts, not truth: whoever writes from an old version loses and reads
// the new one. A lagging replica may answer Busy or Duplicate for an event that was settled or forgotten since, and
// the provider's next attempt finds out. Processed and Dead are never left, so a view that lags cannot say of an event
// that it is done when it is not.
//
// What is answered is durable. Claim and Settle return nil only from verdicts of a version whose write was answered,
// or that was read, or of a view (Duplicate, or the state that is asked for).
//
// Nothing is forgotten early. A segment is deleted only in the version in which it was seen sealed, with every event
// settled, and the newest of them older than the retention by the deleting replica's clock; a segment that changed
// meanwhile is not deleted, since Delete names its version. The retention is shorter by the difference between the
// clocks of the replica that claimed and the one that deletes, and is at least 72 h. A duplicate that comes when some
// replicas have forgotten its event and others have not is a duplicate to these and new to those; the new entry is in
// a later segment, which wins in every index (view.take), and the late news of the old segment's end does not touch
// it.
//
// After a crash nothing has to be repaired. Claims of the dead process are durable, are not this process's, and are
// handed out as Resumed after ClaimTimeout. A restarted process has another name and waits like everybody else.
//
// A deleted anchor ends nothing. Replicas that know it make no segment any more, since no proof succeeds, and append
// to a segment that they had proved before: the head, as CAS on an older one fails. The new anchor's floor is the
// sequence after the last sealed segment, which is the same one, because the segment before the head is never pruned
// (listing.floor). (Only a Create of an anchor that is under way for longer than the retention, while the anchor is
// deleted twice, would bring back an old floor.) A replica that learns of the new anchor lists anew and keeps only
// which claims it has in hand.
//
// An object stays below etcd's limit. A segment has at most MaxMaxEntries entries, and an entry's fields are bounded
// by MaxID, MaxType and the length of a replica's name.
//
// # What is only about speed
//
// When to write (turns), how long a segment gets before it is sealed (tempo), the spare, and which versions are kept
// decoded have no part in the above. The model test runs all of this in virtual time against a store with exactly the
// listed properties, under random schedules of lag, loss, crash, pause and skew, and of a person who deletes the
// anchor; schedules that the dice hardly find are written out in schedules_test.go.
package kube
