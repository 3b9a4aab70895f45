// Package notice is the form in which Kassa's own events wait to be delivered. A provider's event waits as the
// provider sent it, and is read again by the provider's codec; one of Kassa's own has nobody who could read it, so it
// waits in an envelope of Kassa's, with the provider's event that it is about in it.
package notice

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// MaxPayload is what a payload may have uncompressed, in bytes: a provider's largest body, and an envelope around it.
const MaxPayload = 1<<20 + 16<<10

// begin is how every envelope begins, and no provider's event.
const begin = `{"kassa":"v1alpha1",`

// facts are the event's neutral facts.
type facts struct {
	ID           string                     `json:"id"`
	Type         billing.EventType          `json:"type"`
	Time         time.Time                  `json:"time"`
	Mode         billing.Mode               `json:"mode,omitempty"`
	Customer     *billing.EventCustomer     `json:"customer,omitempty"`
	Subscription *billing.EventSubscription `json:"subscription,omitempty"`
	Owner        *owner                     `json:"owner,omitempty"` // of the subscription's plan
	Payment      *billing.EventPayment      `json:"payment,omitempty"`
	Dunning      *billing.EventDunning      `json:"dunning,omitempty"`
	Metadata     map[string]string          `json:"metadata,omitempty"`
}

// owner are the marks that a plan's name counts by.
type owner struct {
	Cluster   string `json:"cluster,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	UID       string `json:"uid,omitempty"`
}

// Encode puts one of Kassa's own events into an envelope. Native is the provider's event, kept byte for byte.
func Encode(e *billing.Event) ([]byte, error) {
	f := facts{
		ID: e.ID, Type: e.Type, Time: e.Time, Mode: e.Mode, Customer: e.Customer, Subscription: e.Subscription,
		Payment: e.Payment, Dunning: e.Dunning, Metadata: e.Metadata,
	}
	if s := e.Subscription; s != nil && s.Owner != (billing.Owner{}) {
		of := owner(s.Owner)
		f.Owner = &of
	}
	text, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	var out bytes.Buffer
	out.WriteString(begin + `"event":`)
	out.Write(text)
	out.WriteString(`,"native":`)
	out.Write(e.Native)
	out.WriteByte('}')
	return out.Bytes(), nil
}

// Is says that a payload is an envelope, and not a provider's event.
func Is(payload []byte) bool { return bytes.HasPrefix(payload, []byte(begin)) }

// Decode reads an envelope. The event's native name is its own, because no provider has one for it.
func Decode(payload []byte) (billing.Event, error) {
	var in struct {
		Event  facts           `json:"event"`
		Native json.RawMessage `json:"native"`
	}
	if err := json.Unmarshal(payload, &in); err != nil {
		return billing.Event{}, fmt.Errorf("read envelope: %w", err)
	}
	f := in.Event
	if f.Owner != nil && f.Subscription != nil {
		f.Subscription.Owner = billing.Owner(*f.Owner)
	}
	return billing.Event{
		ID: f.ID, Type: f.Type, NativeType: string(f.Type), Time: f.Time, Mode: f.Mode, Customer: f.Customer,
		Subscription: f.Subscription, Payment: f.Payment, Dunning: f.Dunning, Metadata: f.Metadata, Native: in.Native,
	}, nil
}

// EventID is the id of the event that tells what was done about an invoice. There is one for each invoice, however
// often it is told.
func EventID(invoice string) string {
	const most = 100
	if len(invoice) > most {
		sum := sha256.Sum256([]byte(invoice))
		invoice = hex.EncodeToString(sum[:])
	}
	return "dunning-" + invoice
}

// ObjectName is the name of an event's WebhookEvent, so that whoever takes the event over finds it.
func ObjectName(receiver, eventID string) string {
	sum := sha256.Sum256([]byte(eventID))
	return receiver + "-" + hex.EncodeToString(sum[:16])
}

// Pack compresses a payload.
func Pack(payload []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(payload); err != nil {
		return nil, fmt.Errorf("compress payload: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress payload: %w", err)
	}
	return out.Bytes(), nil
}

// Unpack reads what Pack wrote, up to MaxPayload.
func Unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	payload, err := io.ReadAll(io.LimitReader(r, MaxPayload+1))
	if err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	if len(payload) > MaxPayload {
		return nil, fmt.Errorf("read payload: it has more than %d bytes", MaxPayload)
	}
	return payload, nil
}
