package registration

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// silent is a way to Stripe that leaves the signing secret out of the answer to the creation of an endpoint.
func silent(t *testing.T, to string, on *atomic.Bool, times *atomic.Int64) string {
	t.Helper()
	target, err := url.Parse(to)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(res *http.Response) error {
			if !on.Load() || res.Request.Method != http.MethodPost || !strings.HasSuffix(res.Request.URL.Path, endpointsPath) {
				return nil
			}
			var object map[string]any
			if err := json.NewDecoder(res.Body).Decode(&object); err != nil {
				return err
			}
			delete(object, "secret")
			body, err := json.Marshal(object)
			res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			res.Header.Set("Content-Length", strconv.Itoa(len(body)))
			times.Add(1)
			return err
		},
	}
	server := httptest.NewServer(forward)
	t.Cleanup(server.Close)
	return server.URL
}

// An endpoint that comes without its secret is taken back and made again until the secret comes.
func TestEndpointWithoutSecretIsNotKept(t *testing.T) {
	s := stack.New(t, stack.Options{Node: true})
	g := NewWithT(t)
	var on atomic.Bool
	var times atomic.Int64
	on.Store(true)
	provider := s.Provider()
	provider.Spec.BaseURL = silent(t, s.SandboxURL, &on, &times)
	s.Operator()
	s.Create(stack.Secret("stripe-api", "api-key", s.APIKey()), provider)
	hooks := s.CreateReceiver("hooks", stack.NewSink(t))

	g.Eventually(times.Load, stack.Patience, often).Should(BeNumerically(">=", 3), "it is tried again")
	g.Eventually(func(g Gomega) {
		c := meta.FindStatusCondition(hooks.Object().Status.Conditions, v1alpha1.ConditionEndpointRegistered)
		g.Expect(c).NotTo(BeNil())
		g.Expect(c.Status).To(Equal(metav1.ConditionFalse))
		g.Expect(c.Reason).To(Equal(v1alpha1.ReasonSigningSecretMissing))
		g.Expect(c.Message).To(ContainSubstring("told no signing secret"))
		g.Expect(hooks.Object().Status.EndpointID).To(BeEmpty())
	}, stack.Patience, often).Should(Succeed())
	err := s.Client.Get(t.Context(), s.Key("hooks-signing"), &corev1.Secret{})
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "a Secret without a signing secret was stored: %v", err)
	g.Eventually(func() int { return len(endpoints(s)) }, stack.Patience, often).Should(BeZero(), "it is taken back")

	on.Store(false)
	awaitOneEndpoint(t, s, hooks)
}
