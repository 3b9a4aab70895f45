package records

import (
	"crypto/sha256"
	"encoding/hex"
)

// OrderKey stands for the subscription, or else the customer, that an event is about, and tells neither. It is empty if
// there is none.
func OrderKey(subscription, customer string) string {
	var of string
	switch {
	case subscription != "":
		of = "subscription/" + subscription
	case customer != "":
		of = "customer/" + customer
	default:
		return ""
	}
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:16])
}
