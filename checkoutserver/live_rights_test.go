package checkoutserver

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// rights say which Secrets may not be read now.
type rights struct{ denied sync.Map }

func (r *rights) deny(secret string)  { r.denied.Store(secret, true) }
func (r *rights) allow(secret string) { r.denied.Delete(secret) }

func (r *rights) through(c client.WithWatch) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			var o client.ListOptions
			o.ApplyOptions(opts)
			if o.FieldSelector != nil {
				_, name, _ := strings.Cut(o.FieldSelector.String(), "=")
				if _, denied := r.denied.Load(name); denied {
					return apierrors.NewForbidden(corev1.Resource("secrets"), name, nil)
				}
			}
			return c.List(ctx, list, opts...)
		},
	})
}

// A server is not ready, and goes on as it was, while the right to read a Secret is on its way. One that never comes
// keeps neither a new server nor the other providers from selling.
func TestRightsComeLater(t *testing.T) {
	var r rights
	r.deny("paddle-key")
	d := deployThrough(t, r.through)
	doc, endpoint := testDocument(d.namespace), testEndpoint()
	doc.Providers[0].Weight, doc.Providers[1].Weight = 0, 1
	endpoint.UID = ""
	d.secret("stripe-key", map[string]string{"apiKey": "key-stripe"})
	d.secret("paddle-key", map[string]string{"apiKey": "key-paddle", "clientToken": "test_1"})
	d.secret("app", map[string]string{"token": testToken})
	d.create(endpoint)
	config := d.storefront(endpoint, doc)
	d.create(config)
	d.g.Consistently(d.ready, time.Second, often).Should(Equal(503))
	r.allow("paddle-key")
	d.g.Eventually(d.ready, liveWithin, often).Should(Equal(200))
	d.g.Expect(d.ask(testToken)).To(Equal(201))

	t.Log("a running server is told of another Secret before it may read it")
	r.deny("paddle-key-2")
	d.secret("paddle-key-2", map[string]string{"apiKey": "key-paddle/2", "clientToken": "test_1"})
	doc.Providers[1].APIKey.Name, doc.Providers[1].ClientToken.Name = "paddle-key-2", "paddle-key-2"
	config.Data = d.storefront(endpoint, doc).Data
	d.g.Expect(d.client.Update(t.Context(), config)).To(Succeed())
	d.g.Consistently(func() int { return d.ask(testToken) }, time.Second, often).Should(Equal(201))
	r.allow("paddle-key-2")
	d.g.Eventually(func() []string {
		d.paddle.mu.Lock()
		defer d.paddle.mu.Unlock()
		return d.paddle.keys
	}, liveWithin, often).Should(ContainElement("key-paddle/2"))

	t.Log("a right that is never given")
	r.deny("paddle-key-3")
	doc.Providers[0].Weight = 1
	doc.Providers[1].APIKey.Name, doc.Providers[1].ClientToken.Name = "paddle-key-3", "paddle-key-3"
	config.Data = d.storefront(endpoint, doc).Data
	d.g.Expect(d.client.Update(t.Context(), config)).To(Succeed())
	opened := func() int { return len(d.stripe.checkouts()) }
	d.g.Eventually(func() int { d.ask(testToken); return opened() }, patience, often).Should(BeNumerically(">", 0))
	d.g.Expect(d.ready()).To(Equal(200))

	t.Log("another token whose Secret may not be read, as the operator is away")
	r.deny("app-2")
	d.secret("app-2", map[string]string{"token": "another-token"})
	endpoint.Spec.Auth.BearerToken.SecretRef.Name = "app-2"
	d.g.Expect(d.client.Update(t.Context(), endpoint)).To(Succeed())
	d.g.Consistently(d.ready, secretPatience+2*time.Second, often).Should(Equal(200))
	d.g.Expect(d.ask(testToken)).To(Equal(201))
	r.allow("app-2")
	d.g.Eventually(func() int { return d.ask("another-token") }, patience, often).Should(Equal(201))
	d.g.Expect(d.ask(testToken)).To(Equal(401))
}

// The tokens from before count for as long as they have counted: not once they were taken away.
func TestTokensThatWereTakenAwayDoNotComeBack(t *testing.T) {
	bearer := func(name string) *v1alpha1.CheckoutAuth {
		return &v1alpha1.CheckoutAuth{BearerToken: &v1alpha1.BearerTokenAuth{
			SecretRef: v1alpha1.SigningSecretReference{Name: name},
		}}
	}
	first, second := types.NamespacedName{Name: "first"}, types.NamespacedName{Name: "second"}
	for name, test := range map[string]struct {
		between func(c *config)
		why     string
	}{
		"they count": {func(*config) {}, ""},
		"their Secret was deleted": {func(c *config) {
			c.secrets[first] = &followedSecret{why: "does not exist", known: true}
			c.users(bearer("first"))
		}, "the Secret second cannot be read"},
		"others signed in": {func(c *config) {
			c.users(&v1alpha1.CheckoutAuth{Anonymous: &v1alpha1.AnonymousAuth{}})
		}, "the Secret second cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &config{secrets: map[types.NamespacedName]*followedSecret{
				first:  {data: map[string][]byte{"token": []byte(testToken)}, known: true},
				second: {why: unreadable, known: true},
			}}
			c.users(bearer("first"))
			test.between(c)
			_, why := c.users(bearer("second"))
			NewWithT(t).Expect(why).To(Equal(test.why))
		})
	}
}
