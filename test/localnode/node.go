// Package localnode is a small stand-in for nodes, for tests and the demo: it runs the pods of Deployments as child
// processes of this one and reports them honestly in the API, so that servers which Kassa deploys are real processes
// with real HTTP, their own ServiceAccount's rights and a real SIGKILL, without containers. It is no product code.
//
// What it does:
//   - Deployments become Pods (no ReplicaSets between), by rolling update or Recreate; status tells the truth.
//   - A Pod has one container. Its image is mapped to a program by Options.Images; args, env (downward API, Secrets,
//     ConfigMaps, $(VAR)), readiness probe (httpGet, tcpSocket), preStop sleep, termination grace, restarts with
//     back-off are honoured; logs go to a file.
//   - Every pod has an address of its own in 127.77.0.0/16, in $POD_IP and in $KASSA_BIND_ADDRESS, on which its servers
//     should listen: two pods may then listen on the same port. Only Linux has these addresses.
//   - A pod whose spec names a ServiceAccount gets a token of it, bound to the pod, in $KUBECONFIG.
//   - Services: an HTTP proxy, in the pods' $HTTP_PROXY and at ProxyURL, which knows names such as app.shop.svc, and
//     NodePorts on 127.0.0.1.
//
// What it does not: volumes other than an emptyDir at /tmp ($TMPDIR), since a child process has no file system of its
// own; init containers and sidecars; liveness and startup probes; exec and gRPC probes; resource limits and security
// contexts; cluster IPs, DNS and EndpointSlices. A pod that needs what is missing stays Pending and says why.
package localnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
)

// Image is the program that runs for an image.
type Image struct {
	// Path of the program. It runs whatever the container's command[0] is.
	Path string
	// Args are the image's own: a container's command[1:], if it has a command, replaces them, and its args follow.
	Args []string
	// More follows the arguments of every container of the image.
	More []string
	// Env is the image's own; the container's wins.
	Env []string
}

// Options of a Node.
type Options struct {
	// Config is a client configuration with an administrator's rights. Required.
	Config *rest.Config
	// Images maps the images of containers to programs. "*" is for any other.
	Images map[string]Image
	// Namespace limits the node to one namespace, so that tests can share a control plane. Default: all.
	Namespace string
	// Dir holds the pods' logs and files. Default: a temporary folder that Stop removes.
	Dir string
	// Output takes the pods' output, each line with the pod's name in front, and the node's own messages.
	Output io.Writer
	// APIServer replaces the API server's address in the pods' kubeconfigs, such as by a fault proxy's.
	APIServer string
	// AllowExternal lets the pods' proxy reach hosts beyond this machine, such as a provider's API.
	AllowExternal bool
	// CollectGarbage deletes objects whose owners are gone, as CollectGarbage does.
	CollectGarbage bool
}

// Pod is a pod of the node.
type Pod struct {
	Namespace, Name string
	PID             int    // 0 while no process runs
	IP              string // the pod's own loopback address
	Ready           bool
	Restarts        int
}

// Name of the node in spec.nodeName of its pods.
const Name = "localnode"

const apiTimeout = 10 * time.Second

// Node runs until Stop.
type Node struct {
	options Options
	dir     string
	tempDir bool
	client  kubernetes.Interface
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	output  *prefixWriter

	addresses *addresses
	services  corelisters.ServiceLister
	proxy     *proxy
	nodePorts *nodePorts

	mu      sync.Mutex
	stopped bool
	workers map[types.UID]*worker
	turns   map[string]int // of round robin, by Service and port
}

// Start starts a node and returns once it watches the API. It ends with Stop, or with ctx.
func Start(ctx context.Context, o Options) (*Node, error) {
	client, err := kubernetes.NewForConfig(o.Config)
	if err != nil {
		return nil, fmt.Errorf("local node: %w", err)
	}
	n := &Node{
		options: o, dir: o.Dir, client: client, output: &prefixWriter{to: o.Output},
		workers: map[types.UID]*worker{}, turns: map[string]int{},
	}
	ctx, n.cancel = context.WithCancel(ctx)
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("local node: %w", err), n.Stop())
	}
	return n, nil
}

