package notice_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/notice"
)

// What is read back is what was written, and the provider's event byte for byte.
func TestEnvelope(t *testing.T) {
	g := NewWithT(t)
	end := time.Date(2026, 2, 28, 10, 0, 0, 0, time.UTC)
	e := billing.Event{
		ID: notice.EventID("in_1"), Type: billing.DunningPaused, NativeType: "dunning.paused", Mode: billing.Test,
		Time:     time.Date(2026, 1, 31, 10, 0, 0, 123000, time.UTC),
		Customer: &billing.EventCustomer{ID: "cus_1", Email: "a@example.com", UserID: "42"},
		Subscription: &billing.EventSubscription{
			ID: "sub_1", Status: billing.StatusPaused, Plan: "pro", CurrentPeriodEnd: &end,
			Owner: billing.Owner{Cluster: "c", Namespace: "shop", Name: "pro", UID: "u"},
		},
		Payment: &billing.EventPayment{
			ID: "pi_1", Money: billing.Money{Minor: 2900, Currency: "JPY"}, Status: billing.PaymentStatusFailed, Attempt: 3,
			FailureCode: "card_declined",
		},
		Dunning:  &billing.EventDunning{InvoiceID: "in_1", FailedPayments: 3, Action: billing.DunPause},
		Metadata: map[string]string{"team": "<growth>"},
		Native:   json.RawMessage("{ \"id\":\"evt_1\",\n\t\"text\":\"<&>\\u00e9\" }"),
	}
	payload, err := notice.Encode(&e)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(notice.Is(payload)).To(BeTrue())
	g.Expect(notice.Is(e.Native)).To(BeFalse())
	g.Expect(notice.Decode(payload)).To(Equal(e))
	_, err = notice.Decode(payload[:40])
	g.Expect(err).To(HaveOccurred())

	packed, err := notice.Pack(payload)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(notice.Unpack(packed)).To(Equal(payload))
	bomb, err := notice.Pack(make([]byte, notice.MaxPayload+1))
	g.Expect(err).NotTo(HaveOccurred())
	_, err = notice.Unpack(bomb)
	g.Expect(err).To(HaveOccurred())
}

func TestNames(t *testing.T) {
	g := NewWithT(t)
	g.Expect(notice.EventID("in_1")).To(Equal("dunning-in_1"))
	long := notice.EventID(strings.Repeat("x", 500))
	g.Expect(len(long)).To(BeNumerically("<=", 128))
	g.Expect(notice.ObjectName("stripe", "evt_1")).NotTo(Equal(notice.ObjectName("stripe", "evt_2")))
}
