package lemonsqueezy_test

import (
	"errors"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	dashboard "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

func TestAStoreThatTheKeyDoesNotSee(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		g := NewWithT(t)
		conn, s := connect(t)
		s.Reset()
		s.HideMode(hidden)
		_, err := conn.Account(t.Context())
		g.Expect(err).To(MatchError(ContainSubstring("the key sees no store 77")))
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal), "a wrong account is not an object that is gone")
	}
}

// The mode is the key's, whatever the configuration says; where the user does not tell it, a product does.
func TestModeOfTheKey(t *testing.T) {
	for want := range modes {
		for configured := range modes {
			for _, hidden := range []bool{false, true} {
				g := NewWithT(t)
				conn, s := withKey(t, configured, modes[want])
				s.HideMode(hidden)
				for _, live := range []bool{true, false} {
					addPro(t, s, live)
				}
				a, err := conn.Account(t.Context())
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(a).To(Equal(billing.Account{ID: "77", Name: "Shop", Mode: want, DefaultCurrency: "USD"}))
			}
		}
	}
}

// A mode that nothing tells is none, and never a guess. It takes one product to make the store usable.
func TestAModeThatNothingTells(t *testing.T) {
	for mode, key := range modes {
		g := NewWithT(t)
		conn, s := withKey(t, mode, key)
		s.HideMode(true)
		addPro(t, s, mode == billing.Test) // of the other mode, so that the key does not see it
		_, err := conn.Account(t.Context())
		g.Expect(err).To(MatchError(ContainSubstring("make the store's first product")))
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal))
		addPro(t, s, mode == billing.Live)
		a, err := conn.Account(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(a.Mode).To(Equal(mode))

		conn = raw(t, mode, map[string]string{
			"/v1/users/me": `{"data":` + object("users", "1", "") + `}`,
			"/v1/products": listOf(object("products", "5", `"store_id":77`)),
		})
		_, err = conn.Account(t.Context())
		g.Expect(err).To(MatchError(ContainSubstring("make the store's first product")), "a product without its mode")
	}
}

// What is of the other mode, or of none, is not the account's. A variant without its mode is of its product's.
func TestObjectsOfAnotherMode(t *testing.T) {
	for mode, marks := range map[billing.Mode][2]string{
		billing.Test: {`,"test_mode":true`, `,"test_mode":false`}, billing.Live: {`,"test_mode":false`, `,"test_mode":true`},
	} {
		g := NewWithT(t)
		of := func(id, mark string) string { return object("products", id, `"store_id":77,"status":"published"`+mark) }
		conn := raw(t, mode, map[string]string{
			"/v1/products":   listOf(of("5", marks[0]), of("6", marks[1]), of("7", "")),
			"/v1/products/5": `{"data":` + of("5", marks[0]) + `}`,
			"/v1/products/6": `{"data":` + of("6", marks[1]) + `}`,
			"/v1/products/7": `{"data":` + of("7", "") + `}`,
			"/v1/variants": listOf(
				object("variants", "10", `"product_id":5,"status":"published"`),
				object("variants", "11", `"product_id":5,"status":"published"`+marks[0]),
				object("variants", "12", `"product_id":5,"status":"published"`+marks[1]),
				object("variants", "13", `"product_id":6,"status":"published"`),
				object("variants", "14", `"product_id":7,"status":"published"`+marks[0]),
			),
			"/v1/prices": listOf(),
		})
		want := map[string]bool{"10": true, "11": true}
		snap, err := conn.Catalog().Snapshot(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(snap.Products).To(HaveLen(1))
		g.Expect(snap.Products[0].ID).To(Equal("5"))
		g.Expect(onSale(snap.Prices)).To(Equal(want))
		for id, seen := range map[string]bool{"5": true, "6": false, "7": false} {
			o, err := conn.Catalog().Observe(t.Context(), billing.Owner{}, provider.Known{ProductID: id, Only: true})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(o.Product != nil).To(Equal(seen), id)
			if seen {
				g.Expect(onSale(o.Prices)).To(Equal(want))
			}
		}
	}
}

// Without an address of its own, a connection goes to LemonSqueezy's, encrypted.
func TestThePublicAddress(t *testing.T) {
	g := NewWithT(t)
	var asked []string
	conn, err := lemonsqueezy.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: testKey, StoreID: "77",
		HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.String())
			return nil, errors.New("no network here")
		})},
	})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = conn.Account(t.Context())
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable))
	g.Expect(asked).To(Equal([]string{"https://api.lemonsqueezy.com/v1/users/me"}))
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func addPro(t *testing.T, s *dashboard.Server, live bool) {
	t.Helper()
	_, _, err := s.AddProduct(dashboard.Draft{
		StoreID: storeID, Name: "Pro", Live: live, Variants: []dashboard.DraftVariant{{Name: "Default"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}
