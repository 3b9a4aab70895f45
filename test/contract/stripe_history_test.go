package contract_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	stripego "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/provider"
)

// history reads what happened, some of it undelivered, from more than one page of both lists.
func history(t *testing.T, j *judged) {
	r := newRig(t)
	closed := "http://127.0.0.1:1"
	_, err := r.api.WebhookEndpoints.New(&stripego.WebhookEndpointParams{
		URL: &closed, EnabledEvents: stripego.StringSlice([]string{"invoice.paid"}),
	})
	r.must(err)
	subscribe(r)
	const undelivered = 120
	for range undelivered {
		_, err := r.sb.Stripe().Account(key).Emit("invoice.paid", nil, nil)
		r.must(err)
	}
	events := connectTo(t, r.url, j).(provider.History)
	span := provider.Span{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)}
	calls, all := readAll(t, events, span)
	if calls != 2+2 || len(all) < 2*undelivered {
		t.Errorf("%d events were read with %d calls", len(all), calls)
	}
	for i, e := range all {
		if i < undelivered && e.NativeType != "invoice.paid" {
			t.Errorf("event %d was delivered, and comes before those that were not: %s", i, e.NativeType)
		}
		var native struct {
			Data struct{ Object json.RawMessage }
		}
		r.must(json.Unmarshal(e.Native, &native))
		for part, text := range map[string][]byte{"event": e.Native, "object": native.Data.Object} {
			if err := j.schemas.Object(text); err != nil {
				t.Errorf("%s: the %s is not Stripe's:\n%v\n%s", e.NativeType, part, err, text)
			}
		}
	}
	calls, all = readAll(t, events, provider.Span{From: span.To, To: span.To.Add(time.Hour)})
	if calls != 2 || len(all) > 0 {
		t.Errorf("%d events were read from the future, with %d calls", len(all), calls)
	}
}

// Whatever narrows the list of events, Stripe's SDK finds in the sandbox what it asks for.
func TestEventsAreNarrowed(t *testing.T) {
	r := newRig(t)
	subscribe(r)
	kinds := func(params *stripego.EventListParams) map[string]int {
		found := map[string]int{}
		params.Limit = stripego.Int64(3) // so that there are several pages
		it := r.api.Events.List(params)
		for it.Next() {
			found[string(it.Event().Type)]++
		}
		r.must(it.Err())
		return found
	}
	all := kinds(&stripego.EventListParams{})
	future := &stripego.RangeQueryParams{GreaterThan: time.Now().Add(time.Hour).Unix()}
	past := &stripego.RangeQueryParams{LesserThan: time.Now().Add(-time.Hour).Unix()}
	for why, c := range map[string]struct {
		params stripego.EventListParams
		want   func(kind string) bool
	}{
		"one":         {stripego.EventListParams{Type: stripego.String("invoice.paid")}, isOneOf("invoice.paid")},
		"a group":     {stripego.EventListParams{Type: stripego.String("invoice.*")}, hasPrefix("invoice.")},
		"delivered":   {stripego.EventListParams{DeliverySuccess: stripego.Bool(true)}, hasPrefix("")},
		"undelivered": {stripego.EventListParams{DeliverySuccess: stripego.Bool(false)}, isOneOf()},
		"the future":  {stripego.EventListParams{CreatedRange: future}, isOneOf()},
		"the past":    {stripego.EventListParams{CreatedRange: past}, isOneOf()},
		"some": {
			stripego.EventListParams{Types: stripego.StringSlice([]string{"invoice.paid", "charge.succeeded"})},
			isOneOf("invoice.paid", "charge.succeeded"),
		},
	} {
		want := map[string]int{}
		for kind, n := range all {
			if c.want(kind) {
				want[kind] = n
			}
		}
		if diff := cmp.Diff(want, kinds(&c.params)); diff != "" {
			t.Errorf("%s: other events are listed (-want +got):\n%s", why, diff)
		}
	}
	both := &stripego.EventListParams{Type: stripego.String("a"), Types: stripego.StringSlice([]string{"a"})}
	var refused *stripego.Error
	if it := r.api.Events.List(both); it.Next() || !errors.As(it.Err(), &refused) || refused.HTTPStatusCode != 400 {
		t.Errorf("type and types are both taken: %v", refused)
	}
	r.accepted()
}

func isOneOf(kinds ...string) func(string) bool {
	return func(kind string) bool { return slices.Contains(kinds, kind) }
}

func hasPrefix(prefix string) func(string) bool {
	return func(kind string) bool { return strings.HasPrefix(kind, prefix) }
}
