package contract_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
	"github.com/stripe/stripe-mock/spec"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/test/contract"
)

const tolerance = 5 * time.Minute

// A subscription is bought and renewed: Stripe's SDK and Kassa's codec agree on every webhook that the sandbox sends,
// and each is an event by Stripe's description.
func TestTheSandboxSignsAsStripeDoes(t *testing.T) {
	r := newRig(t)
	type delivered struct {
		header http.Header
		body   []byte
	}
	arrived := make(chan delivered, 100)
	inbox := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		arrived <- delivered{req.Header.Clone(), body}
	}))
	defer inbox.Close()
	endpoint, err := r.api.WebhookEndpoints.New(&stripego.WebhookEndpointParams{
		URL: &inbox.URL, EnabledEvents: stripego.StringSlice([]string{"*"}), APIVersion: stripego.String("2023-10-16"),
	})
	r.must(err)
	subscribe(r)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r.must(r.sb.Close(ctx)) // returns when everything is delivered
	close(arrived)
	kinds := map[string]bool{}
	for d := range arrived {
		header := d.header.Get(stripe.SignatureHeader)
		event, err := webhook.ConstructEventWithOptions(d.body, header, endpoint.Secret,
			webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
		r.must(err)
		if event.APIVersion != stripego.APIVersion {
			t.Errorf("%s has the shape of API version %s", event.Type, event.APIVersion)
		}
		if _, err := webhook.ConstructEvent(d.body, header, "whsec_other"); !errors.Is(err, webhook.ErrNoValidSignature) {
			t.Errorf("%s is taken with another secret: %v", event.Type, err)
		}
		secrets := []string{"whsec_other", endpoint.Secret}
		r.must(stripe.Codec{}.Verify(d.header, d.body, secrets, time.Now(), tolerance))
		ours, err := stripe.Codec{}.Parse(d.body)
		r.must(err)
		same := [][2]any{
			{event.ID, ours.ID}, {string(event.Type), ours.NativeType}, {event.Created, ours.Time.Unix()},
			{billing.Test, ours.Mode}, {false, event.Livemode},
		}
		for _, pair := range same {
			if pair[0] != pair[1] {
				t.Errorf("%s: the SDK reads %v, Kassa %v", event.Type, pair[0], pair[1])
			}
		}
		for part, text := range map[string][]byte{"event": d.body, "object": event.Data.Raw} {
			if err := r.schemas.Object(text); err != nil {
				t.Errorf("%s: the %s is not Stripe's:\n%v\n%s", event.Type, part, err, text)
			}
		}
		kinds[string(event.Type)] = true
	}
	for _, kind := range []string{
		"product.created", "price.created", "customer.created", "customer.subscription.created", "invoice.paid",
		"payment_intent.succeeded", "checkout.session.completed", "customer.subscription.updated",
	} {
		if !kinds[kind] {
			t.Errorf("no %s was delivered, only %v", kind, kinds)
		}
	}
	r.accepted()
}

// An app hears of each payment of a subscription once, whatever the version is in which an endpoint gets Stripe's
// events, although Stripe tells of it as an invoice, its twin, a payment intent and a charge.
func TestAPaymentIsToldOnce(t *testing.T) {
	for _, version := range []string{stripego.APIVersion, "2025-03-31.basil", "2026-08-26.dahlia"} {
		t.Run(version, func(t *testing.T) {
			r := newRig(t)
			bodies := make(chan []byte, 100)
			inbox := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
				body, err := io.ReadAll(req.Body)
				if err != nil {
					t.Error(err)
				}
				bodies <- body
			}))
			defer inbox.Close()
			_, err := r.api.WebhookEndpoints.New(&stripego.WebhookEndpointParams{
				URL: &inbox.URL, EnabledEvents: stripego.StringSlice([]string{"*"}), APIVersion: &version,
			})
			r.must(err)
			subscribe(r)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			r.must(r.sb.Close(ctx))
			close(bodies)
			paid, intents := 0, 0
			for body := range bodies {
				event, err := stripe.Codec{}.Parse(body)
				r.must(err)
				if event.NativeType == "payment_intent.succeeded" {
					intents++
				}
				if event.Type != billing.PaymentSucceeded {
					continue
				}
				paid++
				if event.Subscription == nil || event.Subscription.ID == "" || event.Payment.Money.Minor != 2900 {
					t.Errorf("%s is a payment, of %+v", event.NativeType, event.Subscription)
				}
			}
			if paid != 2 || intents != 2 {
				t.Errorf("%d payments were told, and %d payment intents, want the purchase and the renewal", paid, intents)
			}
		})
	}
}

