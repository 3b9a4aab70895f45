package faults

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

var registry = provider.NewRegistry(stripe.Adapter{})

// peer is a provider that the sequences run at.
type peer struct {
	name      string
	keyPrefix string
	// path is the prefix of the paths of the API's catalogue.
	path string
	// exact: the provider tells a create that was meant once from two, so that nothing is ever there twice. Elsewhere a
	// twin that two processes made at one moment stays, archived.
	exact bool
	// provider declares an account at the sandbox.
	provider func(name, url string) *v1alpha1.PaymentProvider
	// sold is what one PaymentProvider's account has.
	sold func(w *world, provider string) shelf
	// byHand makes a product with a monthly price of 29.00 USD, as somebody in the dashboard does.
	byHand func(w *world, provider string) (productID, priceID string)
}

// shelf is an account's catalogue.
type shelf struct {
	Products  int            // all of them
	OnSale    int            // active products
	Prices    int            // all of them
	PriceOf   map[string]int // name of a price → how many active ones carry it, of active products
	AmountsOf map[string]string
}

func newShelf() shelf { return shelf{PriceOf: map[string]int{}, AmountsOf: map[string]string{}} }

func (s shelf) names() []string { return slices.Sorted(maps.Keys(s.PriceOf)) }

var peers = []peer{stripePeer}

var stripePeer = peer{
	name: "stripe", keyPrefix: "sk_" + "test_", path: "/v1/", exact: true,
	provider: func(name, url string) *v1alpha1.PaymentProvider {
		return &v1alpha1.PaymentProvider{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: v1alpha1.PaymentProviderSpec{
				Mode: v1alpha1.ModeTest, BaseURL: url,
				Stripe: &v1alpha1.StripeProvider{
					APIKeySecretRef: v1alpha1.SecretKeyReference{Name: name, Key: "key"},
				},
			},
		}
	},
	sold: func(w *world, provider string) shelf {
		account, s := w.sandbox.Stripe().Account(w.key(provider)), newShelf()
		active := map[string]bool{}
		for _, p := range account.Products() {
			s.Products++
			if p.Active {
				s.OnSale++
				active[p.ID] = true
			}
		}
		for _, p := range account.Prices() {
			s.Prices++
			if p.Active && active[p.Product] {
				s.PriceOf[p.Metadata["kassa_price"]]++
				s.AmountsOf[p.Metadata["kassa_price"]] = *p.UnitAmountDecimal
			}
		}
		return s
	},
	byHand: func(w *world, provider string) (string, string) {
		product := w.post(provider, "/v1/products", "name=By+hand")
		price := w.post(provider, "/v1/prices", "product="+product+"&currency=usd&unit_amount=2900&recurring[interval]=month"+
			"&lookup_key=by_hand")
		return product, price
	},
}
