package receiver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/authority"
	"github.com/kassa-dev/kassa/test/stack"
)

// A receiver with spec.tls waits for its certificate and says so, speaks TLS to its Service, shows a renewed
// certificate without a restart, and goes on with the last good one when the Secret is spoilt.
func TestServerSpeaksTLS(t *testing.T) {
	s := stack.New(t, stack.Options{Node: true})
	g := NewWithT(t)
	s.Operator()
	s.CreateProvider()
	sink := stack.NewSink(t)
	host := "hooks-receiver." + s.Namespace + ".svc"
	url := "https://" + host + "/stripe"
	r := s.CreateReceiver("hooks", sink, func(w *v1alpha1.WebhookReceiver) {
		w.Spec.URL, w.Spec.TLS = url, &v1alpha1.ServerTLS{SecretName: "certificate"}
	})
	hooks := r.Object()
	s.AwaitState(hooks, "Failed False CertificateMissing")
	g.Expect(stack.Message(hooks)).To(Equal(`spec.tls: Secret "certificate" does not exist`))

	a := authority.New(t)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "certificate"}, Type: corev1.SecretTypeTLS, Data: a.Issue(host, 101),
	}
	s.Create(secret)
	r.AwaitReady(2)
	r.Through = a.Trusting(r.Through, host)
	send := func(to, id string) (stack.Answer, error) { return r.Send(to, stack.Event(id), r.SigningSecret()) }
	answer, err := send(url, "evt_1")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answer.Status).To(Equal(http.StatusOK), answer.Body)

	before := r.Replicas()
	deployment := &appsv1.Deployment{}
	g.Expect(s.Client.Get(t.Context(), s.Key(r.Workload()), deployment)).To(Succeed())
	// shown is the serial number, at one replica.
	shown := func(ip string) (int64, error) { return a.Shown(fmt.Sprintf("%s:%d", ip, workload.PortHTTPS), host) }
	put := func(data map[string][]byte) {
		s.Change(secret, func() { secret.Data = data })
	}
	everywhere := func(serial int64) {
		t.Helper()
		for _, p := range before {
			g.Eventually(shown, 5*time.Second, often).WithArguments(p.IP).Should(Equal(serial))
		}
	}
	everywhere(101)
	put(a.Issue(host, 102))
	everywhere(102)

	good := a.Issue(host, 103)
	put(map[string][]byte{corev1.TLSCertKey: good[corev1.TLSCertKey], corev1.TLSPrivateKeyKey: []byte("spoilt")})
	g.Eventually(func() string { return conditionOf(s, v1alpha1.ConditionWorkloadAvailable) }, stack.Patience, often).
		Should(ContainSubstring(`2 of 2 replicas are ready with the certificate before (spec.tls: Secret "certificate"`))
	everywhere(102)
	put(good)
	everywhere(103)
	s.AwaitState(hooks, "Current True Succeeded")

	// Another Secret, by its name in the spec: no restart either.
	s.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "other"}, Type: corev1.SecretTypeTLS, Data: a.Issue(host, 104),
	})
	s.Change(hooks, func() { hooks.Spec.TLS.SecretName = "other" })
	everywhere(104)
	now := r.Replicas()
	g.Expect(now).To(HaveLen(2))
	for i := range now {
		g.Expect(now[i].PID).To(Equal(before[i].PID))
	}
	after := &appsv1.Deployment{}
	g.Expect(s.Client.Get(t.Context(), s.Key(r.Workload()), after)).To(Succeed())
	g.Expect(after.Generation).To(Equal(deployment.Generation))

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	g.Expect(err).NotTo(HaveOccurred())
	modern, err := r.Through.Do(req)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(modern.Body.Close()).To(Succeed())
	g.Expect(modern.Proto).To(Equal("HTTP/2.0"))
	plain, err := send(strings.Replace(r.ReplicaURL(now[0]), "8080", "8443", 1), "evt_plain")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(plain.Status).To(Equal(http.StatusBadRequest), "net/http tells a plain client so")

	answer, err = send(url, "evt_2")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answer.Status).To(Equal(http.StatusOK))
	g.Expect(sink.Taken()).To(Equal(s.Once("evt_1", "evt_2")))
}

