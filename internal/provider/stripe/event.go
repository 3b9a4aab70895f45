package stripe

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// event is the part of Stripe's event that Kassa reads.
type event struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Created  int64  `json:"created"`
	Livemode *bool  `json:"livemode"`
	Data     struct {
		Object   object   `json:"object"`
		Previous previous `json:"previous_attributes"`
	} `json:"data"`
}

// Parse reads the event's shapes of 2023-10-16 and of later API versions, where fields moved: an endpoint that was
// not registered by Kassa may use any version. Fields of an unexpected type count as not given. Native is body
// itself, not a copy.
func (Codec) Parse(body []byte) (billing.Event, error) {
	var e event
	// A mismatch of types leaves the field empty and does not stop the decoder.
	var mismatch *json.UnmarshalTypeError
	if err := json.Unmarshal(body, &e); err != nil && !errors.As(err, &mismatch) {
		return billing.Event{}, fmt.Errorf("%w: not JSON: %w", provider.ErrMalformedEvent, err)
	}
	if err := provider.CheckIdentity(e.ID, e.Type); err != nil {
		return billing.Event{}, err
	}
	out := billing.Event{
		ID: e.ID, NativeType: e.Type, Type: typeOf(&e), Native: body,
		Metadata: userMetadata(e.Data.Object.inherited(), e.Data.Object.Metadata),
	}
	if t := timeOf(e.Created); t != nil {
		out.Time = *t
	}
	if e.Livemode != nil {
		out.Mode = modeOf(*e.Livemode)
	}
	e.Data.Object.describe(&out)
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
