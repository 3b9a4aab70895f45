package serving

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// Whoever opens connections and sends nothing has no more than the bound, and is thrown out in time.
func TestSilentConnectionsAreBounded(t *testing.T) {
	g := NewWithT(t)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	g.Expect(err).NotTo(HaveOccurred())
	states := make(chan http.ConnState, 4*MaxConnections)
	srv := &http.Server{
		ReadHeaderTimeout: 3 * time.Second,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }),
		ConnState:         func(_ net.Conn, s http.ConnState) { states <- s },
	}
	failed := make(chan error, 1)
	Serve(srv, Bounded(l), failed)
	t.Cleanup(func() { _ = srv.Close() })
	var dialer net.Dialer
	for range MaxConnections {
		c, err := dialer.DialContext(t.Context(), "tcp", l.Addr().String())
		g.Expect(err).NotTo(HaveOccurred())
		t.Cleanup(func() { _ = c.Close() })
	}
	for range MaxConnections {
		g.Eventually(states).WithTimeout(10 * time.Second).Should(Receive(Equal(http.StateNew)))
	}
	late, err := dialer.DialContext(t.Context(), "tcp", l.Addr().String())
	g.Expect(err).NotTo(HaveOccurred(), "the kernel takes it")
	t.Cleanup(func() { _ = late.Close() })
	_, err = io.WriteString(late, "GET / HTTP/1.0\r\n\r\n")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(<-states).To(Equal(http.StateClosed), "none came in before one was over")
	g.Expect(late.SetReadDeadline(time.Now().Add(30 * time.Second))).To(Succeed())
	answer, err := io.ReadAll(late)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(strings.HasSuffix(string(answer), "ok")).To(BeTrue(), string(answer))
	g.Expect(failed).To(BeEmpty())
}
