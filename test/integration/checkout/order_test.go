package checkout

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/serving"
	"github.com/kassa-dev/kassa/internal/storefront"
	"github.com/kassa-dev/kassa/test/stack"
)

// A server may read a Secret before it is told that it needs it: until then it would answer that it cannot sell.
func TestRightsComeFirst(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	abroad := s.Plane.Namespace(t)
	pp, secret := s.Provider(), stack.Secret("stripe-api", "api-key", s.APIKey())
	pp.Namespace, secret.Namespace = abroad, abroad
	pp.Spec.AllowedNamespaces.From = v1alpha1.NamespacesAll
	pro, shop := stack.Plan("pro"), endpoint("pro")
	pro.Spec.Providers[0].Namespace = abroad
	shop.Spec.Providers = []v1alpha1.WeightedProvider{{Name: "stripe", Namespace: abroad, Weight: ptr.To[int32](3)}}
	told := make(chan string, 100) // versions of what the server is told, of those with the provider
	watching, err := client.NewWithWatch(s.Plane.Config(), client.Options{Scheme: s.Client.Scheme()})
	g.Expect(err).NotTo(HaveOccurred())
	follower := serving.Follower{
		Client: watching, Log: slog.New(slog.DiscardHandler), What: "storefront",
		List: func() client.ObjectList { return &corev1.SecretList{} },
		Opts: serving.Only(s.Namespace, storefront.SecretName(shop.Name)),
		Set: func(o client.Object) {
			if strings.Contains(string(o.(*corev1.Secret).Data[storefront.DocumentKey]), abroad) {
				told <- o.GetResourceVersion()
			}
		},
		Gone: func(client.Object) {},
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go follower.Run(ctx)
	g.Expect(s.Client.Create(t.Context(), secret)).To(Succeed())
	g.Expect(s.Client.Create(t.Context(), pp)).To(Succeed())
	t.Cleanup(func() {
		_ = s.Client.Delete(context.Background(), pp)
		_ = s.Client.Patch(context.Background(), pp, client.RawPatch("application/merge-patch+json",
			[]byte(`{"metadata":{"finalizers":null}}`)))
	})
	s.Create(stack.Secret("shop-token", "token", "a token"), pro, shop)
	var first string
	g.Eventually(told, stack.Patience).Should(Receive(&first))
	for _, o := range []client.Object{&rbacv1.Role{}, &rbacv1.RoleBinding{}} {
		key := client.ObjectKey{Namespace: abroad, Name: s.Namespace + ".shop-checkout"}
		g.Expect(s.Client.Get(t.Context(), key, o)).To(Succeed(), "%T", o)
		g.Expect(number(g, o.GetResourceVersion())).To(BeNumerically("<", number(g, first)), "%T", o)
	}
}

// number is a resource version's: an API server counts all its writes together.
func number(g Gomega, version string) uint64 {
	n, err := strconv.ParseUint(version, 10, 64)
	g.Expect(err).NotTo(HaveOccurred())
	return n
}
