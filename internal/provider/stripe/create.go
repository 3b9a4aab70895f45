package stripe

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// maxReplays bounds the idempotency keys that are tried after the first one.
const maxReplays = 8

// create sends a create under an idempotency key. Stripe remembers a key's result for at least a day, also when it
// was a 500, and repeats it however much the world has changed since. So a repeated result counts only as far as it
// can be checked: a repeated success as long as its object exists, which fresh reads. A repeated refusal, and a
// success whose object is gone, make Kassa go on with the next key in a row that every process walks in the same
// order. A repeated success that cannot be read is no reason to: the object may well exist.
//
// A row of eight results that are all useless comes from an outage with real 500s. The key after them changes every
// hour, so that such a row blocks a Plan for an hour at most, not for a day.
func create[T any](key string, send func(key string) (T, answer, error), fresh func(T) (T, error)) (T, error) {
	var zero T
	for i := 0; ; i++ {
		made, a, err := send(suffixed(key, i))
		switch {
		case err == nil && !a.replayed():
			return made, nil
		case err == nil:
			now, err := fresh(made)
			if !provider.IsNotFound(err) {
				return now, err
			}
		case !isIdempotencyError(err) && (!a.replayed() || a.status < http.StatusBadRequest):
			return zero, err
		}
		if i > maxReplays {
			if err == nil {
				err = &provider.Error{
					Class: provider.ClassUnavailable, Provider: billing.Stripe, Operation: "create", Status: a.status,
					Message: "Stripe repeats an earlier answer about an object that no longer exists",
				}
			}
			return zero, err
		}
	}
}

func suffixed(key string, i int) string {
	switch {
	case i == 0:
		return key
	case i <= maxReplays:
		return fmt.Sprintf("%s-r%d", key, i)
	default:
		return fmt.Sprintf("%s-h%d", key, time.Now().Unix()/3600)
	}
}

// isIdempotencyError says that the key was used before, for a request with other parameters.
func isIdempotencyError(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && e.Code == string(stripe.ErrorTypeIdempotency)
}

// alreadyExists says that an object with the chosen id exists.
func alreadyExists(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && e.Code == string(stripe.ErrorCodeResourceAlreadyExists)
}
