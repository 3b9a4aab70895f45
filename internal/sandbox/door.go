package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
)

// doorLimit is the largest request body of the door in bytes.
const doorLimit = 4 << 20

func (s *Sandbox) door() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_kassa/health", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]bool{"ok": true})
	})
	mux.HandleFunc("GET /_kassa/requests", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"counts": s.Counts(), "requests": s.Requests()})
	})
	mux.HandleFunc("GET /_kassa/state", func(w http.ResponseWriter, _ *http.Request) {
		states := []stripe.State{}
		for _, v := range s.stripe.Accounts() {
			states = append(states, v.State())
		}
		paddles := []paddle.State{}
		for _, v := range s.paddle.Accounts() {
			paddles = append(paddles, v.State())
		}
		reply(w, map[string]any{"stripe": states, "paddle": paddles, "lemonsqueezy": s.lemon.State()})
	})
	mux.HandleFunc("DELETE /_kassa/state", func(w http.ResponseWriter, _ *http.Request) {
		s.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_kassa/faults", s.addFaults)
	mux.HandleFunc("DELETE /_kassa/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_kassa/stripe/renewals", s.renew)
	mux.HandleFunc("POST /_kassa/stripe/keys", revoking(s.stripe.Revoke))
	mux.HandleFunc("POST /_kassa/stripe/keys/roll", s.rollKey)
	s.webhookDoor(mux)
	s.paddleDashboard(mux)
	s.dashboard(mux)
	return mux
}

func (s *Sandbox) addFaults(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, doorLimit))
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	var faults []traffic.Fault
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] != '[' {
		body = append(append([]byte("["), trimmed...), ']')
	}
	if err := strict(bytes.NewReader(body), &faults); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if err := s.faults.Add(faults...); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// which names an account; both parts may be left out when only one account is in use.
type which struct {
	Account  string `json:"account"`
	Livemode *bool  `json:"livemode"`
}

func (s *Sandbox) find(by which) (stripe.View, error) {
	var found []stripe.View
	for _, v := range s.stripe.Accounts() {
		if (by.Account == "" || v.ID() == by.Account) && (by.Livemode == nil || v.Live() == *by.Livemode) {
			found = append(found, v)
		}
	}
	if len(found) != 1 {
		return stripe.View{}, fmt.Errorf("%d accounts match: name one by account and livemode that has been used",
			len(found))
	}
	return found[0], nil
}

func (s *Sandbox) emitEvent(w http.ResponseWriter, r *http.Request) {
	var in struct {
		which
		Type     string          `json:"type"`
		Object   json.RawMessage `json:"object"`
		Previous json.RawMessage `json:"previous_attributes"`
	}
	if err := strict(http.MaxBytesReader(w, r.Body, doorLimit), &in); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	account, err := s.find(in.which)
	if err != nil {
		refuse(w, http.StatusNotFound, err)
		return
	}
	event, err := account.Emit(in.Type, in.Object, in.Previous)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	reply(w, event)
}

func (s *Sandbox) renew(w http.ResponseWriter, r *http.Request) {
	var in struct {
		which
		Subscription string `json:"subscription"`
	}
	if err := strict(http.MaxBytesReader(w, r.Body, doorLimit), &in); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	account, err := s.find(in.which)
	if err != nil {
		refuse(w, http.StatusNotFound, err)
		return
	}
	switch err := account.Renew(in.Subscription); {
	case errors.Is(err, stripe.ErrNotFound):
		refuse(w, http.StatusNotFound, err)
	case err != nil:
		refuse(w, http.StatusConflict, err)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// revoking makes keys invalid, or valid again.
func revoking(revoke func(key string, revoked bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Key     string `json:"key"`
			Revoked bool   `json:"revoked"`
		}
		if err := strict(http.MaxBytesReader(w, r.Body, doorLimit), &in); err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		revoke(in.Key, in.Revoked)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Sandbox) rollKey(w http.ResponseWriter, r *http.Request) {
	var in struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	err := strict(http.MaxBytesReader(w, r.Body, doorLimit), &in)
	if err == nil {
		err = s.stripe.Roll(in.From, in.To)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Sandbox) lagLists(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Millis int64 `json:"ms"`
	}
	err := strict(http.MaxBytesReader(w, r.Body, doorLimit), &in)
	if err == nil && in.Millis < 0 {
		err = errors.New("ms must not be negative")
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	s.paddle.SetListLag(time.Duration(in.Millis) * time.Millisecond)
	w.WriteHeader(http.StatusNoContent)
}

func strict(r io.Reader, into any) error {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v)
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