// subscribe buys a subscription and lets its first period end.
func subscribe(r *rig) {
	r.t.Helper()
	product, err := r.api.Products.New(&stripego.ProductParams{Name: stripego.String("Pro")})
	r.must(err)
	price, err := r.api.Prices.New(&stripego.PriceParams{
		Product: &product.ID, Currency: stripego.String("usd"), UnitAmount: stripego.Int64(2900),
		Recurring: &stripego.PriceRecurringParams{Interval: stripego.String("month")},
	})
	r.must(err)
	session, err := r.api.CheckoutSessions.New(&stripego.CheckoutSessionParams{
		Mode: stripego.String("subscription"), SuccessURL: stripego.String("https://shop.example.com/ok"),
		LineItems: []*stripego.CheckoutSessionLineItemParams{{Price: &price.ID, Quantity: stripego.Int64(1)}},
	})
	r.must(err)
	r.pay(session.URL, url.Values{
		"number": {"4242424242424242"}, "exp": {"12/40"}, "cvc": {"123"}, "email": {"jane@example.com"},
	})
	session, err = r.api.CheckoutSessions.Get(session.ID, nil)
	r.must(err)
	r.must(r.sb.Stripe().Account(key).Renew(session.Subscription.ID))
}

// Kassa verifies what Stripe's SDK signs, and refuses what the SDK refuses; of each event of the taxonomy it reads
// Stripe's own example of the object.
func TestKassaReadsWhatStripesSDKSigns(t *testing.T) {
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		t.Fatal(err)
	}
	names, _ := stripe.Codec{}.NativeEvents(nil)
	if len(names) < 40 {
		t.Fatalf("the taxonomy has only %d events", len(names))
	}
	for _, name := range names {
		object, ok := fixtures.Resources[spec.ResourceID(resourceOf(name))].(map[string]any)
		if !ok {
			t.Errorf("there is no example of a %s", resourceOf(name))
			continue
		}
		at := time.Now()
		body, err := json.Marshal(map[string]any{
			"id": "evt_1", "object": "event", "api_version": stripego.APIVersion, "type": name, "created": at.Unix(),
			"livemode": false, "pending_webhooks": 1, "request": nil, "data": map[string]any{"object": object},
		})
		if err != nil {
			t.Fatal(err)
		}
		signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
			Payload: body, Secret: "whsec_1", Timestamp: at,
		})
		if err := verify(signed, "whsec_1", at); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		event, err := stripe.Codec{}.Parse(body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if event.NativeType != name || event.Time.Unix() != at.Unix() || event.Mode != billing.Test {
			t.Errorf("%s is read as %+v", name, event)
		}
		want := object["id"]
		switch object["object"] {
		case "product", "price", "coupon", "promotion_code":
			want = "" // receivers read these from the native event
		case "discount":
			want = object["customer"]
		}
		if got := about(event); got != want {
			t.Errorf("%s is about %v, but Kassa reads %q", name, want, got)
		}
	}
}

// resourceOf is the name of an event's object: "customer.subscription.created" is about a subscription.
func resourceOf(event string) string {
	parts := strings.Split(event, ".")
	object := parts[len(parts)-2]
	switch object {
	case "session":
		return "checkout.session"
	default:
		return object
	}
}

// about is the id of what Kassa says the event is about, the most particular that it tells.
func about(e billing.Event) string {
	switch {
	case e.Dispute != nil:
		return e.Dispute.ID
	case e.Checkout != nil:
		return e.Checkout.ID
	case e.Payment != nil:
		return e.Payment.ID
	case e.Subscription != nil:
		return e.Subscription.ID
	case e.Customer != nil:
		return e.Customer.ID
	}
	return ""
}

func verify(signed *webhook.SignedPayload, secret string, now time.Time) error {
	header := http.Header{stripe.SignatureHeader: {signed.Header}}
	return stripe.Codec{}.Verify(header, signed.Payload, []string{secret}, now, tolerance)
}

