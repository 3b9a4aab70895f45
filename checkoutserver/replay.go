package checkoutserver

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"sync"
	"time"

	"k8s.io/utils/lru"

	"github.com/kassa-dev/kassa/internal/billing"
)

const (
	// maxReplays is how many answers are remembered; the oldest give way. With 1 KiB each they fit into 20 MiB.
	maxReplays = 20_000
	// replayFor is how long an answer is given again.
	replayFor = 24 * time.Hour
)

// digest tells requests apart without keeping them.
type digest [sha256.Size]byte

// digestOf is the same for the same texts in the same order.
func digestOf(texts ...string) digest {
	h := sha256.New()
	for _, text := range texts {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(text)))
		_, _ = h.Write(size[:])
		_, _ = h.Write([]byte(text))
	}
	return digest(h.Sum(nil))
}

// digestOfValue is the same for equal values.
func digestOfValue(value any) digest {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return sha256.Sum256(text)
}

// replayID is whose key it is, and for what.
func (c *call) replayID(operation, key string) digest {
	return digestOf(string(c.cfg.uid), operation, c.whose(), key)
}

// whose tells apart those who may use the same Idempotency-Key without knowing of each other. A user who is known by an
// email alone is a user too. Where nobody is known, two buyers may well think of the same key, and must not be given
// one checkout: there an address counts. An application's own server has all keys to itself.
func (c *call) whose() string {
	switch {
	case c.user.ID != "":
		return "user " + c.user.ID
	case c.user.Email != "":
		return "email " + billing.LowerEmail(c.user.Email)
	case c.cfg.spec.Auth.Anonymous != nil:
		return "address " + clientAddress(c.r, c.cfg.proxies)
	default:
		return ""
	}
}

// replays remembers what requests with an Idempotency-Key were answered. It is of one replica: across them the
// provider's own idempotency keys count.
type replays struct {
	mu    sync.Mutex
	known *lru.Cache
}

// replay is one request that was made, or is being made.
type replay struct {
	request digest
	began   time.Time
	done    chan struct{}
	answer  *answer // after done; nil for one that shall be made again
}

// isOver says that the answer is not given any more. What has expired can be opened again.
func (r *replay) isOver(now time.Time) bool {
	if now.Sub(r.began) >= replayFor {
		return true
	}
	select {
	case <-r.done:
		return r.answer != nil && !r.answer.until.IsZero() && !now.Before(r.answer.until)
	default:
		return false
	}
}

func newReplays() *replays { return &replays{known: lru.New(maxReplays)} }

// do makes a request whose key is id, or gives the answer of the one before. One that did not go well is made again.
// again says that the answer is an earlier one's.
func (r *replays) do(id, request digest, now time.Time, work func() *answer) (a *answer, again bool) {
	for {
		mine, first := r.join(id, request, now)
		if mine.request != request {
			return keyReused(), false
		}
		if first {
			return r.work(id, mine, work), false
		}
		<-mine.done // work is bounded
		if mine.answer != nil {
			return mine.answer, true
		}
	}
}

func (r *replays) work(id digest, mine *replay, work func() *answer) *answer {
	defer close(mine.done)
	defer func() {
		if mine.answer == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.known.Remove(id)
		}
	}()
	a := work()
	if a.ok() {
		mine.answer = a
	}
	return a
}

func (r *replays) join(id, request digest, now time.Time) (mine *replay, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.known.Get(id); ok {
		if mine = known.(*replay); !mine.isOver(now) {
			return mine, false
		}
	}
	mine = &replay{request: request, began: now, done: make(chan struct{})}
	r.known.Add(id, mine)
	return mine, true
}
