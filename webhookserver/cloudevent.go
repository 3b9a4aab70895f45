package webhookserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/kassa-dev/kassa/internal/billing"
)

const (
	typePrefix = "dev.kassa."
	typeNative = "native"
	// dataSchema is the published schema of data; docs/schemas has the whole event's.
	dataSchema = "https://kassa.dev/schemas/event/v1alpha1.json"
)

var dataSchemaURI = types.ParseURI(dataSchema)

// eventData is data without native, which is written in by hand.
type eventData struct {
	Customer     *billing.EventCustomer     `json:"customer,omitempty"`
	Subscription *billing.EventSubscription `json:"subscription,omitempty"`
	Payment      *billing.EventPayment      `json:"payment,omitempty"`
	Checkout     *billing.EventCheckout     `json:"checkout,omitempty"`
	Dispute      *billing.EventDispute      `json:"dispute,omitempty"`
	Metadata     map[string]string          `json:"metadata,omitempty"`
}

// cloudEvent encodes an event as a structured CloudEvent in JSON. It is the same on every attempt: the id comes
// from the provider's, and nothing in it is of the attempt.
func cloudEvent(s *settings, e billing.Event) ([]byte, error) {
	data, err := encodeData(e)
	if err != nil {
		return nil, err
	}
	mode := e.Mode
	if mode == "" {
		mode = s.mode
	}
	attributes := &event.EventContextV1{
		ID:              s.idPrefix + e.ID,
		Source:          s.source,
		Type:            typePrefix + typeName(e),
		DataContentType: new("application/json"),
		DataSchema:      dataSchemaURI,
		Extensions: map[string]any{
			"kassaprovider":   strings.ToLower(string(s.provider)),
			"kassanativetype": e.NativeType,
			"kassamode":       strings.ToLower(string(mode)),
		},
	}
	if subject := subjectOf(e); subject != "" {
		attributes.Subject = &subject
	}
	if !e.Time.IsZero() {
		attributes.Time = &types.Timestamp{Time: e.Time.UTC().Truncate(time.Microsecond)}
	}
	out := event.Event{Context: attributes, DataEncoded: data}
	var buf bytes.Buffer
	buf.Grow(len(data) + 768)
	if err := event.WriteJson(&out, &buf); err != nil {
		return nil, fmt.Errorf("encode CloudEvent: %w", err)
	}
	return buf.Bytes(), nil
}

// encodeData puts the provider's event in byte for byte. encoding/json would take white space out of a RawMessage
// and escape <, > and &.
func encodeData(e billing.Event) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(len(e.Native) + 1024)
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(eventData{
		Customer: e.Customer, Subscription: e.Subscription, Payment: e.Payment, Checkout: e.Checkout,
		Dispute: e.Dispute, Metadata: e.Metadata,
	})
	if err != nil {
		return nil, fmt.Errorf("encode data: %w", err)
	}
	if !json.Valid(e.Native) {
		return nil, errors.New("the event's native form is no JSON")
	}
	buf.Truncate(buf.Len() - len("}\n"))
	if buf.Len() > len("{") {
		buf.WriteByte(',')
	}
	buf.WriteString(`"native":`)
	buf.Write(e.Native)
	buf.WriteByte('}')
	return buf.Bytes(), nil
}

func typeName(e billing.Event) string {
	if e.Type == "" {
		return typeNative
	}
	return string(e.Type)
}

// subjectOf is the id of what the event is about: the subscription, if there is one.
func subjectOf(e billing.Event) string {
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
