package stripe

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
)

// eventLimit is how many events an account keeps at least; Stripe keeps thirty days of them.
const eventLimit = 10_000

// Retries is Stripe's own schedule: three days with exponential back-off in live mode, three attempts within a few
// hours in test mode. Stripe tells no more; the single waits are made up.
func Retries(live bool) delivery.Schedule {
	if !live {
		return delivery.Schedule{time.Hour, 2 * time.Hour}
	}
	return delivery.Schedule{
		5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 12 * time.Hour, 12 * time.Hour,
		12 * time.Hour, 12 * time.Hour,
	}
}

// emit announces a change: it keeps the event, and sends it to every endpoint that asked for its type.
// previous is empty but for updates. The account is locked.
func (a *account) emit(kind string, data any, previous object, origin Origin) *Event {
	e := &Event{
		ID: newID("evt"), Object: "event", APIVersion: APIVersion, Created: a.now().Unix(), Livemode: a.live,
		Request: origin, Type: kind, seq: a.next(), pending: map[string]bool{},
		Data: EventData{Object: raw(data)},
	}
	if len(previous) > 0 {
		e.Data.PreviousAttributes = raw(previous)
	}
	if len(a.events.rows) >= 2*eventLimit {
		for _, old := range a.events.rows[:eventLimit] {
			delete(a.events.byID, old.ID)
		}
		a.events.rows = slices.Clone(a.events.rows[eventLimit:])
	}
	a.events.insert(e)
	for _, endpoint := range a.endpoints.rows {
		if endpoint.wants(kind) {
			e.pending[endpoint.ID] = true
		}
	}
	e.PendingWebhooks = len(e.pending)
	for _, endpoint := range a.endpoints.rows {
		if endpoint.wants(kind) {
			a.send(*e, endpoint.ID)
		}
	}
	return e
}

func raw(v any) json.RawMessage {
	var compact bytes.Buffer
	if err := json.Compact(&compact, encode(v)); err != nil {
		panic(err)
	}
	return compact.Bytes()
}

func (e *WebhookEndpoint) wants(kind string) bool {
	return e.Status == "enabled" && !e.connect &&
		(slices.Contains(e.EnabledEvents, "*") || slices.Contains(e.EnabledEvents, kind))
}

func (a *account) send(e Event, endpoint string) {
	if a.server.opt.Webhooks == nil {
		return
	}
	a.server.opt.Webhooks.Send(delivery.Job{
		Provider: "stripe", Type: e.Type, Message: e.ID, Endpoint: endpoint, Retries: a.server.retries(a.live),
		Prepare: func(now time.Time) (string, http.Header, []byte, bool) { return a.prepare(e, endpoint, now) },
		Report: func(o delivery.Outcome) {
			a.mu.Lock()
			defer a.mu.Unlock()
			if kept := a.events.byID[e.ID]; kept != nil && o.Delivered {
				delete(kept.pending, endpoint)
				kept.PendingWebhooks = len(kept.pending)
			}
		},
	})
}

func (s *Server) retries(live bool) delivery.Schedule {
	if s.opt.Retries == nil {
		return delivery.Quick
	}
	return s.opt.Retries(live)
}

// prepare makes one attempt's request: the signature is of the time of the attempt.
func (a *account) prepare(e Event, endpoint string, now time.Time) (url string, h http.Header, body []byte, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	to := a.endpoints.byID[endpoint]
	if to == nil || to.Status != "enabled" {
		return "", nil, nil, false
	}
	if to.APIVersion != nil {
		e.APIVersion, e.Data = *to.APIVersion, shapeOf(e.Data, *to.APIVersion)
	}
	body = encode(&e)
	h = http.Header{}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	h.Set("Accept", "*/*; q=0.5, application/xml")
	h.Set("Cache-Control", "no-cache")
	h.Set("Stripe-Signature", Sign(to.Secret, now, body))
	return to.URL, h, body, true
}

// Sign makes the Stripe-Signature header of a body that is sent at the time t.
func Sign(secret string, t time.Time, body []byte) string {
	stamp := strconv.FormatInt(t.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// updated announces a change of an object whose wire form was before. Nothing is announced when nothing
// differs.
func (a *account) updated(kind string, before object, now any, origin Origin) {
	previous := difference(before, objectOf(now))
	if len(previous) == 0 || (len(previous) == 1 && previous["updated"] != nil) {
		return
	}
	a.emit(kind, now, previous, origin)
}

func getEvent(c *call) (any, *apiError) {
	e, ok := c.events.byID[c.id]
	if !ok {
		return nil, missing(http.StatusNotFound, "id", "event", c.id)
	}
	return e, nil
}

func listEvents(c *call) (any, *apiError) {
	if c.p.has("type") && c.p.has("types") {
		return nil, invalid("type", "parameters_exclusive", "You may only specify one of these parameters: type, types.")
	}
	types, kind := among(c.p, "types"), c.p.text("type")
	group, grouped := strings.CutSuffix(kind, "*")
	created := c.p.created()
	rows, more, err := page(c.events, c.events.rows, c.p, "event", func(e *Event) bool {
		if c.p.has("delivery_success") && (e.PendingWebhooks == 0) != c.p.boolean("delivery_success") {
			return false
		}
		ofKind := kind == "" || e.Type == kind || grouped && strings.HasPrefix(e.Type, group)
		return ofKind && (types == nil || types[e.Type]) && created.has(e.Created)
	})
	if err != nil {
		return nil, err
	}
	return listOf("/v1/events", rows, more), nil
}
