package webhookserver

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	. "github.com/onsi/gomega"
)

func aLine(uri string) *line { return newLine(newSinkTransport(nil), uri, 1) }

// The SDK of CloudEvents, as an app would use it, reads the same event in both modes.
func TestBothModesAreReadByTheSDK(t *testing.T) {
	e := fullEvent()
	e.ID, e.NativeType = `evt "1" 100% é😀`, "invoice.paid"
	m, err := cloudEvent(testSettings(t), &e, received)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, binary := range []bool{false, true} {
		t.Run(fmt.Sprintf("binary=%v", binary), func(t *testing.T) {
			g := NewWithT(t)
			requests := make(chan *http.Request, 1)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				message := cehttp.NewMessageFromHttpRequest(r)
				encoding := binding.EncodingStructured
				if binary {
					encoding = binding.EncodingBinary
				}
				g.Expect(message.ReadEncoding()).To(Equal(encoding))
				got, err := binding.ToEvent(r.Context(), message)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(got.Validate()).To(Succeed())
				g.Expect(got.Source()).To(Equal("/billing.kassa.dev/namespaces/shop/webhookreceivers/stripe"))
				g.Expect(got.Type()).To(Equal("dev.kassa.payment.succeeded"))
				g.Expect(got.Subject()).To(Equal("sub_1"))
				g.Expect(got.Time()).To(BeTemporally("==", e.Time))
				g.Expect(got.DataContentType()).To(Equal("application/json"))
				g.Expect(got.DataSchema()).To(Equal(dataSchema))
				g.Expect(got.Extensions()).To(Equal(map[string]any{
					"kassaprovider": "stripe", "kassareceiver": "stripe", "kassanativetype": "invoice.paid", "kassamode": "test",
				}))
				g.Expect(got.Data()).To(Equal(m.data), "byte for byte")
				if !binary { // the SDK's reader of headers does not decode them
					g.Expect(got.ID()).To(Equal("stripe:acct_1:" + e.ID))
				}
				requests <- r
			}))
			defer server.Close()
			a := post(t.Context(), &sink{timeout: time.Second, binary: binary, line: aLine(server.URL)}, m)
			g.Expect(a).To(Equal(attempt{taken: true, status: 200}))
			r := <-requests
			if binary {
				g.Expect(r.Header.Get("Ce-Id")).To(Equal("stripe:acct_1:evt%20%221%22%20100%25%20%C3%A9%F0%9F%98%80"))
				g.Expect(r.Header).NotTo(HaveKey("Ce-Datacontenttype"))
				g.Expect(r.Header.Get("Content-Type")).To(Equal("application/json"))
			}
		})
	}
}

func TestAnswersOfASink(t *testing.T) {
	m, err := cloudEvent(testSettings(t), new(fullEvent()), received)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, c := range []struct {
		reason     string
		status     int
		retryAfter string
		want       attempt
		class      string
		health     health
	}{
		{"taken", 204, "", attempt{taken: true, status: 204}, "taken", healthAnswers},
		{"refused for now: an app may be deployed that takes it", 400, "",
			attempt{status: 400, err: "HTTP 400"}, "4xx", healthAnswers},
		{"gone", 410, "", attempt{gone: true, status: 410, err: "HTTP 410: the sink wants this event no more"}, "4xx",
			healthAnswers},
		{"too many", 429, "7", attempt{status: 429, err: "HTTP 429", retryAfter: 7 * time.Second}, "4xx", healthRests},
		{"too many, without a time", 429, "", attempt{status: 429, err: "HTTP 429"}, "4xx", healthFails},
		{"away", 503, "100000", attempt{status: 503, err: "HTTP 503", retryAfter: maxRetryAfter}, "5xx", healthRests},
		{"broken", 500, "", attempt{status: 500, err: "HTTP 500"}, "5xx", healthFails},
		{"moved", 308, "", attempt{status: 308, err: statusText(308)}, "3xx", healthAnswers},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "http://user:secret@"+r.Host+"/?token=secret")
				w.Header().Set("Retry-After", c.retryAfter)
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			got := post(t.Context(), &sink{timeout: time.Second, line: aLine(server.URL)}, m)
			g.Expect(got).To(Equal(c.want))
			g.Expect(got.class()).To(Equal(c.class))
			g.Expect(got.health()).To(Equal(c.health))
		})
	}
}

