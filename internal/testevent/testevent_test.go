package testevent_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/testevent"
)

var codecs = map[billing.Provider]provider.WebhookCodec{
	billing.Stripe: stripe.Codec{}, billing.Paddle: paddle.Codec{}, billing.LemonSqueezy: lemonsqueezy.Codec{},
}

func facts() testevent.Facts {
	return testevent.Facts{
		Mark: testevent.NewMark(), Now: time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC), Mode: billing.Test,
		Money: billing.Money{Minor: 2900, Currency: "USD"},
	}
}

// What a receiver reads of each event is what its name says, and every event says that it is a test.
func TestEventsAreReadAsWhatTheyAreNamed(t *testing.T) {
	for p, codec := range codecs {
		for _, name := range testevent.Names(p) {
			t.Run(string(p)+"/"+name.Native+"/"+string(name.Type), func(t *testing.T) {
				g, f := NewWithT(t), facts()
				event, err := testevent.Make(p, string(name.Type), f)
				g.Expect(err).NotTo(HaveOccurred())
				read, err := codec.Parse(event.Body)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(read.Type).To(Equal(name.Type))

				event, err = testevent.Make(p, name.Native, f)
				g.Expect(err).NotTo(HaveOccurred())
				read, err = codec.Parse(event.Body)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(read.ID).To(Equal(event.ID))
				g.Expect(read.ID).To(HavePrefix("evt_kassa_trigger_"))
				g.Expect(read.NativeType).To(Equal(name.Native))
				g.Expect(read.Type).To(Equal(event.Type))
				g.Expect(read.Time).To(BeTemporally("==", f.Now))
				g.Expect(string(event.Body)).NotTo(ContainSubstring(`"$`), "a fact that nobody knows")
			})
		}
	}
}

// Whatever a provider's events can be named, a test event can be made of.
func TestTheWholeTaxonomyCanBeMade(t *testing.T) {
	g := NewWithT(t)
	for p, codec := range codecs {
		natives, _ := codec.NativeEvents(nil)
		for _, native := range natives {
			_, err := testevent.Make(p, native, facts())
			g.Expect(err).NotTo(HaveOccurred(), "%s %s", p, native)
		}
		for _, kind := range billing.EventTypes() {
			if names, _ := codec.NativeEvents([]string{string(kind)}); len(names) > 0 {
				_, err := testevent.Make(p, string(kind), facts())
				g.Expect(err).NotTo(HaveOccurred(), "%s %s", p, kind)
			}
		}
	}
}

func TestFactsThatAreGivenAreTold(t *testing.T) {
	for p, codec := range codecs {
		t.Run(string(p), func(t *testing.T) {
			g, f := NewWithT(t), facts()
			f.Customer, f.Subscription, f.PriceID, f.UserID = "7", "8", "9", "42"
			f.Money, f.Mode = billing.Money{Minor: 1250, Currency: "EUR"}, billing.Live
			event, err := testevent.Make(p, "payment.succeeded", f)
			g.Expect(err).NotTo(HaveOccurred())
			read, err := codec.Parse(event.Body)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(read.Customer.ID).To(Equal("7"))
			g.Expect(read.Customer.UserID).To(Equal("42"))
			g.Expect(read.Subscription.ID).To(Equal("8"))
			g.Expect(read.Payment.Money).To(Equal(f.Money))
			g.Expect(read.Payment.Status).To(Equal(billing.PaymentStatusSucceeded))
			g.Expect(read.Mode).To(BeElementOf(billing.Live, billing.Mode("")))

			event, err = testevent.Make(p, "subscription.created", f)
			g.Expect(err).NotTo(HaveOccurred())
			read, err = codec.Parse(event.Body)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(read.Subscription.PriceID).To(Equal("9"))
			g.Expect(read.Subscription.Status).To(Equal(billing.StatusActive))
		})
	}
}

func TestWhatIsMadeUpIsNobodys(t *testing.T) {
	g := NewWithT(t)
	for p, codec := range codecs {
		seen := map[string]bool{}
		for range 20 {
			event, err := testevent.Make(p, "payment.succeeded", facts())
			g.Expect(err).NotTo(HaveOccurred())
			read, err := codec.Parse(event.Body)
			g.Expect(err).NotTo(HaveOccurred())
			for _, id := range []string{read.ID, read.Customer.ID, "s" + read.Subscription.ID, "p" + read.Payment.ID} {
				g.Expect(seen).NotTo(HaveKey(id))
				seen[id] = true
				if p != billing.LemonSqueezy {
					g.Expect(id).To(ContainSubstring("kassa_trigger"))
				}
			}
		}
	}
}

func TestWhatCannotBeMadeIsSaid(t *testing.T) {
	g := NewWithT(t)
	_, err := testevent.Make(billing.LemonSqueezy, "dispute.opened", facts())
	g.Expect(err).To(MatchError(testevent.UnknownError{Provider: billing.LemonSqueezy, Name: "dispute.opened"}))
	f := facts()
	f.Subscription = "sub_1"
	_, err = testevent.Make(billing.LemonSqueezy, "payment.failed", f)
	g.Expect(err).To(MatchError(ContainSubstring("ids are numbers")))
	g.Expect(strings.Contains(err.Error(), "sub_1")).To(BeTrue())
}
