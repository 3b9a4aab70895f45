package webhookserver

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

func TestBadRequestsAreRefusedAndCounted(t *testing.T) {
	f := newFixture(t, nil)
	r := f.start()
	now := time.Now()
	const tooFar = defaultTolerance + 5*time.Second
	good := eventBody("evt_1", "invoice.paid")
	signed := func(at time.Time) string { return sign(testSecret, at, []byte(good)) }
	huge := strings.Repeat("x", maxBody+1)
	live := `{"id":"evt_1","type":"invoice.paid","livemode":true}`
	long := eventBody(strings.Repeat("e", 129), "invoice.paid")
	cases := []struct {
		name      string
		body      io.Reader
		signature string
		status    int
		metric    string
	}{
		{"wrong signature", strings.NewReader(good), sign("other", now, []byte(good)), 400, "signature_mismatch"},
		{"changed body", strings.NewReader(good + " "), signed(now), 400, "signature_mismatch"},
		{"no signature", strings.NewReader(good), "", 400, "signature_missing"},
		{"garbage signature", strings.NewReader(good), "garbage", 400, "signature_malformed"},
		{"old signature", strings.NewReader(good), signed(now.Add(-tooFar)), 400, "signature_time"},
		{"future signature", strings.NewReader(good), signed(now.Add(tooFar)), 400, "signature_time"},
		{"malformed", strings.NewReader("{"), sign(testSecret, now, []byte("{")), 400, "malformed"},
		{"no id", strings.NewReader("{}"), sign(testSecret, now, []byte("{}")), 400, "malformed"},
		{"id too long", strings.NewReader(long), sign(testSecret, now, []byte(long)), 400, "malformed"},
		{"live event", strings.NewReader(live), sign(testSecret, now, []byte(live)), 400, "mode"},
		{"too large", strings.NewReader(huge), sign(testSecret, now, []byte(huge)), 413, ""},
		{"too large, chunked", io.MultiReader(strings.NewReader(huge)), sign(testSecret, now, []byte(huge)), 413, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			a := r.post(c.body, c.signature)
			g.Expect(a.StatusCode).To(Equal(c.status), a.body)
			g.Expect(a.Header.Get("Content-Type")).To(Equal("application/problem+json"))
			g.Expect(a.body).To(ContainSubstring(fmt.Sprintf(`"status":%d`, c.status)))
			if c.metric != "" {
				g.Expect(get(t, r.health+"/metrics").body).To(
					ContainSubstring(fmt.Sprintf(`kassa_receiver_refused_total{reason=%q}`, c.metric)))
			}
		})
	}
	f.g.Eventually(f.totals, patience, often).Should(Equal(v1alpha1.EventTotals{Rejected: int64(len(cases))}))
	f.g.Expect(f.ledger.claims).To(BeZero())
}

func TestOtherMethodsAndPaths(t *testing.T) {
	f := newFixture(t, nil)
	r := f.start()
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodHead, http.MethodDelete} {
		req, err := http.NewRequest(method, r.url, http.NoBody)
		f.g.Expect(err).NotTo(HaveOccurred())
		res, err := http.DefaultClient.Do(req)
		a := answerOf(t, res, err)
		f.g.Expect(a.StatusCode).To(Equal(http.StatusMethodNotAllowed), method)
		f.g.Expect(a.Header.Get("Allow")).To(Equal("POST"))
	}
	for _, path := range []string{"", "/", "/stripe/", "/stripe2", "/metrics", "/healthz"} {
		at := strings.TrimSuffix(r.url, "/stripe") + path
		res, err := http.Post(at, "application/json", strings.NewReader("{}"))
		f.g.Expect(answerOf(t, res, err).StatusCode).To(Equal(http.StatusNotFound), path)
	}
}

func TestBodyOfExactlyOneMebibyteIsTaken(t *testing.T) {
	f := newFixture(t, nil)
	r := f.start()
	event := eventBody("evt_1", "invoice.paid")
	for _, wrap := range []func(io.Reader) io.Reader{
		func(b io.Reader) io.Reader { return b },
		func(b io.Reader) io.Reader { return io.MultiReader(b) },
	} {
		body := event + strings.Repeat(" ", maxBody-len(event))
		a := r.post(wrap(strings.NewReader(body)), sign(testSecret, time.Now(), []byte(body)))
		f.g.Expect(a.StatusCode).To(Equal(200), a.body)
	}
	f.g.Expect(r.server.gate.bytes.Load()).To(BeZero())
	f.g.Expect(r.server.gate.requests.Load()).To(BeZero())
}

// Requests that declare large bodies, and send nothing of them, do not keep the others out.
func TestADeclaredLengthTakesNoMemory(t *testing.T) {
	f := newFixture(t, nil)
	r := f.start()
	const idle = 2 * maxBuffered / maxBody
	host := strings.TrimSuffix(strings.TrimPrefix(r.url, "http://"), "/stripe")
	for range idle {
		c, err := net.Dial("tcp", host)
		f.g.Expect(err).NotTo(HaveOccurred())
		t.Cleanup(func() { _ = c.Close() })
		_, err = fmt.Fprintf(c, "POST /stripe HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", maxBody)
		f.g.Expect(err).NotTo(HaveOccurred())
	}
	f.g.Eventually(r.server.gate.requests.Load, patience, often).Should(BeEquivalentTo(idle))
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
}

