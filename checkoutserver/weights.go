package checkoutserver

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
)

// share is a provider's part of the users.
type share struct {
	key    string
	weight int32
}

// order is a user's providers, the first choice first, by weighted rendezvous hashing: every provider draws a number
// for the user, and the smallest wins. One whose weight grows wins users of all others in proportion, and nobody else
// moves. Those of weight 0 are left out.
func order(user string, shares []share) []string {
	type draw struct {
		key  string
		size float64
	}
	draws := make([]draw, 0, len(shares))
	for _, s := range shares {
		if s.weight > 0 {
			draws = append(draws, draw{s.key, -math.Log(chance(user, s.key)) / float64(s.weight)})
		}
	}
	slices.SortFunc(draws, func(a, b draw) int { return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.key, b.key)) })
	keys := make([]string, len(draws))
	for i, d := range draws {
		keys[i] = d.key
	}
	return keys
}

// chance is a number above 0 and up to 1 that follows from a user and a provider.
func chance(user, key string) float64 {
	sum := sha256.Sum256([]byte(key + "\x00" + user))
	const bits = 53 // what a float64 holds exactly
	return float64(binary.BigEndian.Uint64(sum[:])>>(64-bits)+1) / (1 << bits)
}
