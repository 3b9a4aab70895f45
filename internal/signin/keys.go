package signin

import (
	"context"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	// maxKeyAge is how long a key that the issuer withdrew still counts, while the issuer can be asked.
	maxKeyAge = 10 * time.Minute
	// askPause lies between two questions to the issuer, whatever tokens come: 12 a minute at most.
	askPause = 5 * time.Second
	// askTimeout ends a question.
	askTimeout = 5 * time.Second
)

// keySet remembers an issuer's keys. While the issuer is away, those that are known go on.
type keySet struct {
	ask    func(context.Context) ([]jose.JSONWebKey, error)
	now    func() time.Time
	flight singleflight.Group

	mu    sync.Mutex
	keys  []jose.JSONWebKey
	read  time.Time // when keys were read
	asked time.Time // when the last question ended
	err   error     // what the last question ended with
}

func newKeySet(ask func(context.Context) ([]jose.JSONWebKey, error), now func() time.Time) *keySet {
	return &keySet{ask: ask, now: now}
}

// current are the keys to try first. Old ones are read again before they are used, unless the issuer was away at the
// last try: then nobody waits for it.
func (k *keySet) current(ctx context.Context) []jose.JSONWebKey {
	k.mu.Lock()
	keys, old, away := k.keys, k.now().Sub(k.read) >= maxKeyAge, k.err != nil
	k.mu.Unlock()
	switch {
	case keys == nil || !old:
		return keys
	case away:
		k.question(ctx)
		return keys
	}
	// Whether it worked or not, these are the keys to go by.
	keys, _ = k.refreshed(ctx)
	return keys
}

// refreshed are the keys as the issuer has them now, or had them a moment ago. With an error, they are the last ones.
func (k *keySet) refreshed(ctx context.Context) ([]jose.JSONWebKey, error) {
	if keys, paused, err := k.pausing(); paused {
		return keys, err
	}
	var err error
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case result := <-k.question(ctx):
		err = result.Err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys, err
}

// pausing says whether the last question is so young that its answer counts for now.
func (k *keySet) pausing() (keys []jose.JSONWebKey, paused bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys, !k.asked.IsZero() && k.now().Sub(k.asked) < askPause, k.err
}

// question is on its way at most once at a time. It outlives the request that began it, because others wait for it too.
func (k *keySet) question(ctx context.Context) <-chan singleflight.Result {
	return k.flight.DoChan("", func() (any, error) {
		if _, paused, err := k.pausing(); paused {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		keys, err := k.ask(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.asked, k.err = k.now(), err
		if err == nil {
			k.keys, k.read = keys, k.asked
		}
		return nil, err
	})
}
