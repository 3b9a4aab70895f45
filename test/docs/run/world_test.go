package run

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/docs/pages"
	"github.com/kassa-dev/kassa/test/localnode"
)

// The operator's CRDs come with it, as for a reader.
func TestMain(m *testing.M) { controlplane.Main(m, controlplane.Options{NoFsync: true, NoCRDs: true}) }

const (
	patience = 90 * time.Second
	often    = 50 * time.Millisecond
)

// world is what a reader of the pages has: a checkout of the project, a cluster, programs, and hosts on the Internet.
type world struct {
	*WithT
	*pages.Terminal // in a checkout of the project, in which commands may write

	t      *testing.T
	root   string            // of the project
	images map[string]string // programs, by the names of their images
	ports  map[string]string // of this machine, by those that the samples and pages have
}

func newWorld(t *testing.T) *world {
	t.Helper()
	for _, program := range []string{"bash", "curl", "jq", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" || os.Getenv("KASSA_REQUIRE_PEERS") == "1" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	w := &world{WithT: NewWithT(t), t: t, ports: map[string]string{}}
	w.SetDefaultEventuallyTimeout(patience)
	w.SetDefaultEventuallyPollingInterval(often)
	root, err := controlplane.ModuleRoot()
	w.must(err)
	w.root = root
	w.choosePorts("30111", "30080", "30090")
	w.sitDown()
	w.checkOut()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// choosePorts finds NodePorts that nobody has.
func (w *world) choosePorts(named ...string) {
	w.t.Helper()
	next := 31000 + os.Getpid()%1000
	for _, name := range named {
		for ; w.ports[name] == ""; next++ {
			l, err := new(net.ListenConfig).Listen(w.t.Context(), "tcp4", fmt.Sprintf("127.0.0.1:%d", next))
			if err == nil {
				w.must(l.Close())
				w.ports[name] = strconv.Itoa(next)
			}
		}
	}
}

// checkOut copies what is applied, with ports of this machine. Pods have no cluster's DNS on processes of this machine,
// and kubectl no way to them, so that the sandbox is always asked where browsers ask it.
func (w *world) checkOut() {
	w.t.Helper()
	swaps := []string{"baseURL: http://sandbox.shop.svc", "baseURL: http://127.0.0.1:" + w.ports["30111"]}
	for name, port := range w.ports {
		swaps = append(swaps, name, port)
	}
	w.must(os.CopyFS(filepath.Join(w.Dir, "config"), os.DirFS(filepath.Join(w.root, "config"))))
	samples, err := filepath.Glob(filepath.Join(w.Dir, "config", "samples", "*.yaml"))
	w.must(err)
	more, err := filepath.Glob(filepath.Join(w.Dir, "config", "samples", "*", "*.yaml"))
	w.must(err)
	for _, path := range append(samples, more...) {
		text, err := os.ReadFile(path)
		w.must(err)
		w.must(os.WriteFile(path, []byte(strings.NewReplacer(swaps...).Replace(string(text))), 0o600))
	}
	w.must(os.Symlink(filepath.Join(w.root, "charts"), filepath.Join(w.Dir, "charts")))
}

// sitDown has kubectl with the plugin, and the rest that pages call and a machine may not have.
func (w *world) sitDown() {
	w.t.Helper()
	plane, built := controlplane.Shared(w.t), w.t.TempDir()
	w.must(w.build(built, "./cmd/...", "./docs/examples/app"))
	helm, err := exec.CommandContext(w.t.Context(), filepath.Join(w.root, "hack", "tools", "ensure"), "helm").Output()
	w.must(err)
	w.images = map[string]string{"kassa": filepath.Join(built, "kassa"), "example-app": filepath.Join(built, "app")}
	options := []string{}
	for name, port := range w.ports {
		options = append(options, "--connect-to", fmt.Sprintf("127.0.0.1:%s:127.0.0.1:%s", name, port))
	}
	w.Terminal, err = pages.NewTerminal(w.t.TempDir(), map[string]string{
		"kubectl": plane.KubectlPath(), "kubectl-kassa": filepath.Join(built, "kubectl-kassa"),
		"kassa": w.images["kassa"], "helm": strings.TrimSpace(string(helm)),
	}, options...)
	w.must(err)

	config, err := clientcmd.LoadFromFile(plane.KubeconfigPath())
	w.must(err)
	config.Contexts[config.CurrentContext].Namespace = "shop"
	kubeconfig := filepath.Join(w.Dir, "kubeconfig")
	w.must(clientcmd.WriteToFile(*config, kubeconfig))
	w.Env = append(w.Env, "KUBECONFIG="+kubeconfig, "TOKEN=sandbox-token")
}

func (w *world) build(into string, packages ...string) error {
	cmd := exec.CommandContext(w.t.Context(), "go", append([]string{"build", "-o", into + "/"}, packages...)...)
	cmd.Dir = w.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// startNode runs what is deployed.
func (w *world) startNode() {
	w.t.Helper()
	front := newFront(w)
	w.Env = append(w.Env, front.env...)
	node, err := localnode.Start(context.WithoutCancel(w.t.Context()), localnode.Options{
		Config: controlplane.Shared(w.t).Config(), Dir: filepath.Join(w.Dir, "pods"), CollectGarbage: true,
		Images: map[string]localnode.Image{
			"ghcr.io/kassa-dev/kassa:latest":       {Path: w.images["kassa"], Env: front.env},
			"ghcr.io/kassa-dev/example-app:latest": {Path: w.images["example-app"]},
		},
	})
	w.must(err)
	w.t.Cleanup(func() { _ = node.Stop() })
	front.services(node.ProxyURL())
}

// run is what a test does besides, and does not fail.
func (w *world) run(format string, args ...any) string {
	w.t.Helper()
	script := fmt.Sprintf(format, args...)
	out, err := w.Shell(script)
	w.Expect(err).NotTo(HaveOccurred(), "%s\n%s", script, out)
	return out
}

// says waits until a command prints something like that.
func (w *world) says(script, pattern string) string {
	w.t.Helper()
	var out string
	w.Eventually(func(g Gomega) {
		var err error
		out, err = w.Shell(script)
		g.Expect(err).NotTo(HaveOccurred(), out)
		g.Expect(out).To(MatchRegexp(pattern), script)
	}).Should(Succeed())
	return out
}

// page is a page that is followed in the world.
type page struct {
	*world
	*pages.Reader
}

// open opens a page; the rest of it is for the test, which fails by itself.
func (w *world) open(path string) *page {
	w.t.Helper()
	return &page{w, pages.Open(w.t, w.root, path, pages.Shop, w.Shell)}
}

// in is the world for a part of the test.
func (w *world) in(t *testing.T) *world {
	part := *w
	part.t, part.WithT = t, NewWithT(t)
	part.SetDefaultEventuallyTimeout(patience)
	part.SetDefaultEventuallyPollingInterval(often)
	return &part
}
