// Package rights runs the operator as the ServiceAccount that the chart makes, with the rights that the chart gives it:
// in every namespace, and in some.
package rights

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kassa-dev/kassa/test/chart"
	"github.com/kassa-dev/kassa/test/child"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{NoFsync: true}) }

const often = 50 * time.Millisecond

// release is what a release of the chart has of ServiceAccount, roles and arguments.
type release struct {
	*stack.Stack
	name, namespace string
	args            []string // of the operator
}

// install makes the ServiceAccount and the roles of a release in a namespace of its own. The operator is a process.
func install(s *stack.Stack, namespaces ...string) *release {
	s.T.Helper()
	g := NewWithT(s.T)
	r := &release{Stack: s, name: "kassa-" + s.Namespace, namespace: s.Plane.Namespace(s.T)}
	set := []string{"--set", "crds.install=false"}
	if len(namespaces) > 0 {
		set = append(set, "--set", "namespaces={"+strings.Join(namespaces, ",")+"}")
	}
	for _, o := range chart.Render(s.T, r.name, r.namespace, set...) {
		if o.GetKind() == "Deployment" {
			r.args = arguments(g, o, r.namespace)
			continue
		}
		g.Expect(s.Client.Create(s.T.Context(), o)).To(Succeed(), "%s %s", o.GetKind(), o.GetName())
	}
	return r
}

// arguments are the operator's, without the ports of its pod, which are taken on one machine.
func arguments(g *WithT, o *unstructured.Unstructured, namespace string) []string {
	d := &appsv1.Deployment{}
	g.Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, d)).To(Succeed())
	environment := strings.NewReplacer("$(POD_NAMESPACE)", namespace, "$(SERVER_IMAGE)", stack.Image)
	var args []string
	for _, arg := range d.Spec.Template.Spec.Containers[0].Args[1:] {
		if !strings.Contains(arg, "-bind-address=") {
			args = append(args, environment.Replace(arg))
		}
	}
	g.Expect(args).To(ContainElement("--leader-elect"))
	return args
}

// start starts one of the release's operators as its ServiceAccount.
func (r *release) start() *child.Process {
	r.T.Helper()
	r.AwaitRights(r.namespace, r.name)
	return r.OperatorAs(r.Identity(r.namespace, r.name), r.args...)
}