func TestKassaRefusesWhatStripesSDKRefuses(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		unsigned webhook.UnsignedPayload
		change   func(*webhook.SignedPayload)
		want     error
	}{
		"right": {},
		"other body": {
			change: func(s *webhook.SignedPayload) { s.Payload = []byte(`{"id":"evt_2","api_version":"2023-10-16"}`) },
			want:   provider.ErrSignatureMismatch,
		},
		"other secret": {unsigned: webhook.UnsignedPayload{Secret: "whsec_2"}, want: provider.ErrSignatureMismatch},
		"too old": {
			unsigned: webhook.UnsignedPayload{Timestamp: now.Add(-2 * tolerance)}, want: provider.ErrSignatureTime,
		},
		"other scheme": {unsigned: webhook.UnsignedPayload{Scheme: "v0"}, want: provider.ErrSignatureMalformed},
		"no header": {
			change: func(s *webhook.SignedPayload) { s.Header = "" }, want: provider.ErrSignatureMissing,
		},
		"not a header": {
			change: func(s *webhook.SignedPayload) { s.Header = "v1" }, want: provider.ErrSignatureMalformed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := c.unsigned
			u.Payload = []byte(`{"id":"evt_1","api_version":"2023-10-16"}`)
			if u.Secret == "" {
				u.Secret = "whsec_1"
			}
			signed := webhook.GenerateTestSignedPayload(&u)
			if c.change != nil {
				c.change(signed)
			}
			_, theirs := webhook.ConstructEvent(signed.Payload, signed.Header, "whsec_1")
			ours := verify(signed, "whsec_1", now)
			if !errors.Is(ours, c.want) || (theirs == nil) != (ours == nil) {
				t.Errorf("Kassa says %v, want %v; the SDK says %v", ours, c.want, theirs)
			}
		})
	}
}

// What a receiver can subscribe to is what Stripe lets an endpoint subscribe to.
func TestNativeEventsAreStripes(t *testing.T) {
	schemas, err := contract.StripeSchemas()
	if err != nil {
		t.Fatal(err)
	}
	names, unknown := stripe.Codec{}.NativeEvents([]string{"*"})
	if diff := cmp.Diff(schemas.Events(), names); diff != "" || len(unknown) > 0 {
		t.Errorf("the events are others (-Stripe +Kassa):\n%s\nunknown: %v", diff, unknown)
	}
}

// Whatever event the sandbox makes up is about an object of Stripe's, in the state that the event tells of.
func TestTheSandboxMakesUpStripesEvents(t *testing.T) {
	r := newRig(t)
	_, err := r.api.Accounts.Get()
	r.must(err)
	account := r.sb.Stripe().Account(key)
	for kind, want := range map[string]string{ // by status, where there is one
		"product.updated": "", "price.created": "", "customer.created": "", "coupon.created": "",
		"promotion_code.updated": "", "customer.discount.created": "", "payment_method.attached": "",
		"customer.subscription.created": "active", "customer.subscription.updated": "active",
		"customer.subscription.deleted": "canceled", "customer.subscription.paused": "paused",
		"customer.subscription.resumed": "active", "customer.subscription.trial_will_end": "trialing",
		"invoice.created": "draft", "invoice.finalized": "open", "invoice.paid": "paid",
		"invoice.payment_succeeded": "paid", "invoice.payment_failed": "open", "invoice.voided": "void",
		"invoice.marked_uncollectible": "uncollectible", "invoice.payment_action_required": "open",
		"payment_intent.succeeded": "succeeded", "payment_intent.payment_failed": "requires_payment_method",
		"payment_intent.requires_action": "requires_action", "payment_intent.canceled": "canceled",
		"charge.succeeded": "succeeded", "charge.refunded": "succeeded", "charge.failed": "failed",
		"charge.refund.updated": "succeeded", "refund.created": "succeeded", "charge.dispute.created": "needs_response",
		"charge.dispute.closed": "won", "checkout.session.completed": "complete", "checkout.session.expired": "expired",
		"checkout.session.async_payment_failed": "complete",
	} {
		event, err := account.Emit(kind, nil, nil)
		r.must(err)
		if err := r.schemas.Object(event.Data.Object); err != nil {
			t.Errorf("%s is not about Stripe's object:\n%v\n%s", kind, err, event.Data.Object)
		}
		var object struct {
			Object, Status string
		}
		r.must(json.Unmarshal(event.Data.Object, &object))
		if object.Status != want && want != "" {
			t.Errorf("%s: the %s is %q, want %q", kind, object.Object, object.Status, want)
		}
	}
	sub, err := account.Emit("customer.subscription.updated", nil, nil)
	r.must(err)
	id := struct{ ID string }{}
	r.must(json.Unmarshal(sub.Data.Object, &id))
	if _, err := r.api.Subscriptions.Get(id.ID, nil); err != nil {
		t.Errorf("what was made up cannot be read: %v", err)
	}
}
