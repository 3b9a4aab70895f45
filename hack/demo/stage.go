package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/localnode"
)

const (
	namespace = "shop"
	// sandboxURL is where the sample's NodePort Service has the sandbox.
	sandboxURL = "http://127.0.0.1:30111"
	patience   = 90 * time.Second
)

// stage is a control plane and a node, with everything that the demo's manifests name.
type stage struct {
	root   string
	dir    string
	plane  *controlplane.ControlPlane
	node   *localnode.Node
	client client.Client
}

func newStage(ctx context.Context, external bool) (*stage, error) {
	root, err := controlplane.ModuleRoot()
	if err != nil {
		return nil, err
	}
	s := &stage{root: root}
	if s.dir, err = os.MkdirTemp("", "kassa-demo-"); err != nil {
		return nil, err
	}
	if err := s.start(ctx, external); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) start(ctx context.Context, external bool) error {
	if err := portsAreFree(ctx); err != nil {
		return err
	}
	heading("Building Kassa, its plugin of kubectl, and the example application")
	for name, pkg := range map[string]string{
		"kassa": "./cmd/kassa", "app": "./docs/examples/app", "bin/kubectl-kassa": "./cmd/kubectl-kassa",
	} {
		build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(s.dir, name), pkg)
		build.Dir, build.Stderr = s.root, os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("building %s: %w", pkg, err)
		}
	}
	heading("Starting a real kube-apiserver and etcd (the first time they are built, which takes minutes)")
	var err error
	if s.plane, err = controlplane.Start(ctx, controlplane.Options{NoCRDs: true}); err != nil {
		return err
	}
	if err := os.Symlink(s.plane.KubectlPath(), filepath.Join(s.bin(), "kubectl")); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	if s.client, err = client.New(s.plane.Config(), client.Options{Scheme: scheme}); err != nil {
		return err
	}
	var output io.Writer
	if os.Getenv("DEMO_VERBOSE") != "" {
		output = os.Stderr
	}
	s.node, err = localnode.Start(ctx, localnode.Options{
		Config: s.plane.Config(), Dir: filepath.Join(s.dir, "pods"), Output: output, CollectGarbage: true,
		AllowExternal: external,
		Images: map[string]localnode.Image{
			"ghcr.io/kassa-dev/kassa:latest":       {Path: filepath.Join(s.dir, "kassa")},
			"ghcr.io/kassa-dev/example-app:latest": {Path: filepath.Join(s.dir, "app")},
		},
	})
	return err
}

// portsAreFree looks whether something, such as another demo, has the ports of the samples' NodePort Services.
func portsAreFree(ctx context.Context) error {
	var config net.ListenConfig
	for _, address := range []string{sandboxURL, appURL, shopURL} {
		l, err := config.Listen(ctx, "tcp4", strings.TrimPrefix(address, "http://"))
		if err != nil {
			return fmt.Errorf("the samples need %s for themselves (is another demo running?): %w", address, err)
		}
		_ = l.Close()
	}
	return nil
}

func (s *stage) close() {
	if s.node != nil {
		_ = s.node.Stop()
	}
	if s.plane != nil {
		_ = s.plane.Stop()
	}
	_ = os.RemoveAll(s.dir)
}

// bin has kubectl and its plugin. A reader puts it into PATH.
func (s *stage) bin() string { return filepath.Join(s.dir, "bin") }

// kubectl runs kubectl as a reader of the demo would, and shows the command and what it prints.
func (s *stage) kubectl(ctx context.Context, stdin string, args ...string) error {
	fmt.Printf("$ kubectl %s\n", shell(args))
	out, err := s.kubectlOutput(ctx, stdin, args...)
	for line := range strings.Lines(out) {
		fmt.Print("  ", line)
	}
	return err
}

// kubectlCounted is kubectl for what prints a line for each of many objects.
func (s *stage) kubectlCounted(ctx context.Context, args ...string) error {
	fmt.Printf("$ kubectl %s\n", shell(args))
	out, err := s.kubectlOutput(ctx, "", args...)
	if err != nil {
		fmt.Print(out)
		return err
	}
	fmt.Printf("  %d objects\n", strings.Count(out, "\n"))
	return nil
}

var plain = regexp.MustCompile(`^[\w./:=,@%+-]+$`)

// shell quotes arguments so that the line can be pasted.
func shell(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = a
		if !plain.MatchString(a) {
			quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

func (s *stage) kubectlOutput(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.plane.KubectlPath(), args...)
	cmd.Dir = s.root
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.plane.KubeconfigPath(),
		"PATH="+s.bin()+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w", args[0], err)
	}
	return out.String(), nil
}

// await polls until done says so, and tells what it waits for.
func (s *stage) await(ctx context.Context, what string, done func() (bool, error)) error {
	fmt.Printf("  waiting for %s … ", what)
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := done()
		if err != nil {
			fmt.Println("failed")
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
		if ok {
			fmt.Printf("%.1f s\n", time.Since(start).Seconds())
			return nil
		}
		select {
		case <-ctx.Done():
			fmt.Println("gave up")
			return fmt.Errorf("%s did not come within %s", what, patience)
		case <-tick.C:
		}
	}
}

func (s *stage) tellWhatFailed(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	fmt.Println("\nHow the objects are:")
	_ = s.kubectl(ctx, "", "get", "kassa,deployments,pods", "-n", namespace, "-o", "wide")
	for _, where := range [][2]string{
		{"kassa-system", "kassa-operator"}, {namespace, "sandbox"}, {namespace, "app"},
		{namespace, "stripe-receiver"}, {namespace, "paddle-receiver"}, {namespace, "shop-checkout"},
	} {
		for _, pod := range s.node.Pods(where[0], where[1]) {
			if logs, err := s.node.Logs(pod); err == nil {
				fmt.Printf("\nThe last lines of %s:\n%s\n", pod.Name, tail(logs, 15))
			}
		}
	}
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func (s *stage) tellHowToGoOn(sandbox bool) {
	heading("It stays up until Ctrl-C. Look around, in a browser:")
	fmt.Printf("  %-36s # the page of prices: buy something with 4242 4242 4242 4242\n", shopURL)
	fmt.Printf("  %-36s # the application: Jane's subscriptions\n", appURL+"/account")
	fmt.Printf("  %-36s # what the application got\n", appURL+"/events")
	if sandbox {
		fmt.Printf("  %-36s # the sandbox's catalogue\n", sandboxURL+"/_kassa/state")
	}
	fmt.Println("\nand in another terminal:")
	fmt.Printf("  export KUBECONFIG=%s PATH=%s:$PATH\n", s.plane.KubeconfigPath(), s.bin())
	fmt.Println("  kubectl kassa status -n shop                 # what there is, and how it is")
	fmt.Println("  kubectl edit plan pro -n shop                # change a price, and load the page of prices again")
	fmt.Println("  kubectl edit checkoutendpoint shop -n shop   # change the weights, or what is sold")
	fmt.Println("  kubectl get eventledgers -n shop -o yaml     # what receivers remember")
}

func heading(text string) { fmt.Printf("\n== %s\n", text) }
