package accounts_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox"
	sandboxstripe "github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/controlplane"
)

func TestMain(m *testing.M) { controlplane.Main(m, controlplane.Options{NoFsync: true}) }

// Keys that the sandbox knows: two of one account, one of another, and one whose text hides that it is live.
const (
	key        = "sk_test_" + "first"
	rotatedKey = "sk_test_" + "rotated"
	othersKey  = "sk_test_" + "other"
	lyingKey   = "sk_test_" + "lying"
	liveKey    = "sk_" + "live_" + "real"
)

// fixture is a Pool on a real API server and the sandbox, with a clock that stands still.
type fixture struct {
	*GomegaWithT
	t       *testing.T
	client  client.Client
	sandbox *sandbox.Sandbox
	pool    *accounts.Pool
	pp      *v1alpha1.PaymentProvider
	now     time.Time
	clients recorder
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{GomegaWithT: NewWithT(t), t: t, now: time.Now()}
	scheme := runtime.NewScheme()
	f.Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	f.Expect(corev1.AddToScheme(scheme)).To(Succeed())
	plane := controlplane.Shared(t)
	var err error
	f.client, err = client.New(plane.Config(), client.Options{Scheme: scheme})
	f.Expect(err).NotTo(HaveOccurred())

	f.sandbox = sandbox.New(sandbox.Options{Keys: map[string]sandboxstripe.Key{
		key: {Account: "acct_1"}, rotatedKey: {Account: "acct_1"}, othersKey: {Account: "acct_2"},
		lyingKey: {Account: "acct_1", Live: true},
	}})
	server := httptest.NewServer(f.sandbox.Handler())
	t.Cleanup(server.Close)
	f.pool = &accounts.Pool{
		Registry: provider.NewRegistry(stripe.Adapter{}), Metadata: f.client, Live: f.client,
		Clients: &f.clients, Now: func() time.Time { return f.now },
	}
	f.pp = &v1alpha1.PaymentProvider{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: plane.Namespace(t), Name: "stripe", Finalizers: []string{v1alpha1.Finalizer},
		},
		Spec: v1alpha1.PaymentProviderSpec{
			Mode: v1alpha1.ModeTest, BaseURL: server.URL,
			Stripe: &v1alpha1.StripeProvider{
				APIKeySecretRef: v1alpha1.SecretKeyReference{Name: "stripe-api", Key: "api-key"},
			},
		},
	}
	f.Expect(f.client.Create(t.Context(), f.pp)).To(Succeed())
	return f
}

// secret makes or changes the Secret that the PaymentProvider names.
func (f *fixture) secret(name, value string) {
	f.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.pp.Namespace, Name: "stripe-api"}}
	err := f.client.Create(f.t.Context(), secret)
	if err != nil {
		f.Expect(f.client.Get(f.t.Context(), client.ObjectKeyFromObject(secret), secret)).To(Succeed())
	}
	secret.Data = map[string][]byte{name: []byte(value)}
	f.Expect(f.client.Update(f.t.Context(), secret)).To(Succeed())
}

// refused opens the account and returns why it cannot be used.
func (f *fixture) refused() *accounts.Error {
	f.t.Helper()
	account, err := f.pool.Open(f.t.Context(), f.pp)
	f.Expect(account).To(BeNil())
	var problem *accounts.Error
	f.Expect(err).To(BeAssignableToTypeOf(problem), "%v", err)
	return err.(*accounts.Error) //nolint:errorlint // asserted in the line above
}

func (f *fixture) opened() *accounts.Account {
	f.t.Helper()
	account, err := f.pool.Open(f.t.Context(), f.pp)
	f.Expect(err).NotTo(HaveOccurred())
	return account
}

func TestWhatIsWrongWithTheSecretIsSaidAndSeenWhenItIsRight(t *testing.T) {
	f := newFixture(t)
	p := f.refused()
	f.Expect(p.Reason).To(Equal(v1alpha1.ReasonSecretNotFound))
	f.Expect(p.Message).To(Equal(`Secret "stripe-api" does not exist; create it with the API key under "api-key"`))
	f.Expect(p.Stalled).To(BeTrue())

	f.secret("another", key)
	p = f.refused()
	f.Expect(p.Reason).To(Equal(v1alpha1.ReasonSecretKeyMissing))
	f.Expect(p.Message).To(Equal(`Secret "stripe-api" has no value under "api-key"`))
	f.Expect(f.sandbox.Requests()).To(BeEmpty())

	f.secret("api-key", " "+key+"\n")
	f.Expect(f.opened().Info).To(And(HaveField("ID", "acct_1"), HaveField("Mode", billing.Test)))
}

