package lemonsqueezy

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
)

// ErrUnknownEvent: LemonSqueezy has no event of that name.
var ErrUnknownEvent = errors.New("unknown event")

// Retries is LemonSqueezy's own schedule: three more attempts, and then the event is lost.
func Retries() delivery.Schedule {
	return delivery.Schedule{5 * time.Second, 25 * time.Second, 125 * time.Second}
}

// Sign makes the X-Signature header of a body. It says nothing about the time.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// Notice is something that happens in a store.
type Notice struct {
	// Type is the event's name, such as order_created.
	Type string `json:"type"`
	// Data is the resource that it is about: type, id, attributes and so on. Empty makes one up.
	Data json.RawMessage `json:"data,omitempty"`
	// CustomData is what the checkout was given.
	CustomData map[string]any `json:"custom_data,omitempty"`
	Live       bool           `json:"live,omitempty"`
}

// Sent is a notice on its way to one webhook.
type Sent struct {
	Webhook   int64  `json:"webhook"`
	WebhookID string `json:"webhook_id"` // of the event's meta
}

// Emit sends a notice to the webhooks of its store and mode that ask for its name, and returns the resource that it is
// about.
func (s *Server) Emit(n Notice) (json.RawMessage, []Sent, error) {
	if !slices.Contains(eventNames, n.Type) {
		return nil, nil, ErrUnknownEvent
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(n.Data) == 0 {
		n.Data = plain(s.sample(n.Type, n.Live))
	}
	var about struct {
		Attributes struct {
			StoreID int64 `json:"store_id"`
		} `json:"attributes"`
	}
	if err := json.Unmarshal(n.Data, &about); err != nil {
		return nil, nil, fmt.Errorf("data is no resource: %w", err)
	}
	return n.Data, s.publish(about.Attributes.StoreID, n), nil
}

// publish sends a notice to the webhooks of a store, or of all if it is 0. The server is locked.
func (s *Server) publish(store int64, n Notice) []Sent {
	sent := []Sent{}
	for _, w := range s.webhooks {
		if of := store == 0 || store == w.StoreID; of && w.TestMode != n.Live && slices.Contains(w.Events, n.Type) {
			sent = append(sent, Sent{w.ID, s.send(n, w)})
		}
	}
	return sent
}

// send queues a notice for a webhook. Its id is the same at every attempt. The server is locked.
func (s *Server) send(n Notice, to *Webhook) string {
	id := newUUID()
	meta := map[string]any{"test_mode": !n.Live, "event_name": n.Type, "webhook_id": id}
	if len(n.CustomData) > 0 {
		meta["custom_data"] = n.CustomData
	}
	body := plain(struct {
		Meta any             `json:"meta"`
		Data json.RawMessage `json:"data"`
	}{meta, n.Data})
	if s.opt.Webhooks == nil {
		return id
	}
	s.opt.Webhooks.Send(delivery.Job{
		Provider: "lemonsqueezy", Type: n.Type, Message: id, Endpoint: strconv.FormatInt(to.ID, 10),
		Retries: s.opt.Retries, ExactlyOK: true,
		Prepare: func(time.Time) (string, http.Header, []byte, bool) {
			s.mu.Lock()
			defer s.mu.Unlock()
			w := s.webhook(to.ID)
			if w == nil {
				return "", nil, nil, false
			}
			h := http.Header{}
			h.Set("Content-Type", "application/json")
			h.Set("X-Event-Name", n.Type)
			h.Set("X-Signature", Sign(w.Secret, body))
			return w.URL, h, body, true
		},
		Report: func(o delivery.Outcome) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if w := s.webhook(to.ID); w != nil && !o.Gone() {
				at := stampOf(o.Time)
				w.LastSentAt = &at
			}
		},
	})
	return id
}

// plain is the JSON of a value with < and > as they are.
func plain(v any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte("null")
	}
	return bytes.TrimSpace(out.Bytes())
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
