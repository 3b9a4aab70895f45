package lemonsqueezy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	// hashPrefix is of ids that are made from the body. No webhook_id that is taken begins with it.
	hashPrefix = "sha256-"
	userIDKey  = "user_id"
)

// Parse reads the event. Fields of an unexpected type count as not given. Native is body itself, not a copy.
func (Codec) Parse(body []byte) (billing.Event, error) {
	var p payload
	if err := p.read(body); err != nil {
		return billing.Event{}, fmt.Errorf("%w: %w", provider.ErrMalformedEvent, err)
	}
	out := billing.Event{
		ID: p.identity(body), NativeType: p.eventName, Type: typeOf(p.eventName, p.attributes.status), Mode: p.mode(),
		Time: p.attributes.updatedAt, Metadata: p.custom, Native: body,
	}
	if err := provider.CheckIdentity(out.ID, out.NativeType); err != nil {
		return billing.Event{}, err
	}
	if out.Time.IsZero() {
		out.Time = p.attributes.createdAt
	}
	p.describe(&out)
	return out, nil
}

// identity is webhook_id, which deliveries have although no document of LemonSqueezy's tells of it. Without it, the
// body is its own identity: two events with one body would be the same event. A number is not taken, because it may be
// the webhook's own, with which every event but the first would count as repeated.
func (p *payload) identity(body []byte) string {
	id := p.webhookID
	if !strings.HasPrefix(id, hashPrefix) && !isID(id) && provider.CheckIdentity(id, p.eventName) == nil {
		return id
	}
	sum := sha256.Sum256(body)
	return hashPrefix + hex.EncodeToString(sum[:])
}

// mode is that of the delivery, or else of the object.
func (p *payload) mode() billing.Mode {
	for _, test := range []flag{p.testMode, p.attributes.testMode} {
		switch test {
		case yes:
			return billing.Test
		case no:
			return billing.Live
		}
	}
	return ""
}

// isMark: keys of custom data that are Kassa's own; users' metadata never has them.
func isMark(key []byte) bool { return bytes.HasPrefix(key, []byte("kassa")) }
