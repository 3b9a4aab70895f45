package stack

import (
	"os"
	"path/filepath"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/kassa-dev/kassa/test/controlplane"
)

// WithOperatorsRights is a client of a user that has what the shipped ClusterRole gives the operator, and no more, and
// that role. The binding takes a moment to be known.
func (s *Stack) WithOperatorsRights() (client.Client, *rbacv1.ClusterRole) {
	s.T.Helper()
	g := NewWithT(s.T)
	root, err := controlplane.ModuleRoot()
	g.Expect(err).NotTo(HaveOccurred())
	text, err := os.ReadFile(filepath.Join(root, "config", "rbac", "role.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	role := &rbacv1.ClusterRole{}
	g.Expect(yaml.UnmarshalStrict(text, role)).To(Succeed())
	role.Name = s.Namespace + "-operator"
	g.Expect(s.Client.Create(s.T.Context(), role)).To(Succeed())
	g.Expect(s.Client.Create(s.T.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: role.Name}},
	})).To(Succeed())
	config, err := s.Plane.User(role.Name)
	g.Expect(err).NotTo(HaveOccurred())
	c, err := client.New(config, client.Options{Scheme: s.Client.Scheme(), Mapper: s.Client.RESTMapper()})
	g.Expect(err).NotTo(HaveOccurred())
	return c, role
}
