package localnode_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/kassa-dev/kassa/test/controlplane"
)

func TestServicesReachEveryReadyPod(t *testing.T) {
	c := newCluster(t, controlplane.Shared(t))
	service := c.service(corev1.ServiceTypeNodePort)
	c.Eventually(func() error {
		_, err := c.get("http://web." + c.ns + ".svc/")
		return err
	}, limit, tick).Should(MatchError(ContainSubstring("no ready endpoint (0 of 0 pods)")))
	c.create(c.deployment(2))
	c.settled(2)
	pods := c.node.Pods(c.ns, app)

	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, tc := range []struct {
		reason, address string
		client          *http.Client
	}{
		{"the short name with a namespace", "http://web." + c.ns + ":80", c.http},
		{"the name that most manifests use", "http://web." + c.ns + ".svc", c.http},
		{"the whole name", "http://web." + c.ns + ".svc.cluster.local", c.http},
		{"the node port, by TCP", fmt.Sprintf("http://127.0.0.1:%d", service.Spec.Ports[0].NodePort), direct},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			c.http = tc.client
			c.Eventually(func() error {
				_, err := c.get(tc.address + "/healthz")
				return err
			}, limit, tick).Should(Succeed())
			seen := map[string]bool{}
			for range 4 {
				ip, err := c.get(tc.address + "/env?name=POD_IP")
				c.Expect(err).NotTo(HaveOccurred())
				seen[ip] = true
			}
			c.Expect(seen).To(And(HaveLen(2), HaveKey(pods[0].IP), HaveKey(pods[1].IP)))
		})
	}
}

func TestProxyRefusals(t *testing.T) {
	c := newCluster(t, controlplane.Shared(t))
	c.service(corev1.ServiceTypeClusterIP)
	c.create(c.deployment(1, corev1.EnvVar{Name: "NEVER_READY", Value: "yes"}))
	c.Eventually(func() error {
		_, err := c.get("http://web." + c.ns + ".svc/")
		return err
	}, limit, tick).Should(MatchError(ContainSubstring("no ready endpoint (0 of 1 pods)")))
	for address, want := range map[string]string{
		"http://absent." + c.ns + ".svc/": "502 Bad Gateway: local node: no Service " + c.ns + "/absent",
		"http://web." + c.ns + ".svc:81/": "has no port 81",
		"http://outside.example.invalid/": "is neither a Service nor on this machine",
	} {
		_, err := c.get(address)
		c.Expect(err).To(MatchError(ContainSubstring(want)), address)
	}
}

func TestConnectReachesServices(t *testing.T) {
	c := newCluster(t, controlplane.Shared(t))
	c.service(corev1.ServiceTypeClusterIP)
	c.create(c.deployment(1))
	c.settled(1)
	proxy, err := url.Parse(c.node.ProxyURL())
	c.Expect(err).NotTo(HaveOccurred())
	conn, err := net.Dial("tcp", proxy.Host)
	c.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "CONNECT web.%s.svc:80 HTTP/1.1\r\nHost: web\r\n\r\n", c.ns)
	c.Expect(err).NotTo(HaveOccurred())
	reader := bufio.NewReader(conn)
	resp, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(resp.StatusCode).To(Equal(http.StatusOK))
	_, err = fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
	c.Expect(err).NotTo(HaveOccurred())
	resp, err = http.ReadResponse(reader, nil)
	c.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = resp.Body.Close() }()
	c.Expect(resp.StatusCode).To(Equal(http.StatusOK))
}
