package lemonsqueezy

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
)

func codecFixture() providertest.CodecFixture {
	f := providertest.CodecFixture{
		Codec: Codec{}, Header: SignatureHeader,
		Sign: func(body []byte, _ time.Time, secrets ...string) http.Header {
			return http.Header{SignatureHeader: {signed(string(body), secrets[0])}}
		},
		Event: func(id, native string) []byte {
			return fmt.Appendf(nil, `{"meta":{"webhook_id":%s,"event_name":%s},"data":{"type":"orders","id":"1"}}`,
				quoted(id), quoted(native))
		},
	}
	for _, x := range examples {
		// The suite holds an event to what can be registered for, which this one cannot.
		if x.native != customerUpdated {
			f.Examples = append(f.Examples, providertest.Example{Why: x.why, Body: x.body()})
		}
	}
	return f
}

func TestCodec(t *testing.T) { providertest.RunCodec(t, codecFixture()) }

func FuzzVerify(f *testing.F) { providertest.FuzzVerify(f, codecFixture(), nil) }

func FuzzParse(f *testing.F) { providertest.FuzzParse(f, codecFixture(), nil) }

// Every event has the name that the table says.
func TestExamples(t *testing.T) {
	named := map[string]bool{}
	for _, x := range examples {
		t.Run(x.why, func(t *testing.T) {
			g := NewWithT(t)
			e, err := Codec{}.Parse(x.body())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(e.Type).To(Equal(x.want))
			g.Expect(e.NativeType).To(Equal(x.native))
			g.Expect(e.ID).To(Equal(exampleID))
			g.Expect(e.Mode).To(Equal(billing.Test))
			g.Expect(e.Time).To(Equal(time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)))
			g.Expect(e.Customer).To(Equal(&billing.EventCustomer{ID: "9", Email: "jane@example.com", UserID: "u7"}))
			g.Expect(e.Metadata).To(Equal(map[string]string{"user_id": "u7", "team": "blue"}))
		})
		named[x.native] = true
	}
	for native := range taxonomy {
		if !named[native] {
			t.Errorf("there is no example of %s", native)
		}
	}
}

// Money is told as paid once: a subscription's by payment.succeeded and by nothing that comes beside it, an order that
// is no subscription's by checkout.completed.
func TestPaymentsAreToldOnce(t *testing.T) {
	g := NewWithT(t)
	types := func(natives ...string) (out []billing.EventType) {
		for _, native := range natives {
			i := slices.IndexFunc(examples, func(x example) bool { return x.native == native })
			e, err := Codec{}.Parse(examples[i].body())
			g.Expect(err).NotTo(HaveOccurred())
			out = append(out, e.Type)
		}
		return out
	}
	paid := billing.PaymentSucceeded
	first := types("order_created", "subscription_created", "subscription_payment_success")
	g.Expect(first).To(ConsistOf(billing.CheckoutCompleted, billing.SubscriptionCreated, paid))
	late := types("subscription_payment_success", "subscription_payment_recovered", "subscription_updated")
	g.Expect(late).To(ConsistOf(paid, billing.PaymentRecovered, billing.SubscriptionUpdated))
	names, _ := Codec{}.NativeEvents([]string{string(paid)})
	g.Expect(names).To(Equal([]string{"subscription_payment_success"}))
}

func TestNativeEvents(t *testing.T) {
	cases := []struct {
		reason   string
		patterns []string
		names    []string
		unknown  []string
	}{
		{"a group", []string{"payment.*"}, []string{"order_refunded", "subscription_payment_failed",
			"subscription_payment_recovered", "subscription_payment_refunded", "subscription_payment_success"}, nil},
		{"a derived name needs the event it is derived from", []string{"subscription.past_due"},
			[]string{"subscription_updated"}, nil},
		{"two events with one name", []string{"subscription.updated"},
			[]string{"subscription_resumed", "subscription_updated"}, nil},
		{"LemonSqueezy's own group", []string{"license_key_*"}, []string{"license_key_created", "license_key_updated"}, nil},
		{"what LemonSqueezy does not tell", []string{"dispute.*", "subscription.activated", "checkout.completed",
			customerUpdated}, []string{"order_created"}, []string{"dispute.*", "subscription.activated", customerUpdated}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			names, unknown := Codec{}.NativeEvents(c.patterns)
			g.Expect(names).To(Equal(c.names))
			g.Expect(unknown).To(Equal(c.unknown))
		})
	}
	g := NewWithT(t)
	names, _ := Codec{}.NativeEvents(nil)
	g.Expect(names).To(HaveLen(len(taxonomy)-2), "all but those of licence keys")
}
