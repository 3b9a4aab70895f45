package paddle

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
)

// Event is an event on the wire.
type Event struct {
	EventID    string          `json:"event_id"`
	EventType  string          `json:"event_type"`
	OccurredAt string          `json:"occurred_at"`
	Data       json.RawMessage `json:"data"`
}

// payload is what a notification carries: the event, and which notification it is.
type payload struct {
	EventID        string          `json:"event_id"`
	EventType      string          `json:"event_type"`
	OccurredAt     string          `json:"occurred_at"`
	NotificationID string          `json:"notification_id"`
	Data           json.RawMessage `json:"data"`
}

// kept is how many events, and how many notifications, an account keeps at least. Paddle keeps ninety days of them.
const kept = 10_000

// deliveryTime is how long Paddle waits for an answer.
const deliveryTime = 5 * time.Second

// Retries is Paddle's own schedule. Live: up to sixty attempts within three days, the first twenty within an hour.
// Sandbox: three within a quarter of an hour. Paddle tells no more; the single waits are made up.
func Retries(live bool) delivery.Schedule {
	if !live {
		return delivery.Schedule{5 * time.Minute, 10 * time.Minute}
	}
	return slices.Concat(
		slices.Repeat(delivery.Schedule{3 * time.Minute}, 19), slices.Repeat(delivery.Schedule{105 * time.Minute}, 40),
	)
}

// Sign makes the Paddle-Signature header of a body that is sent at the time t.
func Sign(secret string, t time.Time, body []byte) string {
	stamp := strconv.FormatInt(t.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + ":"))
	mac.Write(body)
	return "ts=" + stamp + ";h1=" + hex.EncodeToString(mac.Sum(nil))
}

func (e *Event) key() string { return e.EventID }

// stamp is a time of an event or a notification.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// emit announces a change: it keeps the event, and notifies every destination that asked for its type. The account is
// locked.
func (a *account) emit(kind string, data any) *Event {
	e := &Event{EventID: a.newID("evt"), EventType: kind, OccurredAt: stamp(a.clock()), Data: plain(data)}
	a.events = trimmed(a.events, a.eventByID)
	a.events, a.eventByID[e.EventID] = append(a.events, e), e
	for _, s := range a.settings {
		if s.wants(kind) {
			a.notify(e, s, originEvent)
		}
	}
	return e
}

// plain is the JSON of a value with < and > as they are.
func plain(v any) json.RawMessage {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return json.RawMessage("null")
	}
	return bytes.TrimSpace(out.Bytes())
}

// trimmed is a list without its older half when it has twice as many as are kept.
func trimmed[T identified](rows []T, byID map[string]T) []T {
	if len(rows) < 2*kept {
		return rows
	}
	for _, old := range rows[:kept] {
		delete(byID, old.key())
	}
	return slices.Clone(rows[kept:])
}

// wants tells whether a destination is sent an event of that type over HTTP. Everything that the stand-in emits is
// traffic of the platform.
func (s *Setting) wants(kind string) bool {
	return s.Active && s.Type == typeURL && s.TrafficSource != "simulation" &&
		slices.ContainsFunc(s.SubscribedEvents, func(t EventType) bool { return t.Name == kind })
}

func (c *call) listEvents() (any, *apiError) {
	found, at, err := paged(c, c.events, c.eventByID, byKey[*Event](), defaultPage, func(*Event) bool { return true })
	if err != nil {
		return nil, err
	}
	return listing{anys(found), at}, nil
}

// Events are the events that are kept, oldest first.
func (v View) Events() []Event {
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	return copies(v.a.events)
}

// ErrUnknownEvent: Paddle has no event type of that name.
var ErrUnknownEvent = errors.New("unknown event type")

// Emit announces an event of that type to the account's destinations as if its entity had changed. Without data it is
// about an entity that the account has, or one that is made up.
func (v View) Emit(kind string, data json.RawMessage) (Event, error) {
	if _, known := eventType(kind); !known {
		return Event{}, ErrUnknownEvent
	}
	v.a.mu.Lock()
	defer v.a.mu.Unlock()
	if len(data) == 0 {
		return *v.a.emit(kind, v.a.sample(kind)), nil
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(data, &given); err != nil {
		return Event{}, err
	}
	return *v.a.emit(kind, data), nil
}

// request makes one attempt's request: the signature is of the time of the attempt.
func (a *account) request(body []byte, setting string, now time.Time) (string, http.Header, []byte, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	to := a.settingByID[setting]
	if to == nil || !to.Active {
		return "", nil, nil, false
	}
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "Paddle")
	h.Set("Paddle-Version", strconv.Itoa(to.APIVersion))
	h.Set("Paddle-Signature", Sign(to.Secret, now, body))
	return to.Destination, h, body, true
}
