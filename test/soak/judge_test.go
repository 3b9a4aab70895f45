package soak

import (
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

const (
	// noticed is how long after a kill its broken connections may be seen, on a busy machine.
	noticed = 5 * time.Second
	// dying is how long a replica that is being killed may go on.
	dying = 200 * time.Millisecond
	// unsettled is how long a receiver may take to write down that a sink took an event of the inbox.
	unsettled = 15 * time.Second
	// givenUp is how long after an event came to the sink its receiver may have given up on the answer, and cut the
	// connection: within its budget of 3 s, if it is not busy.
	givenUp = 4 * time.Second
)

// moment is a time since the run began.
type moment = time.Duration

// offer is one attempt of a receiver at the sink.
type offer struct {
	began, ended moment
	taken        bool
	closed       moment // when the connection that it came by was closed; 0: not before the end
}

// history is what is known of an event.
type history struct {
	sent         moment // for the first time
	acknowledged moment // 0: never
	offers       []offer
	broken       []moment // when connections broke by which the provider had sent it and had no answer
	refused      bool     // the provider got an answer other than 200
}

// verdict on an event.
type verdict int

const (
	once       verdict = iota
	inHand             // taken again after a kill found it in the sink's hands, or on the way back from there
	late               // taken again because the receiver had given up on the answer, as on a machine that is overloaded
	unanswered         // never acknowledged
	lost               // acknowledged, and never taken
	doubled            // taken again, and no kill explains it
)

var verdictNames = [...]string{
	"once", "twice by a kill", "twice, answered late", "never acknowledged", "LOST",
	"TWICE WITHOUT A KILL",
}

func (v verdict) String() string { return verdictNames[v] }

// judge explains each time that an event was taken again by another kill, before which the sink had got it: either the
// provider's request broke at that kill, or the killed replica's connection to the sink did, before the provider had
// its 200, or soon after an event of the inbox was taken.
func judge(h history, kills []moment) verdict {
	taken := 0
	for _, o := range h.offers {
		if o.taken {
			taken++
		}
	}
	switch {
	case h.acknowledged == 0:
		return unanswered
	case taken == 0:
		return lost
	case taken == 1:
		return once
	}
	explained := 0
	for _, kill := range kills {
		atKill := func(at moment) bool { return at >= kill && at < kill+noticed }
		requestBroke := slices.ContainsFunc(h.broken, atKill)
		if slices.ContainsFunc(h.offers, func(o offer) bool {
			if !o.taken || o.began > kill+dying {
				return false
			}
			replicaDied := o.closed != 0 && atKill(o.closed)
			return requestBroke || replicaDied && (h.acknowledged > kill || kill-o.ended < unsettled)
		}) {
			explained++
		}
	}
	if taken-1 <= explained {
		return inHand
	}
	for _, o := range h.offers {
		if o.taken && o.closed != 0 && o.closed-o.began < givenUp {
			explained++
		}
	}
	if taken-1 <= explained {
		return late
	}
	return doubled
}

// overtook says that an event was taken before an earlier one of its subscription that was acknowledged before this one
// was sent.
func overtook(h, earlier history) bool {
	if earlier.acknowledged == 0 || earlier.acknowledged >= h.sent {
		return false
	}
	took, taken := h.firstTaken()
	before, was := earlier.firstTaken()
	return taken && (!was || took.began < before.ended)
}

func (h history) firstTaken() (offer, bool) {
	i := slices.IndexFunc(h.offers, func(o offer) bool { return o.taken })
	if i < 0 {
		return offer{}, false
	}
	return h.offers[i], true
}

func TestJudge(t *testing.T) {
	at := func(seconds float64) moment { return moment(seconds * float64(time.Second)) }
	taken := func(began, ended, closed float64) offer { return offer{at(began), at(ended), true, at(closed)} }
	missed := func(began, ended float64) offer { return offer{at(began), at(ended), false, 0} }
	kills := []moment{at(10), at(40)}
	for _, c := range []struct {
		reason string
		h      history
		want   verdict
	}{
		{"taken once", history{acknowledged: at(90), offers: []offer{taken(1, 2, 0)}}, once},
		{"refused, then taken", history{acknowledged: at(90), offers: []offer{missed(1, 2), taken(3, 4, 0)}}, once},
		{"no answer yet", history{offers: []offer{taken(1, 2, 0)}}, unanswered},
		{"acknowledged and not offered", history{acknowledged: at(90)}, lost},
		{"acknowledged and refused", history{acknowledged: at(90), offers: []offer{missed(1, 2)}}, lost},
		{"twice for nothing", history{acknowledged: at(90), offers: []offer{taken(1, 2, 0), taken(3, 4, 0)}}, doubled},
		{"the request broke at the kill", history{
			acknowledged: at(90), offers: []offer{taken(9.9, 10.1, 0), taken(41, 42, 0)}, broken: []moment{at(10.2)},
		}, inHand},
		{"the request broke long after the kill", history{
			acknowledged: at(90), offers: []offer{taken(9.9, 10.1, 0), taken(41, 42, 0)}, broken: []moment{at(20)},
		}, doubled},
		{"it was not offered before the kill", history{
			acknowledged: at(90), offers: []offer{taken(10.5, 11, 0), taken(12, 13, 0)}, broken: []moment{at(10.2)},
		}, doubled},
		{"it was offered while the replica was being killed", history{
			acknowledged: at(9), offers: []offer{taken(10.1, 10.1, 10.2), taken(31, 32, 0)},
		}, inHand},
		{"one kill explains one repetition", history{
			acknowledged: at(90), offers: []offer{taken(9, 10, 0), taken(30, 31, 0), taken(32, 33, 0)},
			broken: []moment{at(10.2)},
		}, doubled},
		{"two kills explain two", history{
			acknowledged: at(90), offers: []offer{taken(9, 10, 0), taken(39, 40, 0), taken(70, 71, 0)},
			broken: []moment{at(10.2), at(40.1)},
		}, inHand},
		{"from the inbox: the connection to the sink broke", history{
			acknowledged: at(2), offers: []offer{missed(1, 2), taken(9, 9.5, 10.1), taken(12, 13, 0)},
		}, inHand},
		{"a connection that closed at another time", history{
			acknowledged: at(90), offers: []offer{missed(1, 2), taken(9, 9.5, 30), taken(32, 33, 0)},
		}, doubled},
		{"the receiver cut the connection before it had the answer", history{
			acknowledged: at(23), offers: []offer{taken(20, 20.1, 20.6), taken(21, 22, 0)},
		}, late},
		{"one cut explains one repetition", history{
			acknowledged: at(25), offers: []offer{taken(20, 20.1, 20.6), taken(21, 22, 0), taken(23, 24, 0)},
		}, doubled},
		{"taken long before the kill, and acknowledged", history{
			acknowledged: at(13), offers: []offer{taken(11, 12, 40.1), taken(50, 51, 0)},
		}, doubled},
		{"taken long before the kill, and not acknowledged", history{
			acknowledged: at(60), offers: []offer{taken(11, 12, 40.1), taken(50, 51, 0)},
		}, inHand},
	} {
		t.Run(c.reason, func(t *testing.T) {
			NewWithT(t).Expect(judge(c.h, kills).String()).To(Equal(c.want.String()))
		})
	}
}

func TestOvertook(t *testing.T) {
	taken := func(began, ended moment) []offer { return []offer{{began: began, ended: ended, taken: true}} }
	earlier := history{sent: 1, acknowledged: 2, offers: taken(10, 11)}
	for _, c := range []struct {
		reason  string
		h       history
		earlier history
		want    bool
	}{
		{"one after the other", history{sent: 3, offers: taken(11, 12)}, earlier, false},
		{"at the same time", history{sent: 3, offers: taken(10, 12)}, earlier, true},
		{"before one that was not taken", history{sent: 3, offers: taken(10, 12)}, history{acknowledged: 2}, true},
		{"it came before the other was there", history{sent: 2, offers: taken(3, 4)}, earlier, false},
		{"the other never was", history{sent: 2, offers: taken(3, 4)}, history{}, false},
		{"refused before its time", history{sent: 3, offers: []offer{{began: 5, ended: 6}}}, earlier, false},
	} {
		t.Run(c.reason, func(t *testing.T) { NewWithT(t).Expect(overtook(c.h, c.earlier)).To(Equal(c.want)) })
	}
}
