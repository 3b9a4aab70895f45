package v1alpha1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	receivedAtFormat = "2006-01-02T15:04:05Z"
	claimedAtFormat  = "2006-01-02T15:04:05.000000Z"
	emptyWord        = "-"
	hexDigits        = "0123456789ABCDEF"
)

// errEntry has nothing of the entry in it, which may be anything.
var errEntry = errors.New("not a ledger entry: want `id type receivedAt state [claimedBy claimedAt]`")

// MarshalJSON writes the entry as a line of text. In words of it, everything but visible ASCII is percent-encoded, and
// what JSON or HTML would escape.
func (e LedgerEntry) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, len(e.ID)+len(e.Type)+len(e.ClaimedBy)+80)
	b = append(b, '"')
	b = appendWord(b, e.ID)
	b = append(b, ' ')
	b = appendWord(b, e.Type)
	b = append(b, ' ')
	b = e.ReceivedAt.UTC().AppendFormat(b, receivedAtFormat)
	b = append(b, ' ')
	b = appendWord(b, string(e.State))
	if e.ClaimedBy != "" && e.ClaimedAt != nil {
		b = append(b, ' ')
		b = appendWord(b, e.ClaimedBy)
		b = append(b, ' ')
		b = e.ClaimedAt.UTC().AppendFormat(b, claimedAtFormat)
	}
	return append(b, '"'), nil
}

// UnmarshalJSON reads what MarshalJSON writes. It takes every line that the schema's pattern admits, since one that it
// refuses makes the whole segment unreadable, and with it the ledger.
func (e *LedgerEntry) UnmarshalJSON(raw []byte) error {
	if n := len(raw); n >= 2 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return e.parse(string(raw[1 : n-1]))
	}
	var line string
	if err := json.Unmarshal(raw, &line); err != nil {
		return errEntry
	}
	return e.parse(line)
}

func (e *LedgerEntry) parse(line string) error {
	var words [6]string
	n := 0
	for word := range strings.SplitSeq(line, " ") {
		if n == len(words) || word == "" {
			return errEntry
		}
		words[n] = word
		n++
	}
	if n != 4 && n != 6 {
		return errEntry
	}
	received, ok := timeOf(words[2], receivedAtFormat)
	if !ok {
		return fmt.Errorf("%w: receivedAt is no time", errEntry)
	}
	*e = LedgerEntry{
		ID: plainWord(words[0]), Type: plainWord(words[1]),
		ReceivedAt: metav1.Time{Time: received}, State: EntryState(words[3]),
	}
	if n == 6 {
		claimed, ok := timeOf(words[5], claimedAtFormat)
		if !ok {
			return fmt.Errorf("%w: claimedAt is no time", errEntry)
		}
		e.ClaimedBy, e.ClaimedAt = plainWord(words[4]), &metav1.MicroTime{Time: claimed}
	}
	return nil
}

// timeOf reads a time by its digits. Unlike time.Parse it takes a day that no month has, as one of the month after: a
// pattern admits it, and a person may write it.
func timeOf(word, format string) (time.Time, bool) {
	if len(word) != len(format) {
		return time.Time{}, false
	}
	var parts [7]int // from the year to the microseconds
	at := 0
	for i := range len(format) {
		switch c := word[i]; {
		case isDigit(format[i]) && isDigit(c):
			parts[at] = 10*parts[at] + int(c-'0')
		case isDigit(format[i]) || c != format[i]:
			return time.Time{}, false
		default:
			at++
		}
	}
	const micro = int(time.Microsecond)
	return time.Date(
		parts[0], time.Month(parts[1]), parts[2], parts[3], parts[4], parts[5], parts[6]*micro, time.UTC,
	), true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func appendWord(b []byte, word string) []byte {
	if word == "" {
		return append(b, emptyWord...)
	}
	if word == emptyWord {
		return append(b, "%2D"...)
	}
	for i := range len(word) {
		switch c := word[i]; {
		case c <= ' ' || c > '~', strings.IndexByte(`%"\<>&`, c) >= 0:
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}

// plainWord takes a percent sign that encodes nothing as it is.
func plainWord(word string) string {
	if word == emptyWord {
		return ""
	}
	if strings.IndexByte(word, '%') < 0 {
		return word
	}
	b := make([]byte, 0, len(word))
	for i := 0; i < len(word); i++ {
		if word[i] == '%' && i+2 < len(word) {
			high, low := strings.IndexByte(hexDigits, word[i+1]), strings.IndexByte(hexDigits, word[i+2])
			if high >= 0 && low >= 0 {
				b = append(b, byte(high<<4|low)) //nolint:gosec // each is below 16
				i += 2
				continue
			}
		}
		b = append(b, word[i])
	}
	return string(b)
}
