package stripe

import (
	"fmt"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// event is the part of Stripe's event that Kassa reads.
type event struct {
	ID, Type           string
	Created            int64
	Livemode, ModeTold bool
	Object             object
	Previous           previous
}

// Parse reads the event's shapes of 2023-10-16 and of later API versions, where fields moved: an endpoint that was
// not registered by Kassa may use any version. Fields of an unexpected type count as not given. Native is body
// itself, not a copy; nothing else is a part of it.
func (Codec) Parse(body []byte) (billing.Event, error) {
	var r reader
	var e event
	r.Reset(body)
	r.event(&e)
	if err := r.Close(); err != nil {
		return billing.Event{}, fmt.Errorf("%w: %w", provider.ErrMalformedEvent, err)
	}
	if err := provider.CheckIdentity(e.ID, e.Type); err != nil {
		return billing.Event{}, err
	}
	out := billing.Event{ID: e.ID, NativeType: e.Type, Type: typeOf(&e), Native: body}
	if t := timeOf(e.Created); t != nil {
		out.Time = *t
	}
	if e.ModeTold {
		out.Mode = modeOf(e.Livemode)
	}
	e.Object.describe(&out)
	out.Metadata = e.Object.userMetadata()
	return out, nil
}

// timeOf is nil for 0 and for what no calendar, nor RFC 3339, can hold.
func timeOf(unix int64) *time.Time {
	const year10000 = 253402300800
	if unix <= 0 || unix >= year10000 {
		return nil
	}
	t := time.Unix(unix, 0).UTC()
	return &t
}