// What went wrong is told in words that have nothing of the URL, where a sink's credentials may be, or of the answer.
func TestFailuresAreTold(t *testing.T) {
	m, err := cloudEvent(testSettings(t), new(fullEvent()), received)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	tlsServer := httptest.NewTLSServer(http.NotFoundHandler())
	defer tlsServer.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it seen that the client hangs up
		<-r.Context().Done()
	}))
	defer slow.Close()
	raw := func(answer string) string {
		l := listen(t)
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 1<<16))
				_, _ = c.Write([]byte(answer))
				_ = c.(*net.TCPConn).SetLinger(-1)
				_ = c.Close()
			}
		}()
		return "http://" + l.Addr().String()
	}
	closed := listen(t)
	_ = closed.Close()
	at := func(server, scheme string) string {
		_, host, _ := strings.Cut(server, "://")
		return scheme + "://user:hidden@" + host + "/hook?token=hidden"
	}
	for _, c := range []struct{ reason, uri, want string }{
		{"nobody listens", at("http://"+closed.Addr().String(), "http"), "connection refused"},
		{"unknown host", "http://user:hidden@nowhere.invalid/hook?token=hidden", "the name of the sink's host is not known"},
		{"untrusted certificate", at(tlsServer.URL, "https"), "the sink's certificate is not trusted: x509: "},
		{"https to a plain port", at(plain.URL, "https"), "the sink does not speak TLS"},
		{"slow", at(slow.URL, "http"), "no answer in time"},
		{"hangs up", at(raw(""), "http"), "the connection was closed without an answer"},
		{"no HTTP", at(raw("hidden\r\n\r\n"), "http"), "no valid HTTP answer"},
		{"no URL", "http://[::1:hidden", "the sink's uri cannot be used"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			got := post(t.Context(), &sink{timeout: 300 * time.Millisecond, line: aLine(c.uri)}, m)
			g.Expect(got.err).To(HavePrefix(c.want))
			g.Expect(got.err).NotTo(ContainSubstring("hidden"))
			g.Expect(got.timedOut).To(Equal(c.reason == "slow"))
			g.Expect(got.health()).To(Equal(healthFails))
			g.Expect([]string{"timeout", "unreachable"}).To(ContainElement(got.class()))
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	got := post(ended, &sink{timeout: time.Second, line: aLine(plain.URL)}, m)
	NewWithT(t).Expect(got.err).To(Equal("broken off: the receiver was stopped"))
}

func TestHeaderValues(t *testing.T) {
	for in, want := range map[string]string{
		"plain~!": "plain~!", "a b": "a%20b", `"`: "%22", "100%": "100%25", "\n\x7f": "%0A%7F",
		"Euro € 😀": "Euro%20%E2%82%AC%20%F0%9F%98%80", // the example of the HTTP binding
	} {
		if got := headerValue(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestLinesAreKeptWhileTheSpecSaysTheSame(t *testing.T) {
	g := NewWithT(t)
	l := newLines()
	id := lineID{name: "app", uri: "http://a", most: 4}
	moved, wider := id, id
	moved.uri, wider.most = "http://b", 8
	pools := []*x509.CertPool{nil}
	first := l.replace([]lineID{id}, pools)[0]
	g.Expect(cap(first.slots)).To(Equal(4))
	g.Expect(l.replace([]lineID{id}, pools)[0]).To(BeIdenticalTo(first))
	g.Expect(l.replace([]lineID{wider}, pools)[0]).NotTo(BeIdenticalTo(first))
	second := l.replace([]lineID{moved}, pools)[0]
	g.Expect(second).NotTo(BeIdenticalTo(first))
	g.Expect(second.transport).To(BeIdenticalTo(first.transport), "connections are shared")
	bundle := id
	bundle.bundle = "x"
	g.Expect(l.replace([]lineID{bundle}, pools)[0].transport).NotTo(BeIdenticalTo(first.transport))
	g.Expect(l.all).To(HaveLen(1))
	g.Expect(l.transports).To(HaveLen(1))
}

// BenchmarkCloudEvent encodes an event of 4 kB, once for all sinks and attempts.
func BenchmarkCloudEvent(b *testing.B) {
	e := fullEvent()
	e.Native = []byte(`{"id":"evt_1","padding":"` + strings.Repeat("x", 4096) + `"}`)
	s := testSettings(&testing.T{})
	for _, mode := range []string{"structured", "and binary"} {
		b.Run(mode, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m, err := cloudEvent(s, &e, received)
				if err != nil {
					b.Fatal(err)
				}
				if mode != "structured" {
					m.attributes()
				}
			}
		})
	}
}

// After an answer that leaves the protocol, the connection is nobody's who would watch the time.
func TestASinkThatLeavesHTTP(t *testing.T) {
	g := NewWithT(t)
	m, err := cloudEvent(testSettings(t), new(fullEvent()), received)
	g.Expect(err).NotTo(HaveOccurred())
	l := listen(t)
	defer func() { _ = l.Close() }()
	closed := make(chan struct{})
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = c.Read(make([]byte, 1<<16))
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
		close(closed)
	}()
	got := make(chan attempt, 1)
	go func() {
		got <- post(t.Context(), &sink{timeout: time.Second, line: aLine("http://" + l.Addr().String())}, m)
	}()
	var a attempt
	g.Eventually(got, "10s").Should(Receive(&a))
	g.Expect(a).To(Equal(attempt{status: http.StatusSwitchingProtocols, err: statusText(http.StatusSwitchingProtocols)}))
	g.Eventually(closed, "10s").Should(BeClosed())
}