func (n *Node) start(ctx context.Context) error {
	var err error
	if n.dir == "" {
		if n.dir, err = os.MkdirTemp("", "kassa-localnode-"); err != nil {
			return err
		}
		n.tempDir = true
	}
	if n.addresses, err = claimAddresses(ctx); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(n.client, 0, informers.WithNamespace(n.options.Namespace))
	n.services = factory.Core().V1().Services().Lister()
	if n.proxy, err = startProxy(ctx, n); err != nil {
		return err
	}
	controller, err := newDeploymentController(n, factory)
	if err != nil {
		return err
	}
	if n.nodePorts, err = newNodePorts(n, factory); err != nil {
		return err
	}
	if err := n.watchPods(ctx, factory); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("no list of %v: %w", kind, ctx.Err())
		}
	}
	n.wg.Go(func() { controller.run(ctx) })
	n.wg.Go(func() { n.nodePorts.run(ctx) })
	if n.options.CollectGarbage {
		n.wg.Go(func() {
			if err := CollectGarbage(ctx, n.options.Config, n.options.Namespace); err != nil && ctx.Err() == nil {
				n.logf("garbage collector: %v", err)
			}
		})
	}
	return nil
}

// Stop ends the pods' processes, each with SIGTERM and its grace period, and waits for them. The Pod objects stay;
// another node for the same namespace takes them over.
func (n *Node) Stop() error {
	n.mu.Lock()
	n.stopped = true
	n.mu.Unlock()
	n.cancel()
	n.wg.Wait()
	if n.proxy != nil {
		n.proxy.close()
	}
	if n.addresses != nil {
		n.addresses.release()
	}
	if n.tempDir {
		if err := os.RemoveAll(n.dir); err != nil {
			return fmt.Errorf("local node: %w", err)
		}
	}
	return nil
}

// ProxyURL is the HTTP proxy that reaches Services by name.
func (n *Node) ProxyURL() string { return n.proxy.url }

// Pods lists the pods of a Deployment that are not being deleted, by name.
func (n *Node) Pods(namespace, deployment string) []Pod {
	n.mu.Lock()
	defer n.mu.Unlock()
	var pods []Pod
	for _, w := range n.workers {
		if w.namespace != namespace || w.deployment != deployment {
			continue
		}
		if p, terminating := w.snapshot(); !terminating {
			pods = append(pods, p)
		}
	}
	slices.SortFunc(pods, func(a, b Pod) int { return strings.Compare(a.Name, b.Name) })
	return pods
}

// Kill ends a pod's process with SIGKILL; the node starts it again at once. It reports whether there was one.
func (n *Node) Kill(p Pod) bool {
	w := n.find(p.Namespace, p.Name)
	return w != nil && w.kill()
}

// Logs is what the pod's process, and those before it, wrote to stdout and stderr. It can be read until Stop, also
// after the pod was deleted.
func (n *Node) Logs(p Pod) (string, error) {
	content, err := os.ReadFile(n.logPath(p.Namespace, p.Name))
	if err != nil {
		return "", fmt.Errorf("logs of pod %s/%s: %w", p.Namespace, p.Name, err)
	}
	return string(content), nil
}

func (n *Node) logPath(namespace, pod string) string {
	return filepath.Join(n.dir, "logs", namespace+"_"+pod+".log")
}

func (n *Node) find(namespace, pod string) *worker {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range n.workers {
		if w.namespace == namespace && w.name == pod {
			return w
		}
	}
	return nil
}

// image finds the program for a container's image.
func (n *Node) image(name string) (Image, bool) {
	if image, ok := n.options.Images[name]; ok {
		return image, true
	}
	image, ok := n.options.Images["*"]
	return image, ok
}

func (n *Node) logf(format string, args ...any) {
	n.output.line("localnode", fmt.Sprintf(format, args...))
}

// onThisNode says whether a pod is this node's to run.
func onThisNode(pod *corev1.Pod) bool { return pod.Spec.NodeName == Name }