// Turning spec.tls on before there is a certificate costs no event, and is not told as done.
func TestTLSWaitsForItsFirstCertificate(t *testing.T) {
	s, r, _ := stack.DeployReceiver(t)
	g := NewWithT(t)
	hooks := r.Object()
	s.Change(hooks, func() { hooks.Spec.TLS = &v1alpha1.ServerTLS{SecretName: "certificate"} })
	s.AwaitState(hooks, "Failed False CertificateMissing")
	g.Expect(stack.Message(hooks)).To(Equal(
		`spec.tls: Secret "certificate" does not exist; the server goes on without TLS until there is one`))
	answer, err := r.Send(r.URL(), stack.Event("evt_1"), r.SigningSecret())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answer.Status).To(Equal(http.StatusOK), answer.Body)

	host := "hooks-receiver." + s.Namespace + ".svc"
	a := authority.New(t)
	s.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "certificate"}, Type: corev1.SecretTypeTLS, Data: a.Issue(host, 101),
	})
	s.AwaitState(hooks, "Current True Succeeded")
	r.Through = a.Trusting(r.Through, host)
	g.Eventually(func() (int, error) {
		answer, err := r.Send("https://"+host+"/stripe", stack.Event("evt_2"), r.SigningSecret())
		return answer.Status, err
	}, stack.Patience, often).Should(Equal(http.StatusOK))
}

// conditionOf is the message of one of the receiver's conditions.
func conditionOf(s *stack.Stack, kind string) string {
	for _, c := range s.Receiver("hooks").Object().Status.Conditions {
		if c.Type == kind {
			return c.Message
		}
	}
	return ""
}

// A receiver whose url is https refuses what a proxy took over plain HTTP, and follows spec.httpsPolicy live.
func TestPlainHTTPIsRefused(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	g := NewWithT(t)
	at := r.ReplicaURL(r.Replicas()[0])
	hooks := r.Object()
	number := 0
	var taken []string
	var rejected int64
	post := func(name, value string) int {
		number++
		id := fmt.Sprintf("evt_%d", number)
		answer, err := r.PostWith(at, id, name, value)
		g.Expect(err).NotTo(HaveOccurred())
		switch answer.Status {
		case http.StatusOK:
			taken = append(taken, id)
		case http.StatusForbidden:
			expectProblem(t, answer, http.StatusForbidden, r.SigningSecret())
			rejected++
		}
		return answer.Status
	}
	g.Expect(post("X-Forwarded-Proto", "http")).To(Equal(http.StatusOK), "a url that is http asks for nothing")

	policy := func(url string, p v1alpha1.HTTPSPolicy) {
		s.Change(hooks, func() { hooks.Spec.URL, hooks.Spec.HTTPSPolicy = url, p })
	}
	secure := strings.Replace(r.URL(), "http://", "https://", 1)
	policy(secure, "")
	g.Eventually(post, 5*time.Second, often).WithArguments("X-Forwarded-Proto", "http").Should(Equal(http.StatusForbidden))
	g.Expect(post("X-Forwarded-Proto", "https, http")).To(Equal(http.StatusOK), "TLS ended at the outer proxy")
	g.Expect(post("Forwarded", "for=192.0.2.1;proto=http")).To(Equal(http.StatusForbidden))
	g.Expect(post("X-Any", "thing")).To(Equal(http.StatusOK), "nobody says that it was plain")

	policy(secure, v1alpha1.HTTPSRequireProof)
	g.Eventually(post, 5*time.Second, often).WithArguments("X-Any", "thing").Should(Equal(http.StatusForbidden))
	g.Expect(post("Forwarded", `proto="https"`)).To(Equal(http.StatusOK))

	policy(secure, v1alpha1.HTTPSOff)
	g.Eventually(post, 5*time.Second, often).WithArguments("X-Forwarded-Proto", "http").Should(Equal(http.StatusOK))
	g.Expect(sink.Taken()).To(Equal(s.Once(taken...)))
	counted := func() int64 {
		if events := r.Object().Status.Events; events != nil {
			return events.Rejected
		}
		return 0
	}
	g.Eventually(counted, stack.Patience, often).Should(Equal(rejected))
}