func TestNothingIsWrittenWithAKeyOfTheWrongModeOrAccount(t *testing.T) {
	for _, c := range []struct {
		name, key, accountID, reason string
		calls                        bool
	}{
		{"the key's text says live", liveKey, "", v1alpha1.ReasonModeMismatch, false},
		{"only the provider says live", lyingKey, "", v1alpha1.ReasonModeMismatch, true},
		{"no key at all", "sk-nonsense", "", v1alpha1.ReasonCredentialsInvalid, false},
		{"another account than the spec's", othersKey, "acct_1", v1alpha1.ReasonAccountMismatch, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.pp.Spec.Stripe.AccountID = c.accountID
			f.secret("api-key", c.key)
			p := f.refused()
			f.Expect(p.Reason).To(Equal(c.reason))
			f.Expect(p.Stalled).To(BeTrue())
			f.Expect(p.Message).NotTo(ContainSubstring(c.key))
			f.Expect(f.sandbox.Counts().Writes).To(BeZero())
			f.Expect(len(f.sandbox.Requests()) > 0).To(Equal(c.calls))

			// A refusal stands, without further calls, until something changes.
			before := f.sandbox.Counts()
			f.now = f.now.Add(time.Hour)
			f.Expect(f.refused().Reason).To(Equal(c.reason))
			f.Expect(f.sandbox.Counts()).To(Equal(before))
			f.secret("api-key", key)
			f.Expect(f.opened().Info.ID).To(Equal("acct_1"))
		})
	}
}

func TestARotatedKeyOfTheSameAccountKeepsTheMirror(t *testing.T) {
	f := newFixture(t)
	f.secret("api-key", key)
	first := f.opened()
	f.Expect(f.opened()).To(BeIdenticalTo(first))

	f.secret("api-key", rotatedKey)
	second := f.opened()
	f.Expect(second.Conn).NotTo(BeIdenticalTo(first.Conn))
	f.Expect(second.Mirror).To(BeIdenticalTo(first.Mirror))
}

// recorder remembers which clients were handed out.
type recorder struct {
	instrument.Buckets
	given map[string]*http.Client // by scope
	rates []accounts.Limit
}

func (r *recorder) Client(p billing.Provider, owner, scope string, rate float64, burst int) *http.Client {
	c := r.Buckets.Client(p, owner, scope, rate, burst)
	if r.given == nil {
		r.given = map[string]*http.Client{}
	}
	r.given[scope], r.rates = c, append(r.rates, accounts.Limit{PerSecond: rate, Burst: burst})
	return c
}

// What is left of the account's rate, and the pause that it asked for, outlive checks, edits, and a rotated key; and no
// text that names a scope has the key.
func TestTheAccountsClientIsKept(t *testing.T) {
	f := newFixture(t)
	f.secret("api-key", key)
	f.opened()
	var account *http.Client
	find := func() *http.Client {
		for scope, c := range f.clients.given {
			f.Expect(scope).NotTo(ContainSubstring(key))
			if strings.HasSuffix(scope, "acct_1") {
				return c
			}
		}
		return nil
	}
	account = find()
	f.Expect(account).NotTo(BeNil())
	for range 3 {
		_, err := f.pool.Check(t.Context(), f.pp)
		f.Expect(err).NotTo(HaveOccurred())
	}
	f.pp.Generation++
	f.opened()
	f.Expect(find()).To(BeIdenticalTo(account))
	f.Expect(f.clients.given).To(HaveLen(2), "the key's own at first, and the account's")

	f.secret("api-key", rotatedKey)
	f.opened()
	f.Expect(find()).To(BeIdenticalTo(account))
	f.pp.Spec.RateLimit = &v1alpha1.RateLimit{RequestsPerSecond: 5, Burst: 7}
	f.pp.Generation++
	f.opened()
	f.Expect(find()).To(BeIdenticalTo(account))
	f.Expect(f.clients.rates[len(f.clients.rates)-1]).To(Equal(accounts.Limit{PerSecond: 2.5, Burst: 3}), "a half")
}

