package paddle

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

// published reads what Paddle publishes, where a machine has it. None of it is the project's.
func published(t *testing.T, name string) []byte {
	t.Helper()
	root := os.Getenv("KASSA_PROVIDER_SAMPLES")
	if root == "" {
		t.Skip("KASSA_PROVIDER_SAMPLES names no folder with the providers' published samples")
	}
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Skipf("the sample is not there: %v", err)
	}
	return text
}

func TestPublishedSignature(t *testing.T) {
	var vectors []struct {
		Body, Header, Provider, Secret string
		Timestamp                      int64
	}
	if err := json.Unmarshal(published(t, "signature-vectors.json"), &vectors); err != nil {
		t.Fatal(err)
	}
	g, tried := NewWithT(t), 0
	for _, v := range vectors {
		if v.Provider != "paddle" {
			continue
		}
		tried++
		h, now := http.Header{SignatureHeader: {v.Header}}, time.Unix(v.Timestamp, 0)
		g.Expect(Codec{}.Verify(h, []byte(v.Body), []string{v.Secret}, now, time.Minute)).To(Succeed())
	}
	g.Expect(tried).To(BeNumerically(">", 0))
}

func TestPublishedEvents(t *testing.T) {
	for native, want := range map[string]billing.Event{
		"adjustment.created":         {Payment: &billing.EventPayment{Money: usd(100)}},
		"price.updated":              {Type: billing.CatalogPriceChanged},
		"subscription.canceled":      {Type: billing.SubscriptionCanceled},
		"subscription.created":       {Type: billing.SubscriptionCreated},
		"transaction.completed":      {Type: billing.CheckoutCompleted, Payment: &billing.EventPayment{Money: usd(65215)}},
		"transaction.payment_failed": {Type: billing.CheckoutFailed, Payment: &billing.EventPayment{Money: usd(65215)}},
	} {
		t.Run(native, func(t *testing.T) {
			g := NewWithT(t)
			e, err := Codec{}.Parse(published(t, filepath.Join("paddle", native+".json")))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(e.NativeType).To(Equal(native))
			g.Expect(e.Type).To(Equal(want.Type))
			g.Expect(e.ID).To(HavePrefix("evt_"))
			g.Expect(e.Time.Year()).To(Equal(2024))
			g.Expect(e.Payment == nil).To(Equal(want.Payment == nil))
			if e.Payment != nil {
				g.Expect(e.Payment.Money).To(Equal(want.Payment.Money))
				g.Expect(e.Payment.ID).To(HavePrefix("txn_"))
			}
			if s := e.Subscription; s != nil && native != "adjustment.created" {
				g.Expect(s.PriceID).To(HavePrefix("pri_"))
			}
		})
	}
}
