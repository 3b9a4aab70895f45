package lemonsqueezy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var _ provider.History = (*connection)(nil)

// statePrefix is of the ids of events that are made from an object's state.
const statePrefix = "state-"

// HistoryTraits: LemonSqueezy keeps no events.
func (c *connection) HistoryTraits() provider.HistoryTraits {
	return provider.HistoryTraits{FromState: true}
}

// told is a list of objects, and the names of the events that one of them tells.
type told struct {
	kind  string
	names func(*state) []string
}

// histories are the lists that are read, in order: what somebody bought, has, and paid for.
var histories = []told{
	{kindOrder, toldByOrder}, {kindSubscription, toldBySubscription}, {kindInvoice, toldByInvoice},
}

// Events reads a page of one of the store's lists and makes events of the objects that changed in the span. The lists
// are read to their ends: whether they are ordered, and by what, LemonSqueezy tells nobody, and an old object may have
// changed just now. A cursor is the list's type and the page's number.
//
// An event's id is of the object, of its last change and of its state, so that a repetition has the same. meta has no
// custom_data, which the API does not tell.
func (c *connection) Events(ctx context.Context, span provider.Span, cursor string) (provider.PastEvents, error) {
	kind, text, _ := strings.Cut(cursor, ":")
	if cursor == "" {
		kind, text = histories[0].kind, "1"
	}
	number, err := strconv.Atoi(text)
	at := slices.IndexFunc(histories, func(t told) bool { return t.kind == kind })
	if err != nil || at < 0 || number < 1 || number > maxPages {
		return provider.PastEvents{}, &provider.Error{
			Class: provider.ClassTerminal, Provider: name, Operation: "list events", Message: "there is no such page",
		}
	}
	p, err := readPage[json.RawMessage](ctx, &c.client, "list events", "/v1/"+kind, kind,
		url.Values{"filter[store_id]": {c.store}}, number, pageSize)
	if err != nil {
		return provider.PastEvents{}, err
	}
	var out provider.PastEvents
	for _, r := range p.Data {
		c.tell(r, span, histories[at].names, &out)
	}
	switch {
	case number < p.Meta.Page.LastPage:
		out.Next = kind + ":" + strconv.Itoa(number+1)
	case at+1 < len(histories):
		out.Next = histories[at+1].kind + ":1"
	}
	return out, nil
}

// state is the part of an object that decides which events are made of it.
type state struct {
	Status    string  `json:"status"`
	Refunded  bool    `json:"refunded"`
	CreatedAt *string `json:"created_at"`
	UpdatedAt *string `json:"updated_at"`
	TestMode  *bool   `json:"test_mode"`

	created bool // in the span
}

// tell adds the events of one object. One of the other mode is not this account's.
func (c *connection) tell(
	r resource[json.RawMessage], span provider.Span, names func(*state) []string, out *provider.PastEvents,
) {
	var s state
	if json.Unmarshal(r.Attributes, &s) != nil {
		out.Malformed++
		return
	}
	changed := instant(s.UpdatedAt)
	if changed.IsZero() {
		changed = instant(s.CreatedAt)
	}
	if !c.ofMode(s.TestMode) || !span.Has(changed) {
		return
	}
	s.created = span.Has(instant(s.CreatedAt))
	for _, name := range names(&s) {
		e, err := madeOf(r, &s, name, changed)
		if err != nil {
			out.Malformed++
			continue
		}
		out.Events = append(out.Events, e)
	}
}

func madeOf(r resource[json.RawMessage], s *state, name string, changed time.Time) (billing.Event, error) {
	sum := sha256.Sum256([]byte(strings.Join([]string{
		r.Type, r.ID, name, s.Status, strconv.FormatBool(s.Refunded), changed.Format(time.RFC3339Nano),
	}, "\n")))
	var body struct {
		Meta struct {
			TestMode  bool   `json:"test_mode"`
			EventName string `json:"event_name"`
			WebhookID string `json:"webhook_id"`
		} `json:"meta"`
		Data resource[json.RawMessage] `json:"data"`
	}
	body.Meta.TestMode, body.Meta.EventName = *s.TestMode, name
	body.Meta.WebhookID, body.Data = statePrefix+hex.EncodeToString(sum[:16]), r
	raw, err := json.Marshal(body)
	if err != nil {
		return billing.Event{}, err
	}
	return Codec{}.Parse(raw)
}

func toldByOrder(s *state) (names []string) {
	if s.created && (s.Status == "paid" || s.Refunded) {
		names = append(names, "order_created")
	}
	if s.Refunded {
		names = append(names, "order_refunded")
	}
	return names
}

// toldBySubscription: an object that was both made and changed in the span tells both.
func toldBySubscription(s *state) (names []string) {
	if s.created {
		names = append(names, "subscription_created")
	}
	switch s.Status {
	case "cancelled":
		return append(names, "subscription_cancelled")
	case "expired":
		return append(names, "subscription_expired")
	case "paused":
		return append(names, "subscription_paused")
	default:
		return append(names, "subscription_updated")
	}
}

// toldByInvoice: an invoice that is not paid does not tell whether, and how often, that was tried. What came of it is
// told by the subscription's status.
func toldByInvoice(s *state) (names []string) {
	refunded := s.Refunded || s.Status == "refunded"
	if s.Status == "paid" && !refunded || s.created && refunded {
		names = append(names, "subscription_payment_success")
	}
	if refunded {
		names = append(names, "subscription_payment_refunded")
	}
	return names
}
