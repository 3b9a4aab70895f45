package soak

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

// refusedOnce is every how many-th event the sink refuses at first, so that it goes through the inbox.
const refusedOnce = 101

// sink is an application that writes down what it was offered.
type sink struct {
	url   string
	began time.Time

	mu     sync.Mutex
	first  []compact // by event; began 0: none yet
	more   map[int][]compact
	closed []uint32 // by connection
	taken  int      // events
	wrong  []string
}

// compact is an offer in few bytes; times are milliseconds, never 0.
type compact struct {
	began, ended uint32
	conn         int32
	taken        bool
}

type connKey struct{}

func newSink(t *testing.T, began time.Time, events int) *sink {
	k := &sink{began: began, first: make([]compact, events), more: map[int][]compact{}}
	server := httptest.NewUnstartedServer(k)
	var conns sync.Map // net.Conn → its number
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		k.mu.Lock()
		defer k.mu.Unlock()
		n := int32(len(k.closed))
		k.closed = append(k.closed, 0)
		conns.Store(c, n)
		return context.WithValue(ctx, connKey{}, n)
	}
	server.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s != http.StateClosed {
			return
		}
		if n, ok := conns.LoadAndDelete(c); ok {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.closed[n.(int32)] = k.now()
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	k.url = server.URL
	return k
}

func (k *sink) now() uint32 { return uint32(max(1, time.Since(k.began).Milliseconds())) }

func (k *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := k.now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender was killed
	}
	var event struct{ ID string }
	n := -1
	if json.Unmarshal(body, &event) == nil && len(event.ID) > digits {
		n, err = strconv.Atoi(event.ID[len(event.ID)-digits:])
	}
	if err != nil || n < 0 || n >= len(k.first) {
		k.mu.Lock()
		k.wrong = append(k.wrong, event.ID)
		k.mu.Unlock()
		return
	}
	<-time.After(rand.N(3 * time.Millisecond)) // the application's work
	conn, _ := r.Context().Value(connKey{}).(int32)
	k.mu.Lock()
	defer k.mu.Unlock()
	refuse := n%refusedOnce == 0 && k.first[n].began == 0
	o := compact{began: began, ended: k.now(), conn: conn, taken: !refuse}
	if o.taken && !k.wasTaken(n) {
		k.taken++
	}
	if k.first[n].began == 0 {
		k.first[n] = o
	} else {
		k.more[n] = append(k.more[n], o)
	}
	if refuse {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// wasTaken is called with k.mu held.
func (k *sink) wasTaken(n int) bool {
	if k.first[n].taken {
		return true
	}
	for _, o := range k.more[n] {
		if o.taken {
			return true
		}
	}
	return false
}

func (k *sink) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.taken
}

// offers of an event.
func (k *sink) offers(n int) []offer {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.first[n].began == 0 {
		return nil
	}
	var out []offer
	for _, o := range append([]compact{k.first[n]}, k.more[n]...) {
		out = append(out, offer{millis(o.began), millis(o.ended), o.taken, millis(k.closed[o.conn])})
	}
	return out
}

func millis(n uint32) moment { return moment(n) * time.Millisecond }
