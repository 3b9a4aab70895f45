package account

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
	"github.com/kassa-dev/kassa/test/stack"
)

// elsewhere is an account at a provider other than Stripe. PaymentProvider and Secret have the provider's name.
type elsewhere struct {
	name   string
	spec   func(sandboxURL string) v1alpha1.PaymentProviderSpec
	keys   keys
	revoke func(sb *sandbox.Sandbox, key string, revoked bool)
	// seed makes what exists before, and returns how the Plan "pro" is sold there.
	seed func(t *testing.T, sb *sandbox.Sandbox, mode v1alpha1.Mode) v1alpha1.PlanProvider
	// foreign lets only its own account's keys see the account, where the sandbox does not.
	foreign func(http.Handler) http.Handler
	// Parts of messages: of a refused key, of a key of another account, and of a live key in Test mode.
	refused, another, live string
	// mismatch is the state with a key of another account.
	mismatch string
}

// keys of one provider. The first two are of one account, and live is of its live mode.
type keys struct{ first, second, other, live string }

var paddlePeer = stack.Peers[slices.IndexFunc(stack.Peers, func(p stack.Peer) bool { return p.Name == "paddle" })]

var atPaddle = elsewhere{
	name: "paddle",
	spec: func(url string) v1alpha1.PaymentProviderSpec { return paddlePeer.Spec("paddle", url) },
	keys: keys{
		paddlePeer.Key("first"), paddlePeer.Key("second"), paddlePeer.Key("other"),
		strings.Replace(paddlePeer.Key("first"), "sdbx", "live", 1),
	},
	revoke: func(sb *sandbox.Sandbox, key string, revoked bool) { sb.Paddle().Revoke(key, revoked) },
	seed: func(*testing.T, *sandbox.Sandbox, v1alpha1.Mode) v1alpha1.PlanProvider {
		return v1alpha1.PlanProvider{Name: "paddle"}
	},
	foreign: func(next http.Handler) http.Handler { return next },
	refused: "invalid_token", another: "create another PaymentProvider", live: "this is a live key, but mode is Test",
	mismatch: "Failed False " + v1alpha1.ReasonAccountMismatch,
}

const lemonStore = 77

var atLemonSqueezy = elsewhere{
	name: "lemonsqueezy",
	spec: func(url string) v1alpha1.PaymentProviderSpec {
		return v1alpha1.PaymentProviderSpec{
			BaseURL: url + "/lemonsqueezy", LemonSqueezy: &v1alpha1.LemonSqueezyProvider{
				APIKeySecretRef: v1alpha1.SecretKeyReference{Name: "lemonsqueezy", Key: "key"},
				StoreID:         strconv.Itoa(lemonStore),
			},
		}
	},
	keys: keys{
		"eyJ0" + "ZXN0a2V5MTIz", "eyJ0" + "c2Vjb25k", "eyJ0" + "b3RoZXI", "eyJ0" + "live",
	},
	revoke: func(sb *sandbox.Sandbox, key string, revoked bool) { sb.LemonSqueezy().Revoke(key, revoked) },
	seed:   seedLemon,
	// The sandbox has no accounts above its stores: to the other key this one's store is one that does not exist.
	foreign: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/lemonsqueezy/v1/stores/77" && strings.HasSuffix(r.Header.Get("Authorization"), "b3RoZXI") {
				r.URL.Path = "/lemonsqueezy/v1/stores/1"
			}
			next.ServeHTTP(w, r)
		})
	},
	refused: "HTTP 401", another: "the key sees no store 77",
	live:     "spec.mode is Test but LemonSqueezy says that the key is of Live mode; nothing was written",
	mismatch: "Failed False " + v1alpha1.ReasonProviderError,
}

