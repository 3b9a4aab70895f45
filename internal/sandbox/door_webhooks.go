package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

// clockLimit is the longest advance, and the largest rate is as many times the time outside as it has seconds.
const clockLimit = 10 * 366 * 24 * time.Hour

// webhookDoor is the part of the door about time, events and deliveries.
func (s *Sandbox) webhookDoor(mux *http.ServeMux) {
	mux.HandleFunc("GET /_kassa/clock", func(w http.ResponseWriter, _ *http.Request) { s.showClock(w) })
	mux.HandleFunc("POST /_kassa/clock", s.setClock)
	mux.HandleFunc("GET /_kassa/deliveries", s.listDeliveries)
	mux.HandleFunc("GET /_kassa/deliveries/endpoints", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, s.webhooks.Totals())
	})
	mux.HandleFunc("POST /_kassa/deliveries/repeat", s.repeatDelivery)
	mux.HandleFunc("POST /_kassa/deliveries/hold", func(w http.ResponseWriter, _ *http.Request) {
		s.webhooks.Hold()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_kassa/deliveries/release", s.releaseDeliveries)
	mux.HandleFunc("POST /_kassa/deliveries/lose", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]int{"lost": s.webhooks.Lose()})
	})
	mux.HandleFunc("POST /_kassa/stripe/events", s.emitEvent)
	mux.HandleFunc("POST /_kassa/paddle/events", s.emitPaddleEvent)
	mux.HandleFunc("POST /_kassa/lemonsqueezy/events", s.emitLemonEvent)
}

func (s *Sandbox) showClock(w http.ResponseWriter) {
	reply(w, map[string]any{"now": s.clock.Now().UTC().Format(time.RFC3339Nano), "rate": s.clock.Rate()})
}

func (s *Sandbox) setClock(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Advance string  `json:"advance"`
		Rate    float64 `json:"rate"`
	}
	if !taken(w, r, &in) {
		return
	}
	var advance time.Duration
	if in.Advance != "" {
		var err error
		if advance, err = time.ParseDuration(in.Advance); err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
	}
	if advance < 0 || advance > clockLimit || in.Rate < 0 || in.Rate > clockLimit.Seconds() {
		refuse(w, http.StatusBadRequest, errors.New("advance and rate must be positive, and within ten years"))
		return
	}
	if in.Rate > 0 {
		s.clock.SetRate(in.Rate)
	}
	s.clock.Advance(advance)
	s.showClock(w)
}

func (s *Sandbox) listDeliveries(w http.ResponseWriter, r *http.Request) {
	q, out := r.URL.Query(), []delivery.Attempt{}
	is := func(name, value string) bool { return !q.Has(name) || q.Get(name) == value }
	for _, a := range s.Deliveries() {
		if is("provider", a.Provider) && is("endpoint", a.Endpoint) && is("message", a.Message) && is("type", a.Type) {
			out = append(out, a)
		}
	}
	reply(w, out)
}

func (s *Sandbox) repeatDelivery(w http.ResponseWriter, r *http.Request) {
	in := struct {
		Message  string `json:"message"`
		Endpoint string `json:"endpoint"`
		Times    int    `json:"times"`
	}{Times: 1}
	if !taken(w, r, &in) {
		return
	}
	if in.Times < 1 || in.Times > 1000 {
		refuse(w, http.StatusBadRequest, errors.New("times must be from 1 to 1000"))
		return
	}
	sent := 0
	for range in.Times {
		sent += s.webhooks.Repeat(in.Message, in.Endpoint)
	}
	if sent == 0 {
		refuse(w, http.StatusNotFound, errors.New("no such message is remembered"))
		return
	}
	reply(w, map[string]int{"sent": sent})
}

func (s *Sandbox) releaseDeliveries(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Order delivery.Order `json:"order"`
		Seed  uint64         `json:"seed"`
	}
	if !taken(w, r, &in) {
		return
	}
	switch in.Order {
	case delivery.AsSent, delivery.Reversed, delivery.Shuffled:
		reply(w, map[string]int{"sent": s.webhooks.Release(in.Order, in.Seed)})
	default:
		refuse(w, http.StatusBadRequest, fmt.Errorf("order must be empty, %s or %s", delivery.Reversed, delivery.Shuffled))
	}
}

func (s *Sandbox) emitPaddleEvent(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Account string          `json:"account"`
		Live    *bool           `json:"live"`
		Type    string          `json:"type"`
		Data    json.RawMessage `json:"data"`
	}
	if !taken(w, r, &in) {
		return
	}
	var found []paddle.View
	for _, v := range s.paddle.Accounts() {
		if (in.Account == "" || v.ID() == in.Account) && (in.Live == nil || v.Live() == *in.Live) {
			found = append(found, v)
		}
	}
	if len(found) != 1 {
		refuse(w, http.StatusNotFound, fmt.Errorf("%d accounts match: name one by account and live that has been used",
			len(found)))
		return
	}
	event, err := found[0].Emit(in.Type, in.Data)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	reply(w, event)
}

func (s *Sandbox) emitLemonEvent(w http.ResponseWriter, r *http.Request) {
	var in lemonsqueezy.Notice
	if !taken(w, r, &in) {
		return
	}
	data, sent, err := s.lemon.Emit(in)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	reply(w, map[string]any{"type": in.Type, "data": data, "sent": sent})
}