func TestAKeyOfAnotherAccountIsRefusedUnlessTheMoveIsMeant(t *testing.T) {
	f := newFixture(t)
	f.secret("api-key", key)
	first := f.opened()
	f.pp.Status.Account = &v1alpha1.AccountStatus{ID: first.Info.ID, Mode: v1alpha1.ModeTest}

	f.secret("api-key", othersKey)
	p := f.refused()
	f.Expect(p.Reason).To(Equal(v1alpha1.ReasonAccountMismatch))
	f.Expect(p.Message).To(Equal("the key belongs to acct_2 but the account in use is acct_1; nothing was written; " +
		"if the move is meant, set spec.stripe.accountID to acct_2"))

	f.pp.Spec.Stripe.AccountID = "acct_2"
	f.pp.Generation++
	moved := f.opened()
	f.Expect(moved.Info.ID).To(Equal("acct_2"))
	f.Expect(moved.Mirror).NotTo(BeIdenticalTo(first.Mirror))
}

func TestOneFailedCheckServesAllUntilItsBackOffIsOver(t *testing.T) {
	f := newFixture(t)
	f.secret("api-key", key)
	f.Expect(f.sandbox.Faults().Add(traffic.Fault{Status: http.StatusInternalServerError, Times: -1})).To(Succeed())
	f.Expect(f.refused().Reason).To(Equal(v1alpha1.ReasonUnreachable))
	one := f.sandbox.Counts()

	var pauses []time.Duration
	for range 8 {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, err := f.pool.Open(t.Context(), f.pp); err == nil {
					t.Error("opened an account that does not answer")
				}
			})
		}
		all.Wait()
		p := f.refused()
		f.Expect(p.Stalled).To(BeFalse())
		pauses = append(pauses, p.RetryAfter)
		f.now = f.now.Add(p.RetryAfter)
	}
	f.Expect(f.sandbox.Counts().Reads).To(Equal(8*one.Reads), "each pause ends with one check")
	f.Expect(pauses).To(Equal([]time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 32e9, 60e9, 60e9}))

	f.sandbox.Faults().Clear()
	f.now = f.now.Add(time.Minute)
	f.Expect(f.opened().Info.ID).To(Equal("acct_1"))
}

func TestARevokedKeyIsFoundByCheckAndAfterInvalidate(t *testing.T) {
	f := newFixture(t)
	f.secret("api-key", key)
	f.opened()
	f.sandbox.Stripe().Revoke(key, true)
	f.opened()
	_, err := f.pool.Check(t.Context(), f.pp)
	f.Expect(err).To(HaveField("Reason", v1alpha1.ReasonCredentialsInvalid))

	f.sandbox.Stripe().Revoke(key, false)
	f.pool.Invalidate(client.ObjectKeyFromObject(f.pp))
	f.opened()
	f.sandbox.Stripe().Revoke(key, true)
	f.pool.Invalidate(client.ObjectKeyFromObject(f.pp))
	f.Expect(f.refused().Reason).To(Equal(v1alpha1.ReasonCredentialsInvalid))
}

func TestAnAccountStaysOpenForWhatIsStillToBeRetired(t *testing.T) {
	f := newFixture(t)
	f.secret("api-key", key)
	account := f.opened()
	f.Expect(f.client.Delete(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.pp.Namespace, Name: "stripe-api"},
	})).To(Succeed())
	f.Expect(f.refused().Reason).To(Equal(v1alpha1.ReasonSecretNotFound))

	f.Expect(f.client.Delete(t.Context(), f.pp)).To(Succeed())
	f.Expect(f.client.Get(t.Context(), client.ObjectKeyFromObject(f.pp), f.pp)).To(Succeed())
	f.Expect(f.opened()).To(BeIdenticalTo(account))

	f.pool.Forget(client.ObjectKeyFromObject(f.pp))
	f.Expect(f.refused().Reason).To(Equal(v1alpha1.ReasonSecretNotFound))
}

func TestASuspendedProviderIsNotOpened(t *testing.T) {
	f := newFixture(t)
	f.secret("api-key", key)
	f.pp.Spec.Suspend = true
	f.Expect(f.refused().Reason).To(Equal(v1alpha1.ReasonSuspended))
	f.Expect(f.sandbox.Requests()).To(BeEmpty())
}
