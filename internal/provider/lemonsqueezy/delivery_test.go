package lemonsqueezy_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/sandbox"
	dashboard "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

// A webhook that was registered delivers every event, signed with the secret that it has at that time.
func TestDeliveries(t *testing.T) {
	for mode, key := range modes {
		t.Run(string(mode), func(t *testing.T) {
			g := NewWithT(t)
			type delivered struct {
				header http.Header
				body   []byte
			}
			arrived := make(chan delivered, 100)
			inbox := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				arrived <- delivered{r.Header.Clone(), body}
			}))
			defer inbox.Close()
			sb := sandbox.New(sandbox.Options{})
			srv := httptest.NewServer(sb.Handler())
			defer srv.Close()
			shop := sb.LemonSqueezy()
			shop.AddStore(dashboard.Store{ID: storeID, Name: "Shop", Currency: "EUR"})
			endpoints := dial(t, mode, key, srv.URL+"/lemonsqueezy").Endpoints()
			all, _ := lemonsqueezy.Codec{}.NativeEvents([]string{"*"})
			spec := provider.EndpointSpec{URL: inbox.URL, Events: all, Secret: "first-0123456789"}
			registered, err := endpoints.Create(t.Context(), spec)
			g.Expect(err).NotTo(HaveOccurred())

			codec, seen := lemonsqueezy.Codec{}, map[string]bool{}
			next := func(native, secret string) billing.Event {
				_, sent, err := shop.Emit(dashboard.Notice{Type: native, Live: mode == billing.Live})
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(sent).To(HaveLen(1))
				select {
				case d := <-arrived:
					g.Expect(codec.Verify(d.header, d.body, []string{secret}, time.Now(), 0)).To(Succeed(), native)
					e, err := codec.Parse(d.body)
					g.Expect(err).NotTo(HaveOccurred(), native)
					g.Expect(e.ID).To(Equal(sent[0].WebhookID))
					g.Expect(seen).NotTo(HaveKey(e.ID))
					seen[e.ID] = true
					return e
				case <-time.After(10 * time.Second):
					t.Fatalf("%s did not come", native)
				}
				return billing.Event{}
			}
			for _, native := range all {
				e := next(native, "first-0123456789")
				g.Expect(e.NativeType).To(Equal(native))
				g.Expect(e.Mode).To(Equal(mode))
				g.Expect(e.Time).NotTo(BeZero(), native)
				names, _ := codec.NativeEvents([]string{string(e.Type)})
				g.Expect(e.Type == "" || len(names) > 0).To(BeTrue(), native)
			}
			spec.Secret = "second-0123456789"
			_, err = endpoints.Update(t.Context(), registered.ID, spec)
			g.Expect(err).NotTo(HaveOccurred())
			next("order_created", "second-0123456789")
			spec.Secret = ""
			_, err = endpoints.Update(t.Context(), registered.ID, spec)
			g.Expect(err).NotTo(HaveOccurred())
			next("order_created", "second-0123456789") // an update without a secret keeps it
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			g.Expect(sb.Close(ctx)).To(Succeed())
		})
	}
}
