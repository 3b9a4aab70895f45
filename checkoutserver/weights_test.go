package checkoutserver

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	. "github.com/onsi/gomega"
)

const manyUsers = 10_000

func firsts(shares []share) map[string]string {
	out := map[string]string{}
	for i := range manyUsers {
		user := fmt.Sprintf("user-%d", i)
		out[user] = order(user, shares)[0]
	}
	return out
}

func counts(firsts map[string]string) map[string]int {
	out := map[string]int{}
	for _, key := range firsts {
		out[key]++
	}
	return out
}

func TestWeightsAreShares(t *testing.T) {
	for _, weights := range [][]int32{{90, 10}, {50, 50}, {1, 1, 1}, {1000, 1}, {70, 20, 10}} {
		var shares []share
		sum := int32(0)
		for i, w := range weights {
			shares = append(shares, share{fmt.Sprintf("shop/provider-%d", i), w})
			sum += w
		}
		got := counts(firsts(shares))
		for _, s := range shares {
			part, want := float64(got[s.key])/manyUsers, float64(s.weight)/float64(sum)
			if math.Abs(part-want) > .01 {
				t.Errorf("weights %v: %s has %.3f of the users, want %.3f", weights, s.key, part, want)
			}
		}
	}
}

// A changed weight moves no more users than the shares differ by, and all of them to where the weight grew.
func TestChangedWeightMovesTheFewest(t *testing.T) {
	g := NewWithT(t)
	before := firsts([]share{{"a", 90}, {"b", 10}, {"c", 20}})
	after := firsts([]share{{"a", 90}, {"b", 40}, {"c", 20}})
	moved := 0
	for user, at := range after {
		if at != before[user] {
			g.Expect(at).To(Equal("b"))
			moved++
		}
	}
	want := 40./150 - 10./120
	g.Expect(float64(moved) / manyUsers).To(BeNumerically("~", want, .01))
}

func TestOrder(t *testing.T) {
	g := NewWithT(t)
	shares := []share{{"a", 1}, {"b", 0}, {"c", 1}}
	g.Expect(order("u", shares)).To(ConsistOf("a", "c"), "weight 0 gets nothing")
	g.Expect(order("u", []share{shares[2], shares[0]})).To(Equal(order("u", shares)),
		"the order of the spec counts for nothing")
	g.Expect(order("u", nil)).To(BeEmpty())
	// The next choice of a user is the one that would be the first without the first.
	all := []share{{"a", 3}, {"b", 2}, {"c", 1}}
	for i := range 200 {
		user := strconv.Itoa(i)
		chosen := order(user, all)
		var rest []share
		for _, s := range all {
			if s.key != chosen[0] {
				rest = append(rest, s)
			}
		}
		g.Expect(order(user, rest)).To(Equal(chosen[1:]))
	}
}
