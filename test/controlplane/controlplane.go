// Package controlplane starts a real etcd and kube-apiserver for tests, benchmarks and the demo, without containers
// and, where need be, without downloads (hack/controlplane/ensure).
//
// RBAC is real, the API server signs ServiceAccount tokens (TokenRequest), and the CRDs of config/crd/bases are
// installed. What a cluster has beyond that is missing: no kube-controller-manager runs, so namespaces get no
// ServiceAccount "default", owner references cascade to nothing, a deleted namespace stays Terminating, and
// Deployments make no pods (test/localnode stands in for some of it); no scheduler and no kubelet run either. The
// ServiceAccount admission plugin is off, because it refuses pods in a namespace without ServiceAccounts.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kassa-dev/kassa/test/child"
)

// Options of a control plane. The zero value is right for tests that want durable writes.
type Options struct {
	// Dir holds data, certificates, kubeconfig and logs. Default: a temporary folder that Stop removes.
	Dir string
	// NoFsync lets etcd acknowledge writes that are not on disk yet. It saves seconds in tests and makes every
	// figure of a benchmark a lie.
	NoFsync bool
	// NoCRDs leaves config/crd/bases out.
	NoCRDs bool
	// APIServerArgs and EtcdArgs are added after the package's own, so they win.
	APIServerArgs, EtcdArgs []string
	// StartTimeout bounds the start of etcd and the API server together. Default: 2 minutes, since the tests of
	// many packages may start at once.
	StartTimeout time.Duration
}

// ControlPlane is a running etcd and kube-apiserver.
type ControlPlane struct {
	options Options
	dir     string
	tempDir bool
	assets  string
	pki     *pki
	port    int
	admin   *rest.Config

	mu          sync.Mutex
	etcd        *child.Process
	apiserver   *child.Process
	apiLog      *os.File
	etcdURL     string
	etcdPeerURL string
}

const (
	defaultStartTimeout = 2 * time.Minute
	stopGrace           = 10 * time.Second
	// The API server keeps nothing that could be lost, and would wait for every client that watches.
	apiServerGrace = time.Second
	startAttempts  = 3
)

// Start starts a control plane and returns once it serves requests and its CRDs are established. The caller calls
// Stop; on Linux both processes die with this one anyway.
func Start(ctx context.Context, o Options) (*ControlPlane, error) {
	if o.StartTimeout == 0 {
		o.StartTimeout = defaultStartTimeout
	}
	assets, err := Assets(ctx)
	if err != nil {
		return nil, err
	}
	cp := &ControlPlane{options: o, dir: o.Dir, assets: assets}
	if cp.dir == "" {
		if cp.dir, err = os.MkdirTemp("", "kassa-controlplane-"); err != nil {
			return nil, fmt.Errorf("control plane: %w", err)
		}
		cp.tempDir = true
	}
	ctx, cancel := context.WithTimeout(ctx, o.StartTimeout)
	defer cancel()
	if err := cp.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("control plane: %w", err), cp.Stop())
	}
	return cp, nil
}

func (cp *ControlPlane) start(ctx context.Context) error {
	var err error
	if cp.pki, err = newPKI(filepath.Join(cp.dir, "pki")); err != nil {
		return err
	}
	if err := cp.startEtcd(ctx); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		if cp.port, err = freePort(ctx); err != nil {
			return err
		}
		if cp.admin, err = cp.User(adminName, adminGroup); err != nil {
			return err
		}
		if err = cp.startAPIServer(ctx); err == nil {
			break
		}
		if attempt == startAttempts || ctx.Err() != nil {
			return err
		}
	}
	if err := writeKubeconfig(cp.KubeconfigPath(), cp.admin); err != nil {
		return err
	}
	if cp.options.NoCRDs {
		return nil
	}
	return cp.installCRDs(ctx)
}

// Config is a client configuration of a cluster administrator (group system:masters). It is a copy.
func (cp *ControlPlane) Config() *rest.Config { return rest.CopyConfig(cp.admin) }

// KubeconfigPath is a kubeconfig file of the administrator.
func (cp *ControlPlane) KubeconfigPath() string { return filepath.Join(cp.dir, "kubeconfig") }

// KubectlPath is a kubectl of the control plane's version.
func (cp *ControlPlane) KubectlPath() string { return filepath.Join(cp.assets, "kubectl") }

// Dir is the folder with data, kubeconfig and the logs etcd.log and kube-apiserver.log.
func (cp *ControlPlane) Dir() string { return cp.dir }

// EtcdURL is etcd's client address, for benchmarks that read its metrics.
func (cp *ControlPlane) EtcdURL() string { return cp.etcdURL }

// Pause freezes the API server with SIGSTOP: connections are accepted, requests hang.
func (cp *ControlPlane) Pause() error { return cp.signal(syscall.SIGSTOP) }

// Resume ends Pause.
func (cp *ControlPlane) Resume() error { return cp.signal(syscall.SIGCONT) }

func (cp *ControlPlane) signal(s os.Signal) error {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	if cp.apiserver == nil {
		return errors.New("control plane: the API server does not run")
	}
	return cp.apiserver.Signal(s)
}

// StopAPIServer ends the API server, gracefully if it is not paused, and leaves etcd running: connections are
// refused until Restart.
func (cp *ControlPlane) StopAPIServer() {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	cp.stopAPIServer()
}

// Restart starts the API server anew on the same port and returns once it serves requests.
func (cp *ControlPlane) Restart(ctx context.Context) error {
	cp.mu.Lock()
	cp.stopAPIServer()
	cp.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, cp.options.StartTimeout)
	defer cancel()
	if err := cp.startAPIServer(ctx); err != nil {
		return fmt.Errorf("control plane: %w", err)
	}
	return nil
}

// Stop ends both processes and removes the temporary folder. It may be called again.
func (cp *ControlPlane) Stop() error {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	cp.stopAPIServer()
	if cp.etcd != nil {
		cp.etcd.Stop(stopGrace)
		cp.etcd = nil
	}
	if cp.tempDir {
		if err := os.RemoveAll(cp.dir); err != nil {
			return fmt.Errorf("control plane: %w", err)
		}
	}
	return nil
}

func (cp *ControlPlane) stopAPIServer() {
	if cp.apiserver == nil {
		return
	}
	// A paused process would keep SIGTERM waiting.
	_ = cp.apiserver.Signal(syscall.SIGCONT)
	cp.apiserver.Stop(apiServerGrace)
	_ = cp.apiLog.Close()
	cp.apiserver, cp.apiLog = nil, nil
}
