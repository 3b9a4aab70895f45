package provider

import "fmt"

// Bounds of what identifies an event, in bytes. They are those of a LedgerEntry and of a WebhookEvent.
const (
	MaxEventID    = 128
	MaxNativeType = 100
)

// CheckIdentity refuses an event whose id or native type is missing, too long, or not of printable ASCII without
// spaces, which every provider's are: both go into headers, logs and objects. The error wraps ErrMalformedEvent.
func CheckIdentity(id, nativeType string) error {
	switch {
	case !plain(id) || !plain(nativeType):
		return fmt.Errorf("%w: no id or type", ErrMalformedEvent)
	case len(id) > MaxEventID || len(nativeType) > MaxNativeType:
		return fmt.Errorf("%w: id or type is too long", ErrMalformedEvent)
	}
	return nil
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
