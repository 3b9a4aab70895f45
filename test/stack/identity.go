package stack

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/test/controlplane"
)

// tokenSeconds outlive any test.
const tokenSeconds = 48 * 60 * 60

// Identity is a kubeconfig of a ServiceAccount.
func (s *Stack) Identity(namespace, name string) string {
	s.T.Helper()
	path := filepath.Join(s.T.TempDir(), "kubeconfig")
	writeIdentity(s.T, s.Client, s.Plane.Config(), namespace, name, path)
	return path
}

// As is a client with the rights of a ServiceAccount.
func (s *Stack) As(namespace, name string) client.Client {
	s.T.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.Identity(namespace, name))
	must(s.T, err)
	c, err := client.New(config, client.Options{Scheme: s.Client.Scheme(), Mapper: s.Client.RESTMapper()})
	must(s.T, err)
	return c
}

func writeIdentity(t testing.TB, c client.Client, admin *rest.Config, namespace, name, path string) {
	t.Helper()
	seconds := int64(tokenSeconds)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	must(t, c.SubResource("token").Create(t.Context(), account, request))
	const entry = "account"
	config := clientcmdapi.NewConfig()
	config.Clusters[entry] = &clientcmdapi.Cluster{Server: admin.Host, CertificateAuthorityData: admin.CAData}
	config.AuthInfos[entry] = &clientcmdapi.AuthInfo{Token: request.Status.Token}
	config.Contexts[entry] = &clientcmdapi.Context{Cluster: entry, AuthInfo: entry, Namespace: namespace}
	config.CurrentContext = entry
	must(t, clientcmd.WriteToFile(*config, path))
}

// OperatorNamespace is where config/ puts the operator, and where it may hold a lease.
const OperatorNamespace = "kassa-system"

var shipped struct {
	sync.Once
	kubeconfig string
}

// shippedIdentity is that of the ServiceAccount of config/rbac, with the rights that are there and no others.
func (s *Stack) shippedIdentity() string {
	s.T.Helper()
	shipped.Do(func() {
		const name = "kassa-operator"
		o := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: OperatorNamespace}}
		if err := s.Client.Create(context.Background(), o); !apierrors.IsAlreadyExists(err) {
			must(s.T, err)
		}
		root, err := controlplane.ModuleRoot()
		must(s.T, err)
		apply := exec.CommandContext(s.T.Context(), s.Plane.KubectlPath(), "apply", "--server-side", "-k",
			filepath.Join(root, "config", "rbac"))
		apply.Env = append(os.Environ(), "KUBECONFIG="+s.Plane.KubeconfigPath())
		if out, err := apply.CombinedOutput(); err != nil {
			s.T.Fatalf("applying config/rbac: %v\n%s", err, out)
		}
		path := filepath.Join(s.Plane.Dir(), "operator")
		writeIdentity(s.T, s.Client, s.Plane.Config(), OperatorNamespace, name, path)
		s.AwaitRights(OperatorNamespace, name)
		shipped.kubeconfig = path
	})
	return shipped.kubeconfig
}

// AwaitRights waits until the API server knows of a binding of the operator's, which takes it a moment.
func (s *Stack) AwaitRights(namespace, name string) {
	s.T.Helper()
	c := s.As(namespace, name)
	NewWithT(s.T).Eventually(func() error {
		return c.Get(context.Background(), client.ObjectKey{Name: metav1.NamespaceSystem}, &corev1.Namespace{})
	}, 10*time.Second, often).Should(Succeed())
}
