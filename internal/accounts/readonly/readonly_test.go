package readonly_test

import (
	"net"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/accounts/readonly"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox"
	sandboxlemon "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

const (
	stripeKey = "sk_" + "test_readonly"
	paddleKey = "pdl_sdbx_" + "apikey_01aaaaaaaaaaaaaaaaaaaaaaaa_bbbbbbbbbbbbbbbbbbbbbb_ccc"
)

var registry = provider.NewRegistry(stripe.Adapter{}, paddle.Adapter{}, lemonsqueezy.Adapter{})

// world is a sandbox, and PaymentProviders of all three providers at it.
func world(t *testing.T) (sb *sandbox.Sandbox, base string, providers map[string]*v1alpha1.PaymentProvider) {
	t.Helper()
	sb = sandbox.New(sandbox.Options{})
	server := httptest.NewServer(sb.Handler())
	t.Cleanup(server.Close)
	sb.LemonSqueezy().AddStore(sandboxlemon.Store{ID: 7, Name: "Shop"})
	ref := v1alpha1.SecretKeyReference{Name: "keys", Key: "key"}
	of := func(name, path string, spec v1alpha1.PaymentProviderSpec) *v1alpha1.PaymentProvider {
		spec.Mode, spec.BaseURL = v1alpha1.ModeTest, server.URL+path
		return &v1alpha1.PaymentProvider{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: spec}
	}
	return sb, server.URL, map[string]*v1alpha1.PaymentProvider{
		stripeKey: of("stripe", "", v1alpha1.PaymentProviderSpec{Stripe: &v1alpha1.StripeProvider{APIKeySecretRef: ref}}),
		paddleKey: of("paddle", "/paddle", v1alpha1.PaymentProviderSpec{Paddle: &v1alpha1.PaddleProvider{
			APIKeySecretRef: ref, ClientTokenSecretRef: &v1alpha1.SecretKeyReference{Name: "token", Key: "token"},
		}}),
		"eyJ0" + "ZXN0": of("lemon", "/lemonsqueezy", v1alpha1.PaymentProviderSpec{
			LemonSqueezy: &v1alpha1.LemonSqueezyProvider{APIKeySecretRef: ref, StoreID: "7"},
		}),
	}
}

func give(key string, first bool) func(string) (string, bool) {
	return func(string) (string, bool) { return key, first }
}

// Everything can be read, and nothing that an adapter can send changes anything.
func TestNothingIsWritten(t *testing.T) {
	sb, _, providers := world(t)
	for key, pp := range providers {
		t.Run(pp.Name, func(t *testing.T) {
			g := NewWithT(t)
			desk := readonly.New(readonly.Options{Registry: registry, Key: give(key, true)})
			account, err := desk.Open(t.Context(), pp)
			g.Expect(err).NotTo(HaveOccurred())
			c := account.Conn.Catalog()
			_, err = c.Snapshot(t.Context())
			g.Expect(err).NotTo(HaveOccurred())
			sent := desk.Calls()
			g.Expect(sent).To(BeNumerically(">", 1))

			_, err = c.CreateProduct(t.Context(), provider.CreateProduct{})
			g.Expect(err).To(HaveOccurred())
			_, err = c.CreatePrice(t.Context(), provider.CreatePrice{ProductID: "pro_01m8c6tgr200000a5fksv7tdn9"})
			g.Expect(err).To(HaveOccurred())
			_, err = c.UpdateProduct(t.Context(), "pro_01m8c6tgr200000a5fksv7tdn9", provider.ProductPatch{Active: new(bool)})
			g.Expect(err).To(HaveOccurred())
			_, err = c.UpdatePrice(t.Context(), "pri_01m8c6tgr200000a5fksv7tdn9", provider.PricePatch{Active: new(bool)})
			g.Expect(err).To(HaveOccurred())
			if e := account.Conn.Endpoints(); e != nil {
				_ = e.Delete(t.Context(), "ntfset_01m8c6tgr200000a5fksv7tdn9") // what is gone is no error
			}
			g.Expect(desk.Calls()).To(Equal(sent))
			g.Expect(sb.Counts().Writes).To(BeZero())
		})
	}
}

// The guard is the operator's: nothing is sent by a key of another mode or provider, and another account is refused.
func TestTheGuard(t *testing.T) {
	g := NewWithT(t)
	_, _, providers := world(t)
	pp := providers[stripeKey]
	reason := func(key string) string {
		desk := readonly.New(readonly.Options{Registry: registry, Key: give(key, true)})
		_, err := desk.Open(t.Context(), pp)
		problem := &accounts.Error{}
		g.Expect(err).To(BeAssignableToTypeOf(problem))
		g.Expect(err.Error()).NotTo(ContainSubstring(key))
		if err.(*accounts.Error).Reason != v1alpha1.ReasonAccountMismatch { //nolint:errorlint // checked above
			g.Expect(desk.Calls()).To(BeZero())
		}
		return err.(*accounts.Error).Reason //nolint:errorlint // checked above
	}
	g.Expect(reason("sk_" + "live_readonly")).To(Equal(v1alpha1.ReasonModeMismatch))
	g.Expect(reason(paddleKey)).To(Equal(v1alpha1.ReasonCredentialsInvalid))
	pp.Spec.Stripe.AccountID = "acct_other"
	g.Expect(reason(stripeKey)).To(Equal(v1alpha1.ReasonAccountMismatch))
}

// A key that is given goes before the Secret's, and one of the environment is for want of it.
func TestWhichKey(t *testing.T) {
	g := NewWithT(t)
	_, _, providers := world(t)
	pp := providers[stripeKey]
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "keys"},
		Data:       map[string][]byte{"key": []byte("sk_" + "test_secret")},
	}
	account := func(o readonly.Options) string {
		o.Registry = registry
		a, err := readonly.New(o).Open(t.Context(), pp)
		g.Expect(err).NotTo(HaveOccurred())
		return a.Info.ID
	}
	with, without := fake.NewClientBuilder().WithObjects(secret).Build(), fake.NewClientBuilder().Build()
	ofSecret, ofGiven := account(readonly.Options{Secrets: with}), account(readonly.Options{Key: give(stripeKey, true)})
	g.Expect(ofSecret).NotTo(Equal(ofGiven))
	g.Expect(account(readonly.Options{Secrets: with, Key: give(stripeKey, true)})).To(Equal(ofGiven))
	g.Expect(account(readonly.Options{Secrets: with, Key: give(stripeKey, false)})).To(Equal(ofSecret))
	g.Expect(account(readonly.Options{Secrets: without, Key: give(stripeKey, false)})).To(Equal(ofGiven))
	g.Expect(pp.Spec.Stripe.APIKeySecretRef.Name).To(Equal("keys"), "what was given stays as it was")
	_, err := readonly.New(readonly.Options{Registry: registry}).Open(t.Context(), pp)
	g.Expect(err).To(HaveField("Reason", v1alpha1.ReasonSecretNotFound))
}

