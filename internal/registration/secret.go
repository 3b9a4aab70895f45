package registration

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Keys of the Secret. Replicas take every key that starts with signing-secret as a live secret; those of retiring ones
// have numbers, the oldest the lowest.
const (
	KeySecret   = "signing-secret"
	KeyEndpoint = "endpoint-id"

	keyMadeAt      = "made-at"
	keyChecksum    = "checksum"
	keyUnconfirmed = "unconfirmed"
	keyUntil       = "retire-at"
	keyAdopted     = "adopted"
	keyRotated     = "rotated"
	keyRotatedAt   = "rotated-at"
)

// Decode reads a Secret. What somebody wrote into it by hand is not believed: a serving secret that does not fit its
// checksum counts as unknown, and a retiring one without a time is none of Kassa's.
func Decode(data map[string][]byte) Record {
	text := func(key string) string { return string(data[key]) }
	r := Record{
		Serving: Held{
			ID: text(KeyEndpoint), Secret: text(KeySecret), MadeAt: timeOf(data[keyMadeAt]),
			Unconfirmed: len(data[keyUnconfirmed]) > 0,
		},
		Adopted: text(keyAdopted), Rotated: text(keyRotated), RotatedAt: timeOf(data[keyRotatedAt]),
	}
	if sum, ok := data[keyChecksum]; ok && !bytes.Equal(sum, checksum(r.Serving)) {
		r.Serving.Secret = ""
	}
	for _, n := range numbers(data) {
		h := Held{ID: text(numbered(KeyEndpoint, n)), Secret: text(numbered(KeySecret, n))}
		h.Until = timeOf(data[numbered(keyUntil, n)])
		if h.ID != "" && h.Secret != "" && !h.Until.IsZero() {
			r.Retiring = append(r.Retiring, h)
		}
	}
	return r
}

// Encode writes a record into a Secret's data. Keys that are not Kassa's stay.
func Encode(r Record, data map[string][]byte) map[string][]byte {
	out := maps.Clone(data)
	if out == nil {
		out = map[string][]byte{}
	}
	for _, n := range numbers(data) {
		for _, key := range []string{KeySecret, KeyEndpoint, keyUntil} {
			delete(out, numbered(key, n))
		}
	}
	put := func(key, value string) {
		delete(out, key)
		if value != "" {
			out[key] = []byte(value)
		}
	}
	put(KeyEndpoint, r.Serving.ID)
	put(KeySecret, r.Serving.Secret)
	put(keyMadeAt, format(r.Serving.MadeAt))
	put(keyUnconfirmed, "")
	if r.Serving.Unconfirmed {
		put(keyUnconfirmed, "true")
	}
	put(keyChecksum, "")
	if r.Serving.Secret != "" {
		out[keyChecksum] = checksum(r.Serving)
	}
	put(keyAdopted, r.Adopted)
	put(keyRotated, r.Rotated)
	put(keyRotatedAt, format(r.RotatedAt))
	for i, h := range r.Retiring {
		put(numbered(KeyEndpoint, i+1), h.ID)
		put(numbered(KeySecret, i+1), h.Secret)
		put(numbered(keyUntil, i+1), format(h.Until))
	}
	return out
}

// checksum tells a secret that was edited by hand from one that Kassa stored for this endpoint.
func checksum(h Held) []byte {
	sum := sha256.Sum256([]byte(h.ID + "\n" + h.Secret))
	return []byte(hex.EncodeToString(sum[:]))
}

func numbered(key string, n int) string { return fmt.Sprintf("%s-%d", key, n) }

// numbers are those of the retiring secrets, ascending.
func numbers(data map[string][]byte) []int {
	var out []int
	for key := range data {
		rest, ok := strings.CutPrefix(key, keyUntil+"-")
		if n, err := strconv.Atoi(rest); ok && err == nil && numbered(keyUntil, n) == key {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

func timeOf(text []byte) time.Time {
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return time.Time{}
	}
	return t
}

func format(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Token is the value of a kassa.dev/rotate-secret annotation, or a hash of one that is too long for a status.
func Token(annotation string) string {
	if len(annotation) <= 256 {
		return annotation
	}
	sum := sha256.Sum256([]byte(annotation))
	return "sha256:" + hex.EncodeToString(sum[:])
}