// seedLemon makes a store with a product that the Plan "pro" adopts.
func seedLemon(t *testing.T, sb *sandbox.Sandbox, mode v1alpha1.Mode) v1alpha1.PlanProvider {
	t.Helper()
	shop := sb.LemonSqueezy()
	shop.AddStore(lemonsqueezy.Store{ID: lemonStore, Name: "Shop"})
	price := func(amount int64, unit string) lemonsqueezy.Price {
		once := int64(1)
		return lemonsqueezy.Price{UnitPrice: &amount, IntervalUnit: &unit, IntervalCount: &once}
	}
	product, variants, err := shop.AddProduct(lemonsqueezy.Draft{
		StoreID: lemonStore, Name: "Plan pro", Live: mode == v1alpha1.ModeLive,
		Variants: []lemonsqueezy.DraftVariant{
			{Name: "monthly", Price: price(2900, "month")}, {Name: "yearly", Price: price(29000, "year")},
		},
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	adopt := &v1alpha1.Adopt{ProductID: strconv.FormatInt(product, 10)}
	for i, name := range []string{"monthly", "yearly"} {
		adopt.Prices = append(adopt.Prices, v1alpha1.AdoptPrice{Name: name, ID: strconv.FormatInt(variants[i], 10)})
	}
	return v1alpha1.PlanProvider{Name: "lemonsqueezy", Adopt: adopt}
}

// tenant is a stack with such an account.
type tenant struct {
	*stack.Stack
	elsewhere
	witness *witness
	plan    v1alpha1.PlanProvider
}

func newTenant(t *testing.T, e elsewhere, mode v1alpha1.Mode) *tenant {
	t.Helper()
	w := &witness{}
	s := stack.New(t, stack.Options{
		Sandbox: sandbox.Options{PaddleKeys: map[string]paddle.Key{
			atPaddle.keys.first: {Account: "seller_first"}, atPaddle.keys.second: {Account: "seller_first"},
		}},
		Front: func(next http.Handler) http.Handler { return w.front(e.foreign(next)) },
	})
	return &tenant{s, e, w, e.seed(t, s.Sandbox, mode)}
}

// account is an empty object of which State reads the rest.
func (x *tenant) account() *v1alpha1.PaymentProvider {
	return &v1alpha1.PaymentProvider{ObjectMeta: metav1.ObjectMeta{Name: x.name}}
}

// create makes PaymentProvider and Plan; the Secret only with a key.
func (x *tenant) create(mode v1alpha1.Mode, url, key string) {
	x.T.Helper()
	pp, pro := x.account(), stack.Plan("pro")
	pp.Spec = x.spec(url)
	pp.Spec.Mode, pp.Spec.RateLimit = mode, &v1alpha1.RateLimit{RequestsPerSecond: 1000, Burst: 2000}
	pro.Spec.Providers = []v1alpha1.PlanProvider{x.plan}
	if key != "" {
		x.Create(stack.Secret(x.name, "key", key))
	}
	x.Create(pp, pro)
}

// setKey changes the Secret.
func (x *tenant) setKey(key string) {
	x.T.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: x.name}}
	x.Change(secret, func() { secret.Data = map[string][]byte{"key": []byte(key)} })
}

// resync asks for the account to be read now.
func (x *tenant) resync() {
	x.T.Helper()
	pp := x.account()
	x.Change(pp, func() {
		metav1.SetMetaDataAnnotation(&pp.ObjectMeta, v1alpha1.AnnotationReconcileAt, time.Now().Format(time.RFC3339Nano))
	})
}

// ready waits for account and Plan.
func (x *tenant) ready() {
	x.T.Helper()
	x.AwaitState(x.account(), accountReady)
	x.AwaitState(plan("pro"), planReady)
}

// waiting waits until the account is in a state, with that in its message, and the Plan waits for it.
func (x *tenant) waiting(state, message string) {
	x.T.Helper()
	g := NewWithT(x.T)
	said := func(object client.Object) func() string {
		return func() string { return x.State(object) + ": " + stack.Message(object) }
	}
	g.Eventually(said(x.account()), stack.Patience, often).Should(And(HavePrefix(state+":"), ContainSubstring(message)))
	_, reason, _ := strings.Cut(state, " ")
	_, reason, _ = strings.Cut(reason, " ")
	g.Eventually(said(plan("pro")), stack.Patience, often).Should(Equal(fmt.Sprintf(
		"Failed False %s: %s: PaymentProvider %q is not ready: %s; its conditions say more",
		v1alpha1.ReasonProviderNotReady, x.name, x.name, reason)))
	for _, key := range []string{x.keys.first, x.keys.second, x.keys.other, x.keys.live} {
		g.Expect(said(x.account())()).NotTo(ContainSubstring(key))
	}
}

