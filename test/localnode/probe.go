package localnode

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// startPeriod is how often a pod that was never ready is probed, if its probe asks for no more: a kubelet's second is
// long for a test.
const startPeriod = 100 * time.Millisecond

// Kubelets follow no redirect to another host and check no certificate.
var probeClient = &http.Client{
	Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // as a kubelet does
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// probe keeps the pod's readiness up to date until ctx ends. A pod without a readiness probe is ready as long as its
// process runs.
func (w *worker) probe(ctx context.Context) {
	p := w.pod.Spec.Containers[0].ReadinessProbe
	if p == nil {
		w.setReady(true)
		return
	}
	period := time.Duration(max(1, p.PeriodSeconds)) * time.Second
	if !w.pause(ctx, time.Duration(p.InitialDelaySeconds)*time.Second) {
		return
	}
	var successes, failures int32
	for everReady := false; ; {
		err := w.probeOnce(ctx, p)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			successes, failures = successes+1, 0
		} else {
			successes, failures = 0, failures+1
		}
		switch {
		case successes >= max(1, p.SuccessThreshold):
			everReady = true
			w.setReady(true)
		case failures >= max(1, p.FailureThreshold):
			w.setReady(false)
		}
		wait := period
		if !everReady {
			wait = startPeriod
		}
		if !w.pause(ctx, wait) {
			return
		}
	}
}

func (w *worker) probeOnce(ctx context.Context, p *corev1.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(1, p.TimeoutSeconds))*time.Second)
	defer cancel()
	if p.TCPSocket != nil {
		port, err := w.portNumber(p.TCPSocket.Port)
		if err != nil {
			return err
		}
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(w.ip, port))
		if err != nil {
			return err
		}
		return conn.Close()
	}
	port, err := w.portNumber(p.HTTPGet.Port)
	if err != nil {
		return err
	}
	scheme := "http"
	if p.HTTPGet.Scheme == corev1.URISchemeHTTPS {
		scheme = "https"
	}
	url := scheme + "://" + net.JoinHostPort(w.ip, port) + cmp.Or(p.HTTPGet.Path, "/")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	for _, h := range p.HTTPGet.HTTPHeaders {
		req.Header.Add(h.Name, h.Value)
	}
	resp, err := probeClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode < http.StatusOK || resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}

// portNumber resolves a port by number, or by the name of a container port.
func (w *worker) portNumber(port intstr.IntOrString) (string, error) {
	if port.Type == intstr.Int {
		return strconv.Itoa(int(port.IntVal)), nil
	}
	number, ok := w.hasPort(port.StrVal)
	if !ok {
		return "", fmt.Errorf("the pod has no port named %s", port.StrVal)
	}
	return strconv.Itoa(int(number)), nil
}
