package controlplane

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// The control plane of the package under test.
var shared struct {
	sync.Mutex
	options *Options
	plane   *ControlPlane
	err     error
}

// Main runs a package's tests and ends the program with their result; TestMain calls it. The tests get one control
// plane from Shared, which the first of them starts:
//
//	func TestMain(m *testing.M) { controlplane.Main(m, controlplane.Options{NoFsync: true}) }
func Main(m *testing.M, o Options) { os.Exit(Run(m, o)) }

// Run is Main for a TestMain that has more to end: it returns the result.
func Run(m *testing.M, o Options) int {
	if !flag.Parsed() {
		flag.Parse()
	}
	shared.options = &o
	code := m.Run()
	if shared.plane != nil {
		if err := shared.plane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	return code
}

// Shared is the package's control plane.
func Shared(tb testing.TB) *ControlPlane {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.options == nil {
		tb.Fatal("controlplane.Shared needs a TestMain that calls controlplane.Main")
	}
	if shared.plane == nil && shared.err == nil {
		shared.plane, shared.err = Start(context.Background(), *shared.options)
	}
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.plane
}

// Namespace makes a namespace for one test. It is not deleted, since nothing in this control plane empties a
// namespace; the objects in it stay until the control plane stops.
func (cp *ControlPlane) Namespace(tb testing.TB) string {
	tb.Helper()
	client, err := kubernetes.NewForConfig(cp.admin)
	if err != nil {
		tb.Fatal(err)
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	ns, err = client.CoreV1().Namespaces().Create(tb.Context(), ns, metav1.CreateOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return ns.Name
}
