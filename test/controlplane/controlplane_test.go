package controlplane_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kassa-dev/kassa/test/controlplane"
)

func TestMain(m *testing.M) { controlplane.Main(m, controlplane.Options{NoFsync: true}) }

func client(t *testing.T, c *rest.Config) *kubernetes.Clientset {
	t.Helper()
	k, err := kubernetes.NewForConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCRDsAreServed(t *testing.T) {
	g := NewWithT(t)
	cp := controlplane.Shared(t)
	gv := schema.GroupVersion{Group: "billing.kassa.dev", Version: "v1alpha1"}
	list, err := client(t, cp.Config()).Discovery().ServerResourcesForGroupVersion(gv.String())
	g.Expect(err).NotTo(HaveOccurred())
	var names []string
	for _, r := range list.APIResources {
		names = append(names, r.Name)
	}
	g.Expect(names).To(ContainElements("plans", "plans/status", "paymentproviders", "webhookreceivers"))
}

// A token of a ServiceAccount authenticates, and may do what its Role says and nothing else.
func TestServiceAccountTokensAndRBACAreReal(t *testing.T) {
	g := NewWithT(t)
	ctx, cp := t.Context(), controlplane.Shared(t)
	admin, ns := client(t, cp.Config()), cp.Namespace(t)

	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "reader"}}
	_, err := admin.CoreV1().ServiceAccounts(ns).Create(ctx, sa, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	request := &authenticationv1.TokenRequest{}
	token, err := admin.CoreV1().ServiceAccounts(ns).CreateToken(ctx, "reader", request, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())

	config := rest.AnonymousClientConfig(cp.Config())
	config.BearerToken = token.Status.Token
	reader := client(t, config)
	_, err = reader.CoreV1().ConfigMaps(ns).List(ctx, metav1.ListOptions{})
	g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "without a Role: %v", err)

	_, err = admin.RbacV1().Roles(ns).Create(ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"list"}},
		},
	}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = admin.RbacV1().RoleBindings(ns).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "reader", Namespace: ns}},
	}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func() error {
		_, err := reader.CoreV1().ConfigMaps(ns).List(ctx, metav1.ListOptions{})
		return err
	}, 10*time.Second, 50*time.Millisecond).Should(Succeed())
	_, err = reader.CoreV1().Secrets(ns).List(ctx, metav1.ListOptions{})
	g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "Secrets are not in the Role: %v", err)
}

func TestUsersHaveNoRightsByThemselves(t *testing.T) {
	g := NewWithT(t)
	cp := controlplane.Shared(t)
	config, err := cp.User("jane", "developers")
	g.Expect(err).NotTo(HaveOccurred())
	jane := client(t, config)
	review, err := jane.AuthenticationV1().SelfSubjectReviews().
		Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(review.Status.UserInfo.Username).To(Equal("jane"))
	g.Expect(review.Status.UserInfo.Groups).To(ContainElement("developers"))
	_, err = jane.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "got %v", err)
}

func TestKubectlWithTheKubeconfig(t *testing.T) {
	g := NewWithT(t)
	cp := controlplane.Shared(t)
	kubectl := exec.CommandContext(t.Context(), cp.KubectlPath(),
		"--kubeconfig", cp.KubeconfigPath(), "get", "plans.billing.kassa.dev", "-A")
	out, err := kubectl.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), string(out))
	g.Expect(string(out)).To(ContainSubstring("No resources found"))
}

// While the API server is paused requests hang; after a restart of it, or of etcd, the objects are there and the
// address is the same.
func TestPauseResumeRestart(t *testing.T) {
	g := NewWithT(t)
	cp, err := controlplane.Start(t.Context(), controlplane.Options{NoFsync: true, NoCRDs: true})
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { g.Expect(cp.Stop()).To(Succeed()) }()
	api, ns := client(t, cp.Config()), cp.Namespace(t)
	get := func(limit time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		_, err := api.CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
		return err
	}
	g.Expect(get(10 * time.Second)).To(Succeed())

	g.Expect(cp.Pause()).To(Succeed())
	err = get(300 * time.Millisecond)
	g.Expect(err).To(MatchError(context.DeadlineExceeded))
	g.Expect(cp.Resume()).To(Succeed())
	g.Expect(get(10 * time.Second)).To(Succeed())

	g.Expect(cp.Pause()).To(Succeed())
	g.Expect(cp.Restart(t.Context())).To(Succeed())
	g.Expect(get(10 * time.Second)).To(Succeed())

	cp.KillEtcd()
	g.Eventually(func() error { return get(2 * time.Second) }, time.Minute, 100*time.Millisecond).ShouldNot(Succeed())
	g.Expect(cp.StartEtcd(t.Context())).To(Succeed())
	g.Eventually(func() error { return get(10 * time.Second) }, time.Minute, 100*time.Millisecond).Should(Succeed())

	cp.StopAPIServer()
	g.Expect(get(2 * time.Second)).NotTo(Succeed())
	g.Expect(cp.Pause()).NotTo(Succeed())
	g.Expect(cp.Restart(t.Context())).To(Succeed())
	g.Expect(get(10 * time.Second)).To(Succeed())
}
