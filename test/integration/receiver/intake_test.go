package receiver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/stack"
)

const maxBody = 1 << 20

// chunked hides the length of a body, so that it is sent in chunks.
type chunked struct{ io.Reader }

// bad is a request that no receiver may take.
type bad struct {
	name     string
	body     io.Reader
	sign     string // signature
	status   int
	rejected bool   // counted in status.events.rejected
	reason   string // label of kassa_receiver_refused_total, if it is counted there
}

func badRequests(secret string) []bad {
	event, now := stack.Event("evt_refused"), time.Now()
	early, late := now.Add(-302*time.Second), now.Add(330*time.Second)
	large, notJSON := bytes.Repeat([]byte("x"), maxBody+1), []byte(`{"id":"evt_1",`)
	reader := func(b []byte) io.Reader { return bytes.NewReader(b) }
	return []bad{
		{"another secret", reader(event), stripe.Sign("whsec_"+"other", now, event), 400, true, "signature_mismatch"},
		{"another body", reader(event), stripe.Sign(secret, now, event[1:]), 400, true, "signature_mismatch"},
		{"an empty secret", reader(event), stripe.Sign("", now, event), 400, true, "signature_mismatch"},
		{"no signature", reader(event), "", 400, true, "signature_missing"},
		{"no scheme v1", reader(event), "t=1,v0=00", 400, true, "signature_malformed"},
		{"an old signature", reader(event), stripe.Sign(secret, early, event), 400, true, "signature_time"},
		{"a future signature", reader(event), stripe.Sign(secret, late, event), 400, true, "signature_time"},
		{"no JSON, rightly signed", reader(notJSON), stripe.Sign(secret, now, notJSON), 400, true, "malformed"},
		{"a byte too much", reader(large), stripe.Sign(secret, now, large), 413, true, ""},
		{"a byte too much in chunks", chunked{reader(large)}, stripe.Sign(secret, now, large), 413, true, ""},
	}
}

// expectProblem looks at an error answer: a problem document of RFC 9457 that tells nothing that a caller could use.
func expectProblem(t *testing.T, answer stack.Answer, status int, secret string) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(answer.Status).To(Equal(status), answer.Body)
	g.Expect(answer.Header.Get("Content-Type")).To(Equal("application/problem+json"))
	var problem struct {
		Type, Title, Detail string
		Status              int
	}
	g.Expect(json.Unmarshal([]byte(answer.Body), &problem)).To(Succeed(), answer.Body)
	g.Expect(problem.Status).To(Equal(status))
	g.Expect(problem.Type).To(HavePrefix("https://"))
	g.Expect(problem.Title).NotTo(BeEmpty())
	g.Expect(problem.Detail).NotTo(BeEmpty())
	text := answer.Body + fmt.Sprint(answer.Header)
	for _, hidden := range []string{secret, "whsec_", "evt_refused", "sk_test"} {
		g.Expect(text).NotTo(ContainSubstring(hidden))
	}
}

// What must not be taken is refused by the Service and by each replica, and counted.
func TestBadRequestsAreRefused(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	g := NewWithT(t)
	secret := r.SigningSecret()
	targets := map[string]string{"Service": r.URL()}
	for i, p := range r.Replicas() {
		targets[fmt.Sprintf("replica %d", i)] = r.ReplicaURL(p)
	}
	var rejected int64
	reasons := map[string]int{}
	for where, to := range targets {
		for _, b := range badRequests(secret) {
			t.Run(b.name+" to "+where, func(t *testing.T) {
				answer, err := r.Post(to, b.body, b.sign)
				NewWithT(t).Expect(err).NotTo(HaveOccurred())
				expectProblem(t, answer, b.status, secret)
			})
			if b.rejected {
				rejected++
			}
			if b.reason != "" {
				reasons[b.reason]++
			}
		}
		t.Run("other method and path to "+where, func(t *testing.T) {
			g := NewWithT(t)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, http.NoBody)
			g.Expect(err).NotTo(HaveOccurred())
			answer, err := r.Do(req)
			g.Expect(err).NotTo(HaveOccurred())
			expectProblem(t, answer, http.StatusMethodNotAllowed, secret)
			g.Expect(answer.Header.Get("Allow")).To(Equal(http.MethodPost))
			answer, err = r.Send(to+"/other", stack.Event("evt_refused"), secret)
			g.Expect(err).NotTo(HaveOccurred())
			expectProblem(t, answer, http.StatusNotFound, secret)
		})
	}
	// The receiver still takes what is right, just inside the tolerance.
	event := stack.Event("evt_right")
	answer, err := r.Post(r.URL(), bytes.NewReader(event), stripe.Sign(secret, time.Now().Add(-280*time.Second), event))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answer.Status).To(Equal(http.StatusOK), answer.Body)
	g.Expect(sink.Taken()).To(Equal(s.Once("evt_right")))
	r.AwaitTotals(v1alpha1.EventTotals{Received: 1, Processed: 1, Rejected: rejected})
	g.Expect(refusals(t, r)).To(Equal(reasons))
}

// refusals sums up the replicas' counts by reason.
func refusals(t *testing.T, r *stack.Receiver) map[string]int {
	t.Helper()
	g := NewWithT(t)
	sums := map[string]int{}
	for _, p := range r.Replicas() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.MetricsURL(p), http.NoBody)
		g.Expect(err).NotTo(HaveOccurred())
		answer, err := r.Do(req)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(answer.Status).To(Equal(http.StatusOK))
		for line := range strings.Lines(answer.Body) {
			rest, found := strings.CutPrefix(line, `kassa_receiver_refused_total{reason="`)
			if !found {
				continue
			}
			reason, value, _ := strings.Cut(strings.TrimSpace(rest), `"} `)
			n, err := strconv.Atoi(value)
			g.Expect(err).NotTo(HaveOccurred())
			sums[reason] += n
		}
	}
	return sums
}
