// Package plugin has tests of kubectl kassa against a real API server and deployed receivers.
package plugin

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	code := controlplane.Run(m, controlplane.Options{NoFsync: true})
	postgres.Close()
	os.Exit(code)
}

// result is what a command did.
type result struct {
	out, err string
	code     int
}

// kassa runs kubectl kassa in the stack's namespace. None of its output may have a secret of the stack.
func kassa(t *testing.T, s *stack.Stack, secrets []string, args ...string) result {
	t.Helper()
	cmd := command(t, s, args)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := result{out: out.String(), err: errs.String(), code: cmd.ProcessState.ExitCode()}
	t.Logf("kubectl kassa %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	for _, secret := range append(secrets, s.APIKey()) {
		NewWithT(t).Expect(secret).NotTo(BeEmpty())
		NewWithT(t).Expect(r.out+r.err).NotTo(ContainSubstring(secret), "a secret was printed")
	}
	return r
}

func command(t *testing.T, s *stack.Stack, args []string) *exec.Cmd {
	t.Helper()
	args = append(slices.Clone(args), "-n", s.Namespace)
	if args[0] == "__complete" {
		args = append([]string{args[0], "-n", s.Namespace}, args[1:len(args)-2]...)
	}
	// A test's context ends before its cleanup does.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), s.Plugin(), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.Plane.KubeconfigPath())
	return cmd
}

// output grows while a command runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// follow runs a command until the test ends, and wants it to end well when it is interrupted.
func follow(t *testing.T, s *stack.Stack, args ...string) *output {
	t.Helper()
	g, cmd, out := NewWithT(t), command(t, s, args), &output{}
	cmd.Stdout, cmd.Stderr = out, out
	g.Expect(cmd.Start()).To(Succeed())
	t.Cleanup(func() {
		g.Expect(cmd.Process.Signal(os.Interrupt)).To(Succeed())
		g.Expect(cmd.Wait()).To(Succeed(), out.String())
	})
	return out
}
