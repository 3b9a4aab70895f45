package stack

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox"
)

// Peer is a provider at the sandbox, as tests that run at every provider need it.
type Peer struct {
	Name      string
	KeyPrefix string // of the test keys; each text after it is an account of its own
	Path      string // what the paths of the API begin with in the sandbox's log
	Update    string // method of a change
	// Exact: the provider tells a create that was meant once from two, so that nothing is ever there twice. Elsewhere a
	// twin that two processes made at one moment stays, archived.
	Exact bool
	// Spec is of an account at the sandbox, with the key under "key" of a Secret.
	Spec func(secret, sandboxURL string) v1alpha1.PaymentProviderSpec
	// Shelf is what an account has of one Plan, given as namespace/name.
	Shelf func(sb *sandbox.Sandbox, key, plan string) Shelf
	// ByHand makes a product with a monthly price of 29.00 USD, as somebody in the dashboard does.
	ByHand func(t testing.TB, sandboxURL, key string) (productID, priceID string)
}

// Provider declares an account. Its Secret has the same name.
func (p Peer) Provider(name, sandboxURL string) *v1alpha1.PaymentProvider {
	spec := p.Spec(name, sandboxURL)
	spec.Mode, spec.RateLimit = v1alpha1.ModeTest, &v1alpha1.RateLimit{RequestsPerSecond: 1000, Burst: 2000}
	return &v1alpha1.PaymentProvider{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
}

// Adoption names a product that was just made by hand, as a Plan with a price "monthly" adopts it.
func (p Peer) Adoption(t testing.TB, sandboxURL, key string) *v1alpha1.Adopt {
	t.Helper()
	product, price := p.ByHand(t, sandboxURL, key)
	return &v1alpha1.Adopt{ProductID: product, Prices: []v1alpha1.AdoptPrice{{Name: "monthly", ID: price}}}
}

// Shelf is what a provider's account has of one Plan.
type Shelf struct {
	Products int // all that carry the Plan's marks
	OnSale   int // active ones
	Prices   int // all that carry the Plan's marks
	// Amounts are those of the active prices of active products in minor units, by the price's name in the Plan, sorted.
	Amounts map[string][]string
}

// Names of the prices that are on sale.
func (s Shelf) Names() []string { return slices.Sorted(maps.Keys(s.Amounts)) }

// put adds a price.
func (s *Shelf) put(name, amount string) {
	s.Amounts[name] = append(s.Amounts[name], amount)
	slices.Sort(s.Amounts[name])
}

// Peers are the providers whose catalogues Kassa writes.
var Peers = []Peer{stripePeer, paddlePeer}

var stripePeer = Peer{
	Name: "stripe", KeyPrefix: "sk_" + "test_", Path: "/v1/", Update: http.MethodPost, Exact: true,
	Spec: func(secret, sandboxURL string) v1alpha1.PaymentProviderSpec {
		return v1alpha1.PaymentProviderSpec{BaseURL: sandboxURL, Stripe: &v1alpha1.StripeProvider{
			APIKeySecretRef: v1alpha1.SecretKeyReference{Name: secret, Key: "key"},
		}}
	},
	Shelf: func(sb *sandbox.Sandbox, key, plan string) Shelf {
		account, s := sb.Stripe().Account(key), Shelf{Amounts: map[string][]string{}}
		active := map[string]bool{}
		for _, p := range account.Products() {
			active[p.ID] = p.Active
			if p.Metadata["kassa_plan"] != plan {
				continue
			}
			s.Products++
			if p.Active {
				s.OnSale++
			}
		}
		for _, p := range account.Prices() {
			if p.Metadata["kassa_plan"] != plan {
				continue
			}
			s.Prices++
			if p.Active && active[p.Product] {
				s.put(p.Metadata["kassa_price"], *p.UnitAmountDecimal)
			}
		}
		return s
	},
	ByHand: func(t testing.TB, sandboxURL, key string) (string, string) {
		t.Helper()
		product := post(t, sandboxURL+"/v1/products", key, "application/x-www-form-urlencoded", "name=By+hand")
		price := post(t, sandboxURL+"/v1/prices", key, "application/x-www-form-urlencoded", url.Values{
			"product": {product}, "currency": {"usd"}, "unit_amount": {"2900"}, "recurring[interval]": {"month"},
			"lookup_key": {"by_hand_" + product},
		}.Encode())
		return product, price
	},
}

var paddlePeer = Peer{
	Name: "paddle", KeyPrefix: "pdl_sdbx_" + "apikey_", Path: "/paddle/", Update: http.MethodPatch,
	Spec: func(secret, sandboxURL string) v1alpha1.PaymentProviderSpec {
		return v1alpha1.PaymentProviderSpec{BaseURL: sandboxURL + "/paddle", Paddle: &v1alpha1.PaddleProvider{
			APIKeySecretRef: v1alpha1.SecretKeyReference{Name: secret, Key: "key"},
		}}
	},
	Shelf: func(sb *sandbox.Sandbox, key, plan string) Shelf {
		account, s := sb.Paddle().Account(key), Shelf{Amounts: map[string][]string{}}
		active := map[string]bool{}
		for _, p := range account.Products() {
			active[p.ID] = p.Status == "active"
			if p.CustomData["kassa_plan"] != plan {
				continue
			}
			s.Products++
			if active[p.ID] {
				s.OnSale++
			}
		}
		for _, p := range account.Prices() {
			if p.CustomData["kassa_plan"] != plan {
				continue
			}
			s.Prices++
			if name, ok := p.CustomData["kassa_price"].(string); ok && p.Status == "active" && active[p.ProductID] {
				s.put(name, p.UnitPrice.Amount)
			}
		}
		return s
	},
	ByHand: func(t testing.TB, sandboxURL, key string) (string, string) {
		t.Helper()
		const kind = "application/json"
		product := post(t, sandboxURL+"/paddle/products", key, kind, `{"name":"By hand","tax_category":"saas"}`)
		price := post(t, sandboxURL+"/paddle/prices", key, kind, `{"product_id":"`+product+`","description":"By hand",`+
			`"unit_price":{"amount":"2900","currency_code":"USD"},"billing_cycle":{"interval":"month","frequency":1}}`)
		return product, price
	},
}

// Key is a test key of the provider's format for an account of its own.
func (p Peer) Key(account string) string {
	sum := sha256.Sum256([]byte(account))
	text := hex.EncodeToString(sum[:])
	if p.Name == "paddle" {
		return p.KeyPrefix + text[:26] + "_" + text[26:48] + "_" + text[48:51]
	}
	return p.KeyPrefix + text[:24]
}

// post sends a request to the sandbox and returns the id of what it answered.
func post(t testing.TB, address, key, contentType, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	var out struct {
		ID   string `json:"id"`
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	must(t, json.NewDecoder(resp.Body).Decode(&out))
	id := cmp.Or(out.ID, out.Data.ID)
	if id == "" {
		t.Fatal(address, resp.Status)
	}
	return id
}
