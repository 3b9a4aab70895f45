package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/controlplane"
)

const (
	system = "kassa-system" // the release's namespace
	shop   = "shop"         // the samples'
	own    = "kassa-e2e"    // the test's

	patience = 3 * time.Minute
	often    = 250 * time.Millisecond
)

// bench is a cluster with what the test needs to work on it.
type bench struct {
	*WithT
	t      *testing.T
	root   string // of the project
	client client.Client
	proxy  atomic.Pointer[url.URL] // into the cluster
	http   *http.Client
	began  time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{WithT: NewWithT(t), t: t, began: time.Now()}
	b.SetDefaultEventuallyTimeout(patience)
	b.SetDefaultEventuallyPollingInterval(often)
	root, err := controlplane.ModuleRoot()
	b.Expect(err).NotTo(HaveOccurred())
	b.root = root
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	b.Expect(err).NotTo(HaveOccurred())
	config.QPS = -1 // the API server has its own limits
	scheme := runtime.NewScheme()
	b.Expect(errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))).To(Succeed())
	b.client, err = client.New(config, client.Options{Scheme: scheme})
	b.Expect(err).NotTo(HaveOccurred())
	b.http = &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 16,
			Proxy:               func(*http.Request) (*url.URL, error) { return b.proxy.Load(), nil },
		},
		// Where a page leads to is looked at, not followed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return b
}

// sayf tells people what happens.
func (b *bench) sayf(format string, args ...any) {
	fmt.Printf("e2e: %5.1f s  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// loadImages brings the images to the nodes, if somebody said how.
func (b *bench) loadImages() {
	b.t.Helper()
	load := strings.Fields(os.Getenv("E2E_LOAD"))
	if len(load) == 0 {
		return
	}
	tars, err := filepath.Glob(filepath.Join(os.Getenv("E2E_IMAGES"), "*.tar"))
	b.Expect(err).NotTo(HaveOccurred())
	for _, tar := range tars {
		out, err := b.run("", load[0], append(load[1:len(load):len(load)], tar)...)
		b.Expect(err).NotTo(HaveOccurred(), out)
	}
	b.sayf("%d images are on the nodes", len(tars))
}

// ownImage is an image that the test builds.
var ownImage = regexp.MustCompile(`ghcr\.io/kassa-dev/([a-z0-9-]+):e2e`)

// kubectl fails the test when kubectl fails.
func (b *bench) kubectl(args ...string) string {
	b.t.Helper()
	out, err := b.run("", os.Getenv("E2E_KUBECTL"), args...)
	b.Expect(err).NotTo(HaveOccurred(), "kubectl %s: %s", strings.Join(args, " "), out)
	return out
}

// apply applies manifests with the images of this run.
func (b *bench) apply(manifests string) {
	b.t.Helper()
	manifests = ownImage.ReplaceAllString(manifests, os.Getenv("E2E_REGISTRY")+"/$1:"+os.Getenv("E2E_TAG"))
	out, err := b.run(manifests, os.Getenv("E2E_KUBECTL"), "apply", "-f", "-")
	b.Expect(err).NotTo(HaveOccurred(), out)
}

func (b *bench) helm(args ...string) {
	b.t.Helper()
	out, err := b.run("", os.Getenv("E2E_HELM"), append(args, "--namespace", system)...)
	b.Expect(err).NotTo(HaveOccurred(), out)
}

// run returns what the program printed. It outlives the test's end, so that a cleanup can use it.
func (b *bench) run(stdin, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Stdin = b.root, strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

var forwarding = regexp.MustCompile(`^Forwarding from (127\.0\.0\.1:\d+)`)

// forward keeps a way to the proxy in the cluster open until the test ends.
func (b *bench) forward() {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	b.t.Cleanup(func() { cancel(); <-over })
	go func() {
		defer close(over)
		for ctx.Err() == nil {
			_ = b.forwardOnce(ctx) // it ends when the connection to the node does, and is begun again
		}
	}()
	b.Eventually(b.proxy.Load).ShouldNot(BeNil(), "a port to the proxy")
}

func (b *bench) forwardOnce(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, os.Getenv("E2E_KUBECTL"), "-n", own, "port-forward", "deployment/proxy", ":3128")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := forwarding.FindStringSubmatch(lines.Text()); found != nil {
			b.proxy.Store(&url.URL{Scheme: "http", Host: found[1]})
		}
	}
	return cmd.Wait()
}

// answer is what a server in the cluster said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// errNotSent is of requests that reached no server.
var errNotSent = errors.New("not sent")

// ask sends a request into the cluster, to the name of a Service.
func (b *bench) ask(method, address string, header http.Header, body string) (answer, error) {
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if header != nil {
		req.Header = header
	}
	res, err := b.http.Do(req)
	if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "proxyconnect" { // the port is being opened anew
		return answer{}, errors.Join(errNotSent, err)
	}
	if err != nil {
		return answer{}, err
	}
	text, err := io.ReadAll(res.Body)
	err = errors.Join(err, res.Body.Close())
	switch status := res.Header.Get("Proxy-Status"); { // of test/e2e/proxy
	case strings.HasSuffix(status, "error=destination_unavailable"):
		return answer{}, errNotSent
	case status != "":
		return answer{}, errors.New("no answer")
	}
	return answer{res.StatusCode, res.Header, text}, err
}

// reach asks until there is somebody who answers: nodes hear of a new Service later than those who wait for it.
func (b *bench) reach(method, address string, header http.Header, body string) answer {
	b.t.Helper()
	var a answer
	b.Eventually(func(g Gomega) {
		var err error
		a, err = b.ask(method, address, header, body)
		if err != nil && !errors.Is(err, errNotSent) {
			StopTrying("what was sent may not be sent again").Wrap(err).Now()
		}
		g.Expect(err).NotTo(HaveOccurred(), address)
	}).Should(Succeed())
	return a
}

// mustPost posts what has to be answered with less than 400.
func (b *bench) mustPost(address string, header http.Header, body string) answer {
	b.t.Helper()
	a := b.reach(http.MethodPost, address, header, body)
	b.Expect(a.status).To(BeNumerically("<", http.StatusBadRequest), "%s: %s", address, a.body)
	return a
}
