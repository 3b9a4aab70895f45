package stripe

import (
	"crypto/sha256"
	"net/http"
	"time"
)

// keepAnswers is how long an idempotency key is remembered. Stripe promises at least a day.
const keepAnswers = 24 * time.Hour

const idempotencyKeyMax = 255

// remembered is what was answered to the first request with a key.
type remembered struct {
	key         string
	path        string
	fingerprint [sha256.Size]byte
	born        time.Time
	running     bool
	requestID   string
	status      int
	body        []byte
}

// reserve looks the request's idempotency key up. It returns the answer of an earlier request, or a fresh entry
// that is to be finished or forgotten, or nil for a request that has no key or needs none. The account is
// locked.
func (a *account) reserve(r *http.Request, key string, pairs []pair, requestID string) (old, fresh *remembered,
	err *apiError) {
	if key == "" || r.Method != http.MethodPost {
		return nil, nil, nil
	}
	if len(key) > idempotencyKeyMax {
		return nil, nil, invalid("", "", "The idempotency key is too long: it may have at most %d characters.",
			idempotencyKeyMax)
	}
	a.forgetOld()
	digest := sha256.Sum256([]byte(r.Method + " " + r.URL.Path + "?" + canonical(pairs)))
	found := a.answers[key]
	switch {
	case found == nil:
		fresh = &remembered{
			key: key, path: r.URL.Path, fingerprint: digest, born: a.now(), running: true, requestID: requestID,
		}
		a.answers[key] = fresh
		a.oldest = append(a.oldest, fresh)
		return nil, fresh, nil
	case found.path != r.URL.Path:
		return nil, nil, keyMisuse("Keys for idempotent requests can only be used for the same endpoint they were first "+
			"used for ('"+r.URL.Path+"' vs '"+found.path+"').", key)
	case found.fingerprint != digest:
		return nil, nil, keyMisuse("Keys for idempotent requests can only be used with the same parameters they were "+
			"first used with.", key)
	case found.running:
		return nil, nil, &apiError{
			Status: http.StatusConflict, Type: typeIdempotency, Code: "idempotency_key_in_use", unstarted: true,
			DocURL: "https://stripe.com/docs/error-codes/idempotency-key-in-use",
			Message: "There is currently another in-progress request using this Stripe Idempotency Key (that probably " +
				"means you submitted twice, and the other request is still going through): " + key +
				". This is usually not a problem; please try again later.",
		}
	}
	return found, nil, nil
}

func keyMisuse(what, key string) *apiError {
	return &apiError{
		Status: http.StatusBadRequest, Type: typeIdempotency, unstarted: true,
		Message: what + " Try using a key other than '" + key + "' if you meant to execute a different request.",
	}
}

func (a *account) forget(entry *remembered) {
	if entry != nil && a.answers[entry.key] == entry {
		delete(a.answers, entry.key)
	}
}

func (a *account) forgetOld() {
	limit := a.now().Add(-keepAnswers)
	for len(a.oldest) > 0 && a.oldest[0].born.Before(limit) {
		a.forget(a.oldest[0])
		a.oldest[0] = nil
		a.oldest = a.oldest[1:]
	}
}
