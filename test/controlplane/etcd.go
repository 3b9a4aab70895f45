package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/kassa-dev/kassa/test/child"
)

// KillEtcd ends etcd with SIGKILL and leaves the API server running, which then answers with errors.
func (cp *ControlPlane) KillEtcd() {
	cp.mu.Lock()
	defer cp.mu.Unlock()
	if cp.etcd != nil {
		cp.etcd.Kill()
		cp.etcd = nil
	}
}

// StartEtcd starts etcd again after KillEtcd, with its data and at its address, and returns once it serves requests.
func (cp *ControlPlane) StartEtcd(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cp.options.StartTimeout)
	defer cancel()
	process, err := cp.runEtcd(ctx)
	if err != nil {
		return fmt.Errorf("control plane: %w", err)
	}
	cp.mu.Lock()
	defer cp.mu.Unlock()
	cp.etcd = process
	return nil
}

func (cp *ControlPlane) startEtcd(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		err := cp.tryEtcd(ctx)
		if err == nil || attempt == startAttempts || ctx.Err() != nil {
			return err
		}
	}
}

func (cp *ControlPlane) tryEtcd(ctx context.Context) error {
	clientPort, err := freePort(ctx)
	if err != nil {
		return err
	}
	peerPort, err := freePort(ctx)
	if err != nil {
		return err
	}
	cp.etcdURL, cp.etcdPeerURL = "http://"+address(clientPort), "http://"+address(peerPort)
	process, err := cp.runEtcd(ctx)
	if err != nil {
		return errors.Join(err, os.RemoveAll(cp.etcdDir()))
	}
	cp.etcd = process
	return nil
}

func (cp *ControlPlane) etcdDir() string { return filepath.Join(cp.dir, "etcd") }

// runEtcd returns once etcd serves requests.
func (cp *ControlPlane) runEtcd(ctx context.Context) (*child.Process, error) {
	args := []string{
		"--name=kassa", "--data-dir=" + cp.etcdDir(),
		"--listen-client-urls=" + cp.etcdURL, "--advertise-client-urls=" + cp.etcdURL,
		"--listen-peer-urls=" + cp.etcdPeerURL, "--initial-advertise-peer-urls=" + cp.etcdPeerURL,
		"--initial-cluster=kassa=" + cp.etcdPeerURL, "--log-level=warn",
	}
	if cp.options.NoFsync {
		args = append(args, "--unsafe-no-fsync")
	}
	process, _, err := cp.launch("etcd", append(args, cp.options.EtcdArgs...))
	if err != nil {
		return nil, err
	}
	err = cp.waitUntil(ctx, "etcd", process, func(ctx context.Context) error {
		return healthy(ctx, http.DefaultClient, cp.etcdURL+"/readyz")
	})
	if err != nil {
		process.Kill()
		return nil, err
	}
	return process, nil
}
