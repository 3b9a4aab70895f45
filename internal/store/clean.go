package store

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// What a provider sends may be anything, and PostgreSQL refuses a whole transaction for one value. So values are made
// to fit before: a record that lacks the end of a text is better than none, and than none of the events beside it.

// Bounds of texts, in bytes. Five ids fit into an entry of an index, which PostgreSQL limits to 2,704 bytes.
const (
	maxID   = 500
	maxText = 2000
)

// ID is an id, or a part of an index, as PostgreSQL takes it.
func ID(s string) string { return clean(s, maxID) }

// Text is a text as PostgreSQL takes it.
func Text(s string) string { return clean(s, maxText) }

// clean leaves valid UTF-8 without byte 0, cut at a rune's border.
func clean(s string, limit int) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	s = strings.ReplaceAll(s, "\x00", string(utf8.RuneError))
	if len(s) <= limit {
		return s
	}
	for !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// The years that everybody's programs can read.
var (
	earliest = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// Instant is the nearest time that PostgreSQL takes.
func Instant(t time.Time) time.Time {
	switch {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t
}

// integer is the nearest number that a column of 32 bits takes.
func integer(n int64) int32 {
	return int32(min(max(n, math.MinInt32), math.MaxInt32))
}
