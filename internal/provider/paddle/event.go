package paddle

import (
	"fmt"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Parse reads an event of API version 1. Fields of an unexpected type count as not given. Mode is empty: nothing in an
// event tells it, and an endpoint's secret is of one mode. Native is body itself, not a copy.
func (Codec) Parse(body []byte) (billing.Event, error) {
	var e event
	if err := e.read(body); err != nil {
		return billing.Event{}, fmt.Errorf("%w: %w", provider.ErrMalformedEvent, err)
	}
	if err := provider.CheckIdentity(e.id, e.native); err != nil {
		return billing.Event{}, err
	}
	out := billing.Event{ID: e.id, NativeType: e.native, Type: typeOf(&e), Native: body}
	if t := timeOf(e.occurredAt); t != nil {
		out.Time = *t
	}
	e.describe(&out)
	return out, nil
}

// timeOf reads RFC 3339. It is nil for what is none, and for what no RFC 3339 time in UTC can be.
func timeOf(text []byte) *time.Time {
	const year10000 = 253402300800
	var t time.Time
	if len(text) == 0 || t.UnmarshalText(text) != nil || t.Unix() <= 0 || t.Unix() >= year10000 {
		return nil
	}
	t = t.UTC()
	return &t
}
