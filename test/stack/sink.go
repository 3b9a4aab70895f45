package stack

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Sink is an application that takes CloudEvents and counts them by id.
type Sink struct {
	URL string

	mu     sync.Mutex
	tried  map[string]int
	taken  map[string]int
	answer func(id string, attempt int) int
	wrong  []string
}

// NewSink starts a Sink that takes everything. The test fails if something else than a CloudEvent came.
func NewSink(t testing.TB) *Sink {
	k := &Sink{tried: map[string]int{}, taken: map[string]int{}}
	server := httptest.NewServer(k)
	t.Cleanup(func() {
		server.Close()
		for _, w := range k.wrong {
			t.Errorf("the sink got %s", w)
		}
	})
	k.URL = server.URL
	return k
}

// Answer decides what the sink answers to the nth attempt, from 1, at an event. Other than 2xx is not taken. It may
// block.
func (k *Sink) Answer(f func(id string, attempt int) int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = f
}

// Taken is how often each event was taken, by its CloudEvent id.
func (k *Sink) Taken() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.taken)
}

// Tried is how often each event was offered, by its CloudEvent id.
func (k *Sink) Tried() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.tried)
}

// ServeHTTP takes one event.
func (k *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender was killed
	}
	var event struct{ ID, Type, SpecVersion string }
	err = json.Unmarshal(body, &event)
	k.mu.Lock()
	if err != nil || event.ID == "" || event.SpecVersion != "1.0" ||
		!strings.HasPrefix(r.Header.Get("Content-Type"), "application/cloudevents+json") {
		k.wrong = append(k.wrong, string(body))
	}
	k.tried[event.ID]++
	attempt, answer := k.tried[event.ID], k.answer
	k.mu.Unlock()
	status := http.StatusOK
	if answer != nil {
		status = answer(event.ID, attempt)
	}
	if status/100 == 2 {
		k.mu.Lock()
		k.taken[event.ID]++
		k.mu.Unlock()
	}
	w.WriteHeader(status)
}
