package account

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/stack"
)

// setKey puts another key into the account's Secret.
func setKey(s *stack.Stack, key string) {
	s.T.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "stripe-api"}}
	s.Change(secret, func() { secret.Data = map[string][]byte{"api-key": []byte(key)} })
}

// A test key in a live account asks the provider nothing, and neither does a Plan. A live key, over TLS, is taken.
func aTestKeyInLiveMode(t *testing.T) {
	s := stack.New(t, stack.Options{})
	server := httptest.NewTLSServer(s.Sandbox.Handler())
	t.Cleanup(server.Close)
	pp := s.Provider()
	pp.Spec.Mode, pp.Spec.BaseURL = v1alpha1.ModeLive, server.URL
	s.Create(stack.Secret("stripe-api", "api-key", s.APIKey()), pp, stack.Plan("pro"))
	state, pro := account(), plan("pro")
	s.AwaitState(state, "Failed False "+v1alpha1.ReasonModeMismatch)
	s.AwaitState(pro, "Failed False "+v1alpha1.ReasonProviderNotReady)
	g := NewWithT(t)
	g.Expect(stack.Message(state)).To(Equal("Stripe: check key: this is a test mode key, but mode is Live"))
	g.Expect(stack.Message(pro)).To(ContainSubstring(v1alpha1.ReasonModeMismatch))
	resync(s)
	s.Change(pro, func() { pro.Spec.DisplayName = "Changed" })
	s.AwaitState(pro, "Failed False "+v1alpha1.ReasonProviderNotReady)
	g.Expect(s.Sandbox.Requests()).To(BeEmpty())

	live := "sk_" + "live_" + strings.ReplaceAll(s.Namespace, "-", "")
	setKey(s, live)
	s.AwaitState(state, accountReady)
	s.AwaitState(pro, planReady)
	g.Expect(sold(s, live, "pro").Active).To(Equal(wanted("pro").Active))
	g.Expect(sold(s, s.APIKey(), "pro")).To(Equal(catalogue{}))
}

// What is suspended says so, for its newest generation, and is not touched.
func suspended(t *testing.T) {
	s := deploy(t, stack.Options{}, "pro")
	pro, before := plan("pro"), s.Sandbox.Counts()
	s.Change(pro, func() { pro.Spec.Suspend, pro.Spec.DisplayName = true, "Changed" })
	s.AwaitState(pro, "Failed False "+v1alpha1.ReasonSuspended)
	pp := account()
	s.Change(pp, func() { pp.Spec.Suspend = true })
	s.AwaitState(pp, "Failed False "+v1alpha1.ReasonSuspended)
	g := NewWithT(t)
	g.Expect(s.Quiet()).To(Equal(before))

	s.Change(pro, func() { pro.Spec.Suspend = false })
	s.AwaitState(pro, "Failed False "+v1alpha1.ReasonProviderNotReady)
	s.Change(pp, func() { pp.Spec.Suspend = false })
	s.AwaitState(pp, accountReady)
	s.AwaitState(pro, planReady)
	g.Expect(sold(s, s.APIKey(), "pro").Products).To(Equal([]string{"Changed"}))
}

// witness notes the key of every request.
type witness struct {
	mu   sync.Mutex
	keys []string
}

func (w *witness) front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.keys = append(w.keys, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		w.mu.Unlock()
		next.ServeHTTP(rw, r)
	})
}

func (w *witness) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.keys)
}

// A key that was rotated gets no call any more as soon as the new one got its first, whoever calls.
func aRotatedKey(t *testing.T) {
	const second = "sk_test_" + "second"
	keys, w := map[string]stripe.Key{second: {Account: "acct_rotated"}}, &witness{}
	s := stack.New(t, stack.Options{Sandbox: sandbox.Options{Keys: keys}, Front: w.front})
	keys[s.APIKey()] = stripe.Key{Account: "acct_rotated"}
	s.CreateProvider()
	s.Create(stack.Plan("pro"), stack.Plan("team"))
	s.AwaitState(plan("pro"), planReady)
	s.AwaitState(plan("team"), planReady)
	s.Quiet()
	g := NewWithT(t)
	g.Expect(w.seen()).To(HaveEach(s.APIKey()))
	before := len(w.seen())

	began := time.Now()
	setKey(s, second)
	g.Eventually(func() int { return len(w.seen()) }, stack.Patience, often).Should(BeNumerically(">", before))
	t.Logf("the new key's first call came %v after the rotation", time.Since(began))
	for _, name := range []string{"pro", "team"} {
		p := plan(name)
		s.Change(p, func() { p.Spec.Prices[0].Amount = "39.00" })
		s.AwaitState(p, planReady)
	}
	resync(s)
	s.Quiet()
	g.Expect(w.seen()[before:]).To(HaveEach(second))
	g.Expect(sold(s, second, "pro")).To(Equal(catalogue{[]string{"Plan pro"}, []string{"monthly", "yearly"}, 1}))
}

// A key that was revoked is found at the next resync, which nobody asks for, and a new key ends that.
func aRevokedKey(t *testing.T) {
	const second = "sk_test_" + "second"
	keys := map[string]stripe.Key{second: {Account: "acct_revoked"}}
	s := stack.New(t, stack.Options{Sandbox: sandbox.Options{Keys: keys}})
	keys[s.APIKey()] = stripe.Key{Account: "acct_revoked"}
	pp := s.Provider()
	pp.Spec.DriftCheckInterval = &metav1.Duration{Duration: 10 * time.Second}
	s.Create(stack.Secret("stripe-api", "api-key", s.APIKey()), pp, stack.Plan("pro"))
	state, pro := account(), plan("pro")
	s.AwaitState(state, accountReady)
	s.AwaitState(pro, planReady)
	s.Sandbox.Stripe().Revoke(s.APIKey(), true)
	s.AwaitState(state, "Failed False "+v1alpha1.ReasonCredentialsInvalid)
	g := NewWithT(t)
	g.Expect(stack.Message(state)).To(ContainSubstring("HTTP 401"))
	g.Expect(stack.Message(state)).NotTo(ContainSubstring(s.APIKey()))
	s.AwaitState(pro, "Failed False "+v1alpha1.ReasonProviderNotReady)

	setKey(s, second)
	s.AwaitState(state, accountReady)
	s.AwaitState(pro, planReady)
	g.Expect(sold(s, second, "pro")).To(Equal(wanted("pro")))
}
