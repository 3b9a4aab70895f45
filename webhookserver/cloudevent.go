package webhookserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/telemetry"
)

const (
	// structuredType is the media type of a structured CloudEvent.
	structuredType = "application/cloudevents+json; charset=utf-8"
	dataType       = "application/json"
	typePrefix     = "dev.kassa."
	typeNative     = "native"
	// usualEnvelope is what most CloudEvents have besides the native form, in bytes.
	usualEnvelope = 1280
	// dataSchema is the published schema of data; docs/schemas has the whole event's.
	dataSchema = "https://kassa.dev/schemas/event/v1alpha1.json"
)

// eventData is data without native, which is written in by hand.
type eventData struct {
	Customer     *billing.EventCustomer     `json:"customer,omitempty"`
	Subscription *billing.EventSubscription `json:"subscription,omitempty"`
	Payment      *billing.EventPayment      `json:"payment,omitempty"`
	Checkout     *billing.EventCheckout     `json:"checkout,omitempty"`
	Dispute      *billing.EventDispute      `json:"dispute,omitempty"`
	Dunning      *billing.EventDunning      `json:"dunning,omitempty"`
	Metadata     map[string]string          `json:"metadata,omitempty"`
}

// message is an event encoded as a CloudEvent, once for all sinks and attempts: in structured mode, and for binary mode
// the part of it that is the data. It is the same on every attempt: the id comes from the provider's, and nothing in it
// is of the attempt.
type message struct {
	event      string // the provider's id
	key        string // see orderKey
	at         moment
	received   time.Time
	origin     telemetry.Origin // where the event is delivered after the request
	headerID   string           // the CloudEvent's id, as an HTTP header
	structured []byte
	data       []byte // a part of structured
	context    []attribute
	headers    http.Header
	once       sync.Once
}

// attribute of the CloudEvent's context.
type attribute struct{ name, value string }

// cloudEvent encodes an event that was received at that time. The native form is not looked at again: Parse has found
// that it is JSON.
func cloudEvent(s *settings, e *billing.Event, receivedAt time.Time) (*message, error) {
	m := &message{
		event: e.ID, key: orderKey(e), at: momentOf(e.Time, receivedAt, e.ID), received: receivedAt,
		context: attributesOf(s, e),
	}
	m.headerID = headerValue(s.idPrefix + e.ID)
	var buf bytes.Buffer
	buf.Grow(len(e.Native) + usualEnvelope)
	begin := byte('{')
	for _, a := range m.context {
		buf.WriteByte(begin)
		begin = ','
		buf.WriteByte('"')
		buf.WriteString(a.name)
		buf.WriteString(`":`)
		writeString(&buf, a.value)
	}
	buf.WriteString(`,"datacontenttype":"` + dataType + `","data":`)
	start := buf.Len()
	if err := writeData(&buf, e); err != nil {
		return nil, err
	}
	end := buf.Len()
	buf.WriteByte('}')
	m.structured = buf.Bytes()
	m.data = m.structured[start:end:end]
	return m, nil
}

// attributesOf is the CloudEvent's context without datacontenttype, which has another place in each mode.
func attributesOf(s *settings, e *billing.Event) []attribute {
	mode := e.Mode
	if mode == "" {
		mode = s.mode
	}
	out := make([]attribute, 0, 11)
	out = append(out,
		attribute{"specversion", "1.0"},
		attribute{"id", s.idPrefix + e.ID},
		attribute{"source", s.source},
		attribute{"type", typePrefix + typeName(e)},
	)
	if subject := subjectOf(e); subject != "" {
		out = append(out, attribute{"subject", subject})
	}
	if !e.Time.IsZero() {
		out = append(out, attribute{"time", e.Time.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)})
	}
	return append(out,
		attribute{"dataschema", dataSchema},
		attribute{"kassaprovider", strings.ToLower(string(s.provider))},
		attribute{"kassareceiver", s.name},
		attribute{"kassanativetype", e.NativeType},
		attribute{"kassamode", strings.ToLower(string(mode))},
	)
}

// attributes are the headers of binary mode.
func (m *message) attributes() http.Header {
	m.once.Do(func() {
		m.headers = make(http.Header, len(m.context)+4)
		m.headers.Set("Content-Type", dataType)
		for _, a := range m.context {
			m.headers.Set("ce-"+a.name, headerValue(a.value))
		}
	})
	return m.headers
}

// id is the CloudEvent's.
func (m *message) id() string {
	for _, a := range m.context {
		if a.name == "id" {
			return a.value
		}
	}
	return ""
}

// headerValue encodes an attribute as the HTTP binding says: everything but printable ASCII, and space, quote and
// percent, is percent-encoded.
func headerValue(s string) string {
	const hex = "0123456789ABCDEF"
	plain := func(c byte) bool { return c > ' ' && c <= '~' && c != '"' && c != '%' }
	n := 0
	for i := range len(s) {
		if !plain(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	out := make([]byte, 0, len(s)+2*n)
	for i := range len(s) {
		if c := s[i]; plain(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(out)
}

// writeString writes a JSON string.
func writeString(buf *bytes.Buffer, s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			text, _ := json.Marshal(s) // no string fails
			buf.Write(text)
			return
		}
	}
	buf.WriteByte('"')
	buf.WriteString(s)
	buf.WriteByte('"')
}

// writeData puts the provider's event in byte for byte. encoding/json would take white space out of a RawMessage
// and escape <, > and &.
func writeData(buf *bytes.Buffer, e *billing.Event) error {
	start := buf.Len()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(eventData{
		Customer: e.Customer, Subscription: e.Subscription, Payment: e.Payment, Checkout: e.Checkout,
		Dispute: e.Dispute, Dunning: e.Dunning, Metadata: e.Metadata,
	})
	if err != nil {
		return fmt.Errorf("encode data: %w", err)
	}
	buf.Truncate(buf.Len() - len("}\n"))
	if buf.Len() > start+len("{") {
		buf.WriteByte(',')
	}
	buf.WriteString(`"native":`)
	buf.Write(e.Native)
	buf.WriteByte('}')
	return nil
}

func typeName(e *billing.Event) string {
	if e.Type == "" {
		return typeNative
	}
	return string(e.Type)
}

// subjectOf is the id of what the event is about: the subscription, if there is one.
func subjectOf(e *billing.Event) string {
	switch {
	case e.Subscription != nil && e.Subscription.ID != "":
		return e.Subscription.ID
	case e.Dispute != nil && e.Dispute.ID != "":
		return e.Dispute.ID
	case e.Payment != nil && e.Payment.ID != "":
		return e.Payment.ID
	case e.Checkout != nil && e.Checkout.ID != "":
		return e.Checkout.ID
	case e.Customer != nil:
		return e.Customer.ID
	default:
		return ""
	}
}