// An address in the cluster is reached through it, under its own name.
func TestInTheCluster(t *testing.T) {
	g := NewWithT(t)
	_, base, providers := world(t)
	u, err := url.Parse(base)
	g.Expect(err).NotTo(HaveOccurred())
	var asked []string
	forward := func(service types.NamespacedName, port int32) (string, error) {
		asked = append(asked, service.String()+":"+strconv.Itoa(int(port)))
		return net.JoinHostPort(u.Hostname(), u.Port()), nil
	}
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	for _, host := range []string{"sandbox.shop.svc", "sandbox.shop.svc.cluster.local"} {
		pp := providers[stripeKey].DeepCopy()
		pp.Spec.BaseURL = "http://" + host + ":8080"
		desk := readonly.New(readonly.Options{Registry: registry, Key: give(stripeKey, true), Forward: forward})
		_, err := desk.Open(t.Context(), pp)
		g.Expect(err).NotTo(HaveOccurred())
		_, err = desk.Open(t.Context(), pp)
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Expect(asked).To(Equal([]string{"shop/sandbox:8080", "shop/sandbox:8080"}), "once for each desk")

	pp := providers[stripeKey].DeepCopy()
	pp.Spec.BaseURL = "http://nowhere.invalid"
	desk := readonly.New(readonly.Options{
		Registry: registry, Key: give(stripeKey, true), URL: func(string) string { return base },
	})
	_, err = desk.Open(t.Context(), pp)
	g.Expect(err).NotTo(HaveOccurred())
}
