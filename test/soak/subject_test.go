package soak

import (
	"testing"

	. "github.com/onsi/gomega"
)

// statuses of a subscription, one for each of its events, in their order.
var statuses = []string{"trialing", "active", "past_due"}

// apart is how many events are between two of one subscription: few enough that they often meet.
const apart = 100

// subject is the subscription that an event is about, and the event's place among its events.
func subject(n int) (subscription, place int) {
	round, rest := n/(apart*len(statuses)), n%(apart*len(statuses))
	return round*apart + rest%apart, rest / apart
}

// before are the earlier events of the same subscription.
func before(n int) (events []int) {
	_, place := subject(n)
	for i := range place {
		events = append(events, n-(place-i)*apart)
	}
	return events
}

func TestSubject(t *testing.T) {
	g := NewWithT(t)
	of := map[int][]int{}
	for n := range 6 * apart {
		subscription, place := subject(n)
		g.Expect(of[subscription]).To(HaveLen(place))
		g.Expect(of[subscription]).To(Equal(before(n)))
		of[subscription] = append(of[subscription], n)
	}
	g.Expect(of).To(HaveLen(2 * apart))
}
