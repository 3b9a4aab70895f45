package registration

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxRetiring is how many replaced secrets are kept at once.
const MaxRetiring = 8

// Record is what the Secret of a managed registration remembers.
type Record struct {
	Serving  Held
	Retiring []Held // oldest first
	// Adopted is the endpoint of registration.managed.adopt that was taken over; it is not taken over twice.
	Adopted string
	// Rotated is the last rotation that was asked for and done; see Token.
	Rotated string
	// RotatedAt is when a secret was last replaced.
	RotatedAt time.Time
}

// Held is a signing secret and the endpoint that signs with it.
type Held struct {
	// ID is the provider's id of the endpoint. Of a secret that was replaced in place it is one of our own, and while
	// it is not known which endpoint a chosen secret will belong to it is empty.
	ID     string
	Secret string
	MadeAt time.Time // of Serving
	// Unconfirmed: the provider was not seen to have taken the secret. Only with provider.SecretChosen.
	Unconfirmed bool
	Until       time.Time // of Retiring: when it is removed
}

// clone lets a changed record be compared with the one before.
func (r Record) clone() Record {
	r.Retiring = slices.Clone(r.Retiring)
	return r
}

// Equal compares what is stored of two records.
func (r Record) Equal(other Record) bool {
	same := func(a, b Held) bool {
		return a.ID == b.ID && a.Secret == b.Secret && a.Unconfirmed == b.Unconfirmed && a.MadeAt.Equal(b.MadeAt) &&
			a.Until.Equal(b.Until)
	}
	return same(r.Serving, other.Serving) && slices.EqualFunc(r.Retiring, other.Retiring, same) &&
		r.Adopted == other.Adopted && r.Rotated == other.Rotated && r.RotatedAt.Equal(other.RotatedAt)
}

// has says that an endpoint is in the record.
func (r Record) has(id string) bool {
	return id != "" && (r.Serving.ID == id || r.retiring(id) >= 0)
}

func (r Record) retiring(id string) int {
	return slices.IndexFunc(r.Retiring, func(h Held) bool { return h.ID == id })
}

// without is the record when a retiring secret is dropped.
func (r Record) without(id string) Record {
	r = r.clone()
	r.Retiring = slices.DeleteFunc(r.Retiring, func(h Held) bool { return h.ID == id })
	return r
}

// inPlace is an id for the secret of an endpoint that got another.
func (r Record) inPlace() string {
	n := 0
	for _, h := range r.Retiring {
		if rest, ok := strings.CutPrefix(h.ID, r.Serving.ID+"#"); ok {
			if k, err := strconv.Atoi(rest); err == nil {
				n = max(n, k)
			}
		}
	}
	return fmt.Sprintf("%s#%d", r.Serving.ID, n+1)
}
