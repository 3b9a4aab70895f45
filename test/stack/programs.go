package stack

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/kassa-dev/kassa/test/controlplane"
)

// Plugin is the path of kubectl kassa.
func (s *Stack) Plugin() string {
	s.T.Helper()
	return program(s.T, s.Plane.Dir(), "kubectl-kassa")
}

var programs = struct {
	sync.Mutex
	paths map[string]string
}{paths: map[string]string{}}

// program builds one of the product's programs, once for the package's tests. It outlives the test that needs it first,
// and goes with the control plane.
func program(t testing.TB, planeDir, name string) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	if path := programs.paths[name]; path != "" {
		return path
	}
	root, err := controlplane.ModuleRoot()
	must(t, err)
	path := filepath.Join(planeDir, name)
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", path, "./cmd/"+name)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("building %s: %w\n%s", name, err, out))
	}
	programs.paths[name] = path
	return path
}