// writes that the provider got.
func (x *tenant) writes() int64 {
	x.T.Helper()
	return x.Quiet().Writes
}

// once expects that the Plan is at Paddle once, in no other account than the first key's.
func (x *tenant) once() {
	x.T.Helper()
	if x.name != "paddle" {
		return
	}
	g := NewWithT(x.T)
	for key, products := range map[string]int{x.keys.first: 1, x.keys.other: 0, x.keys.live: 0} {
		g.Expect(paddlePeer.Shelf(x.Sandbox, key, x.Namespace+"/pro").Products).To(Equal(products))
	}
}

// TestProviders has one operator work for accounts at the other providers, and for two PaymentProviders of one account.
func TestProviders(t *testing.T) {
	base := stack.New(t, stack.Options{OperatorEnv: []string{"SSL_CERT_FILE=" + certificates(t)}})
	base.Operator()
	tests := map[string]func(*testing.T){
		"two PaymentProviders of one account": twoPaymentProvidersOfOneAccount,
		"a client-side token":                 aClientSideToken,
	}
	for _, e := range []elsewhere{atPaddle, atLemonSqueezy} {
		for name, test := range map[string]func(*testing.T, elsewhere){
			"a Secret that comes later":  aSecretThatComesLater,
			"a key of the same account":  aKeyOfTheSameAccount,
			"a key of another account":   aKeyOfAnotherAccount,
			"a live key in test mode":    aLiveKeyInTestMode,
			"a test key in live mode":    aTestKeyInLiveModeElsewhere,
			"a key that is revoked":      aKeyThatIsRevoked,
			"a Plan finds a revoked key": aKeyThatAPlanFindsRevoked,
		} {
			tests[e.name+": "+name] = func(t *testing.T) { test(t, e) }
		}
	}
	t.Run("together", func(t *testing.T) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
}

// What is missing is named, and seen as soon as it is there.
func aSecretThatComesLater(t *testing.T, e elsewhere) {
	x := newTenant(t, e, v1alpha1.ModeTest)
	x.create(v1alpha1.ModeTest, x.SandboxURL, "")
	x.waiting("Failed False "+v1alpha1.ReasonSecretNotFound, fmt.Sprintf("Secret %q does not exist", x.name))
	x.Create(stack.Secret(x.name, "another", x.keys.first))
	x.waiting("Failed False "+v1alpha1.ReasonSecretKeyMissing, fmt.Sprintf(`Secret %q has no value under "key"`, x.name))
	NewWithT(t).Expect(x.witness.seen()).To(BeEmpty())
	x.setKey(x.keys.first)
	x.ready()
	x.once()
}

// A rotated key of the same account gets all calls, and nothing is made anew.
func aKeyOfTheSameAccount(t *testing.T, e elsewhere) {
	x := newTenant(t, e, v1alpha1.ModeTest)
	x.create(v1alpha1.ModeTest, x.SandboxURL, x.keys.first)
	x.ready()
	writes, g := x.writes(), NewWithT(t)
	before := len(x.witness.seen())
	g.Expect(x.witness.seen()).To(HaveEach(x.keys.first))

	x.setKey(x.keys.second)
	g.Eventually(func() int { return len(x.witness.seen()) }, stack.Patience, often).Should(BeNumerically(">", before))
	x.revoke(x.Sandbox, x.keys.first, true)
	x.resync()
	g.Expect(x.writes()).To(Equal(writes))
	x.ready()
	pro := plan("pro")
	x.Change(pro, func() { pro.Spec.Prices[0].DisplayName = "By the month" })
	if x.name == "paddle" {
		g.Eventually(x.writes, stack.Patience, often).Should(Equal(writes + 1))
	}
	x.ready()
	g.Expect(x.witness.seen()[before:]).To(HaveEach(x.keys.second))
	x.once()
}

// A key of another account is refused before anything is written there, whoever asks. The right one ends that.
func aKeyOfAnotherAccount(t *testing.T, e elsewhere) {
	x := newTenant(t, e, v1alpha1.ModeTest)
	x.create(v1alpha1.ModeTest, x.SandboxURL, x.keys.first)
	x.ready()
	writes, g := x.writes(), NewWithT(t)
	// Paddle tells which account a key is of as soon as the account has an object.
	pp := x.account()
	g.Eventually(func() bool {
		x.State(pp)
		return pp.Status.Account.Provisional
	}, stack.Patience, often).Should(BeFalse())
	x.setKey(x.keys.other)
	x.waiting(x.mismatch, x.another)
	pro := plan("pro")
	x.Change(pro, func() { pro.Spec.DisplayName = "Changed" })
	x.resync()
	x.waiting(x.mismatch, x.another)
	g.Expect(x.writes()).To(Equal(writes))
	x.once()

	x.Change(pro, func() { pro.Spec.DisplayName = "Plan pro" })
	x.setKey(x.keys.second)
	x.ready()
	g.Expect(x.writes()).To(Equal(writes))
	x.once()
}

// A live key in Test mode writes nothing. With the text of the key telling its mode the provider is not even asked.
func aLiveKeyInTestMode(t *testing.T, e elsewhere) {
	x := newTenant(t, e, v1alpha1.ModeTest)
	x.create(v1alpha1.ModeTest, x.SandboxURL, x.keys.live)
	x.waiting("Failed False "+v1alpha1.ReasonModeMismatch, x.live)
	x.resync()
	g := NewWithT(t)
	g.Expect(x.writes()).To(BeZero())
	if x.name == "paddle" {
		g.Expect(x.witness.seen()).To(BeEmpty())
	}
	x.setKey(x.keys.first)
	x.ready()
	x.once()
}

// A test key in Live mode writes nothing either, and a live one, over TLS, is taken.
func aTestKeyInLiveModeElsewhere(t *testing.T, e elsewhere) {
	x := newTenant(t, e, v1alpha1.ModeLive)
	server := httptest.NewTLSServer(x.Sandbox.Handler())
	t.Cleanup(server.Close)
	x.create(v1alpha1.ModeLive, server.URL, x.keys.first)
	x.waiting("Failed False "+v1alpha1.ReasonModeMismatch, "mode is Live")
	x.resync()
	g := NewWithT(t)
	g.Expect(x.writes()).To(BeZero())
	x.setKey(x.keys.live)
	x.ready()
	if x.name == "paddle" {
		g.Expect(paddlePeer.Shelf(x.Sandbox, x.keys.live, x.Namespace+"/pro").Products).To(Equal(1))
		g.Expect(x.Sandbox.Paddle().Account(x.keys.first).Products()).To(BeEmpty())
	}
}

// A key that the provider refuses is said to be, and works again when the provider takes it again.
func aKeyThatIsRevoked(t *testing.T, e elsewhere) {
	x := newTenant(t, e, v1alpha1.ModeTest)
	x.create(v1alpha1.ModeTest, x.SandboxURL, x.keys.first)
	x.ready()
	writes := x.writes()
	x.revoke(x.Sandbox, x.keys.first, true)
	x.resync()
	x.waiting("Failed False "+v1alpha1.ReasonCredentialsInvalid, x.refused)
	x.revoke(x.Sandbox, x.keys.first, false)
	x.resync()
	x.ready()
	NewWithT(t).Expect(x.writes()).To(Equal(writes))
	x.once()
}

// A Plan that finds out that the key is refused makes its account say so, long before that is checked again.
func aKeyThatAPlanFindsRevoked(t *testing.T, e elsewhere) {
	x := newTenant(t, e, v1alpha1.ModeTest)
	x.create(v1alpha1.ModeTest, x.SandboxURL, x.keys.first)
	x.ready()
	writes, g := x.writes(), NewWithT(t)
	x.revoke(x.Sandbox, x.keys.first, true)
	pro := plan("pro")
	x.Change(pro, func() { pro.Spec.DisplayName = "Changed" })
	x.waiting("Failed False "+v1alpha1.ReasonCredentialsInvalid, x.refused)
	x.Change(pro, func() { pro.Spec.DisplayName = "Plan pro" })
	x.setKey(x.keys.second)
	x.ready()
	g.Expect(x.writes()).To(Equal(writes))
	x.once()
}