func TestFullGateAnswers503(t *testing.T) {
	f := newFixture(t, nil)
	r := f.start()
	body := eventBody("evt_1", "invoice.paid")
	for name, fill := range map[string]func() func(){
		"requests": func() func() {
			r.server.gate.requests.Add(maxInFlight)
			return func() { r.server.gate.requests.Add(-maxInFlight) }
		},
		"bytes": func() func() {
			r.server.gate.bytes.Add(maxBuffered)
			return func() { r.server.gate.bytes.Add(-maxBuffered) }
		},
	} {
		empty := fill()
		a := r.send(body)
		f.g.Expect(a.StatusCode).To(Equal(http.StatusServiceUnavailable), name)
		f.g.Expect(a.Header.Get("Retry-After")).To(Equal("1"))
		empty()
	}
	f.g.Expect(r.send(body).StatusCode).To(Equal(200))
}

func TestEventIsDeliveredOnce(t *testing.T) {
	sink := newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start()
	body := eventBody("evt_1", "invoice.paid")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if a := r.send(body); a.StatusCode != 200 {
				t.Errorf("status %d: %s", a.StatusCode, a.body)
			}
		})
	}
	all.Wait()
	f.g.Expect(sink.ids()).To(Equal([]string{"stripe:acct_1:evt_1"}))
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Processed))
	f.g.Eventually(f.totals, patience, often).Should(Equal(
		v1alpha1.EventTotals{Received: 8, Processed: 1, Duplicate: 7}))
	f.g.Expect(r.metric(`kassa_receiver_requests_total{result="processed"} 1`)).To(BeTrue())
	f.g.Expect(r.metric(`kassa_receiver_requests_total{result="duplicate"} 7`)).To(BeTrue())
}

func TestBusyAndUnavailableAreNotAcknowledged(t *testing.T) {
	sink := newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start()

	f.ledger.do(func() { f.ledger.states["evt_busy"] = ledger.Claimed })
	a := r.send(eventBody("evt_busy", "invoice.paid"))
	f.g.Expect(a.StatusCode).To(Equal(503))
	f.g.Expect(a.Header.Get("Retry-After")).To(Equal("7"))

	f.ledger.do(func() { f.ledger.claimErr = ledger.ErrUnavailable })
	a = r.send(eventBody("evt_1", "invoice.paid"))
	f.g.Expect(a.StatusCode).To(Equal(503))
	f.g.Expect(a.Header.Get("Retry-After")).NotTo(BeEmpty())
	f.g.Expect(sink.count()).To(BeZero())

	// Delivered, but not settled: the provider repeats the event, and the app tells it by its id.
	f.ledger.do(func() { f.ledger.claimErr, f.ledger.settleErr = nil, ledger.ErrUnavailable })
	f.g.Expect(r.send(eventBody("evt_2", "invoice.paid")).StatusCode).To(Equal(503))
	f.ledger.do(func() { f.ledger.settleErr, f.ledger.abandoned["evt_2"] = nil, true })
	f.g.Expect(r.send(eventBody("evt_2", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Expect(sink.ids()).To(Equal([]string{"stripe:acct_1:evt_2", "stripe:acct_1:evt_2"}))
	f.g.Expect(f.ledger.state("evt_2")).To(Equal(ledger.Processed))
}

func TestUnknownTypes(t *testing.T) {
	all, native := newApp(t, nil), newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{all.sink("all"), native.sink("native", "charge.pending")})
	r := f.start()
	f.g.Expect(r.send(eventBody("evt_1", "charge.strange")).StatusCode).To(Equal(200))
	f.g.Expect(f.ledger.claims).To(BeZero(), "an event that nobody wants costs no write")
	f.g.Expect(r.send(eventBody("evt_2", "charge.pending")).StatusCode).To(Equal(200))
	f.g.Expect(all.count()).To(BeZero())
	f.g.Expect(native.bodies()).To(HaveLen(1))
	f.g.Expect(string(native.bodies()[0])).To(ContainSubstring(`"type":"dev.kassa.native"`))
	f.g.Eventually(f.totals, patience, often).Should(Equal(
		v1alpha1.EventTotals{Received: 2, Processed: 1, Unknown: 2}))
	f.g.Expect(f.read().Status.RecentEvents).To(HaveLen(1))
	f.g.Expect(f.read().Status.RecentEvents[0].Type).To(Equal("native"))
}

func TestUnselectedEventsAreNotDelivered(t *testing.T) {
	all, explicit := newApp(t, nil), newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{all.sink("all"), explicit.sink("explicit", "subscription.*")},
		func(r *v1alpha1.WebhookReceiver) { r.Spec.Events = []string{"payment.*"} })
	r := f.start()
	f.g.Expect(r.send(eventBody("evt_1", "customer.subscription.updated")).StatusCode).To(Equal(200))
	f.g.Expect(r.send(eventBody("evt_2", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Expect(all.ids()).To(Equal([]string{"stripe:acct_1:evt_2"}))
	f.g.Expect(explicit.ids()).To(Equal([]string{"stripe:acct_1:evt_1"}))
}
