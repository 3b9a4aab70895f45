package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kassa-dev/kassa/test/child"
)

const (
	loopback     = "127.0.0.1"
	pollInterval = 50 * time.Millisecond
	pollTimeout  = 5 * time.Second
	logTail      = 2048

	// Ports below NodePorts and below the range that the kernel gives to outgoing connections: a restarted API
	// server finds its port free.
	firstPort, lastPort = 12000, 29999
)

func (cp *ControlPlane) startAPIServer(ctx context.Context) error {
	args := []string{
		"--etcd-servers=" + cp.etcdURL,
		"--bind-address=" + loopback, "--advertise-address=" + loopback, "--secure-port=" + strconv.Itoa(cp.port),
		"--endpoint-reconciler-type=none",
		"--tls-cert-file=" + cp.pki.path(servingCert), "--tls-private-key-file=" + cp.pki.path(servingKey),
		"--client-ca-file=" + cp.pki.path(caCert),
		"--authorization-mode=RBAC", "--anonymous-auth=false",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + cp.pki.path(tokenKey),
		"--service-account-signing-key-file=" + cp.pki.path(tokenKey),
		"--disable-admission-plugins=ServiceAccount",
		"--service-cluster-ip-range=10.0.0.0/16", "--allow-privileged=true",
		"--shutdown-delay-duration=0s",
	}
	process, log, err := cp.launch("kube-apiserver", append(args, cp.options.APIServerArgs...))
	if err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(cp.admin)
	if err == nil {
		err = cp.waitUntil(ctx, "kube-apiserver", process, func(ctx context.Context) error {
			return healthy(ctx, client, cp.admin.Host+"/readyz")
		})
	}
	if err != nil {
		process.Kill()
		return errors.Join(err, log.Close())
	}
	cp.mu.Lock()
	defer cp.mu.Unlock()
	cp.apiserver, cp.apiLog = process, log
	return nil
}

// launch starts one of the control plane's programs with its output appended to a log file.
func (cp *ControlPlane) launch(name string, args []string) (*child.Process, *os.File, error) {
	log, err := os.OpenFile(cp.logPath(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	process, err := child.Start(child.Command{Path: filepath.Join(cp.assets, name), Args: args, Dir: cp.dir, Output: log})
	if err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	return process, log, nil
}

func (cp *ControlPlane) logPath(name string) string { return filepath.Join(cp.dir, name+".log") }

// waitUntil polls ready until it succeeds, the program ends, or ctx does.
func (cp *ControlPlane) waitUntil(
	ctx context.Context, name string, process *child.Process, ready func(context.Context) error,
) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		attempt, cancel := context.WithTimeout(ctx, pollTimeout)
		err := ready(attempt)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-process.Done():
			return fmt.Errorf("%s ended with code %d: %s", name, process.ExitCode(), tail(cp.logPath(name)))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready (%w): %w: %s", name, err, ctx.Err(), tail(cp.logPath(name)))
		case <-ticker.C:
		}
	}
}

func healthy(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}

// freePort finds a port of this package's range on which nobody listens.
func freePort(ctx context.Context) (int, error) {
	var listen net.ListenConfig
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		l, err := listen.Listen(ctx, "tcp4", address(port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}

// FreeAddress is one on which nobody listens, for a program that cannot be handed a listener. Its port is none that a
// connection gets by itself, so that hardly anybody takes it meanwhile.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	port, err := freePort(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return address(port)
}

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// tail is the end of a log, for errors.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(content[max(0, len(content)-logTail):]))
}
