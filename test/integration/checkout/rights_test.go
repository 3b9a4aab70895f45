package checkout

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/internal/storefront"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// The operator may give a server what it needs, here and in another namespace, and take it away there.
func TestOperatorMayGiveTheseRights(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	operator, _ := s.WithOperatorsRights()

	shop := endpoint("pro")
	shop.Namespace, shop.UID = s.Namespace, "00000000-0000-0000-0000-000000000001"
	server := workload.Checkout{Object: shop, Image: stack.Image, Secrets: []string{"stripe-api", "shop-token"}}.Server()
	apply := workload.Applier{Client: operator, Live: operator}
	// The binding takes a moment to be known.
	g.Eventually(func() error { return apply.Apply(t.Context(), server) }, stack.Patience, often).Should(Succeed())
	abroad := s.Plane.Namespace(t)
	g.Expect(apply.Reach(t.Context(), server, map[string][]string{abroad: {"stripe-api"}})).To(Succeed())
	key := client.ObjectKey{Namespace: abroad, Name: s.Namespace + ".shop-checkout"}
	g.Expect(s.Client.Get(t.Context(), key, &rbacv1.RoleBinding{})).To(Succeed())
	g.Expect(apply.Withdraw(t.Context(), server)).To(Succeed())
	for _, kind := range []client.Object{&rbacv1.Role{}, &rbacv1.RoleBinding{}} {
		g.Expect(apierrors.IsNotFound(s.Client.Get(t.Context(), key, kind))).To(BeTrue(), "%T", kind)
	}

	// What is sold is told in a Secret.
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Namespace: s.Namespace, Name: storefront.SecretName(shop.Name),
	}, Type: storefront.SecretType}
	g.Expect(operator.Create(t.Context(), secret)).To(Succeed())
	change := []byte(`{"stringData":{"storefront.json":"{}"}}`)
	g.Expect(operator.Patch(t.Context(), secret, client.RawPatch(types.MergePatchType, change))).To(Succeed())
	g.Expect(apierrors.IsForbidden(operator.Delete(t.Context(), secret))).To(BeTrue(), "it goes with its endpoint")

	// One of that name which is somebody else's is left alone.
	theirs := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: abroad, Name: key.Name}}
	g.Expect(s.Client.Create(t.Context(), theirs)).To(Succeed())
	err := apply.Reach(t.Context(), server, map[string][]string{abroad: {"stripe-api"}})
	g.Expect(err).To(MatchError(ContainSubstring("was not made for this object")))
	g.Expect(apply.Withdraw(t.Context(), server)).To(Succeed())
	g.Expect(s.Client.Get(t.Context(), key, theirs)).To(Succeed())
}
