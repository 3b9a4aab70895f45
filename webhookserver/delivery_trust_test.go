package webhookserver

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// live is how soon a change of a Secret has to count.
const live = 5 * time.Second

func (f *fixture) putSecret(name string, data map[string]string) *corev1.Secret {
	f.t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}, StringData: data}
	f.g.Expect(f.client.Create(f.t.Context(), s)).To(Succeed())
	return s
}

// of is an event of a subscription of its own.
func of(id string) string {
	return strings.ReplaceAll(eventBody(id, "invoice.paid"), "sub_1", "sub_"+id)
}

// Nothing is sent without its credentials. What waits for want of a Secret says so, and goes out the moment it is
// there.
func TestMissingSecretHoldsEventsBackUntilItIsThere(t *testing.T) {
	sink := newApp(t, nil)
	to := sink.sink("app")
	to.HTTP.TokenSecretRef, to.HTTP.SigningSecretRef = ref("app-token", "token"), ref("app-key", "key")
	f := newFixture(t, []v1alpha1.Sink{to}, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Delivery.Retry.MinBackoff = &metav1.Duration{Duration: time.Hour}
		r.Spec.Delivery.Retry.MaxBackoff = &metav1.Duration{Duration: time.Hour}
	})
	r := f.start()
	f.g.Expect(r.send(of("evt_1")).StatusCode).To(Equal(200))
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Deferred))
	says := func(text string) {
		t.Helper()
		f.g.Eventually(f.inbox, live, often).Should(ConsistOf(HaveField("Status.Sinks", ConsistOf(And(
			HaveField("LastError", text), HaveField("Attempts", BeZero()))))))
	}
	says("not sent: the Secret app-token does not exist")
	f.putSecret("app-token", map[string]string{"token": "t-1"})
	says("not sent: the Secret app-key does not exist")
	key := f.putSecret("app-key", map[string]string{"other": "x"})
	says("not sent: the Secret app-key has no key key")
	f.g.Expect(r.metric(`kassa_receiver_sink_waiting_events{sink="app"} 1`)).To(BeTrue())
	f.g.Expect(sink.count()).To(BeZero())
	secret := "whsec_" + signingKey('k', 32)
	key.StringData = map[string]string{"key": secret}
	f.g.Expect(f.client.Update(t.Context(), key)).To(Succeed())
	f.g.Eventually(f.inbox, live, often).Should(BeEmpty())
	f.g.Expect(sink.ids()).To(Equal(repeat(1)))
	f.g.Expect(sink.head(0).Get("Authorization")).To(Equal("Bearer t-1"))
	judge, err := standardwebhooks.NewWebhook(secret)
	f.g.Expect(err).NotTo(HaveOccurred())
	f.g.Expect(judge.Verify(sink.bodies()[0], sink.head(0))).To(Succeed())
	f.g.Expect(sink.head(0).Get("Webhook-Id")).To(Equal("stripe:acct_1:evt_1"))
}

// A rotation counts within seconds, for the token and for the signature; in between both keys sign.
func TestSinksSecretsAreRotatedLive(t *testing.T) {
	sink := newApp(t, nil)
	to := sink.sink("app")
	to.HTTP.TokenSecretRef, to.HTTP.SigningSecretRef = ref("app", "token"), ref("app", "key")
	to.HTTP.Format = v1alpha1.FormatBinary
	f := newFixture(t, []v1alpha1.Sink{to})
	old, next := signingKey('o', 24), "whsec_"+signingKey('n', 32)
	secret := f.putSecret("app", map[string]string{"token": "t-1", "key": old})
	r := f.start()
	verified := func(key string, n int) bool {
		w, err := standardwebhooks.NewWebhook(key)
		f.g.Expect(err).NotTo(HaveOccurred())
		return w.Verify(sink.bodies()[n], sink.head(n)) == nil
	}
	sent := 0
	step := func(token, keys string, byOld, byNext bool) {
		t.Helper()
		secret.StringData = map[string]string{"token": token, "key": keys}
		f.g.Expect(f.client.Update(t.Context(), secret)).To(Succeed())
		f.g.Eventually(func(g Gomega) {
			sent++
			g.Expect(r.send(of("evt_" + time.Now().Format("150405.000000000"))).StatusCode).To(Equal(200))
			g.Expect(sink.count()).To(Equal(sent))
			g.Expect(sink.head(sent - 1).Get("Authorization")).To(Equal("Bearer " + token))
			g.Expect(verified(old, sent-1)).To(Equal(byOld))
			g.Expect(verified(next, sent-1)).To(Equal(byNext))
		}, live, often).Should(Succeed())
	}
	step("t-1", old, true, false)
	step("t-2", next+" "+old, true, true)
	step("t-3", next, false, true)
	f.g.Expect(f.inbox()).To(BeEmpty())
}

// A sink that gets credentials while events come: none is refused, and none waits.
func TestCredentialsAreAddedUnderLoad(t *testing.T) {
	sink := newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	f.putSecret("app", map[string]string{"token": "t-1"})
	r := f.start()
	receiver := f.read()
	receiver.Spec.Delivery.Sinks[0].HTTP.TokenSecretRef = ref("app", "token")
	f.g.Expect(f.client.Update(t.Context(), receiver)).To(Succeed())
	sent := 0
	f.g.Eventually(func() string {
		sent++
		f.g.Expect(r.send(of("evt_" + strconv.Itoa(sent))).StatusCode).To(Equal(200))
		f.g.Expect(sink.count()).To(Equal(sent))
		return sink.head(sent - 1).Get("Authorization")
	}, live, time.Millisecond).Should(Equal("Bearer t-1"))
	f.g.Expect(f.inbox()).To(BeEmpty())
}

func TestSinkWithItsOwnCA(t *testing.T) {
	got := make(chan string, 10)
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("User-Agent")
	}))
	defer server.Close()
	right := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	to := v1alpha1.Sink{Name: "app", HTTP: v1alpha1.HTTPSink{URI: server.URL, CABundle: []byte("no PEM")}}
	f := newFixture(t, []v1alpha1.Sink{to})
	r := f.start()
	f.g.Expect(r.send(of("evt_1")).StatusCode).To(Equal(200))
	says := func(text string) {
		t.Helper()
		f.g.Eventually(f.inbox, patience, often).Should(ConsistOf(HaveField("Status.Sinks", ConsistOf(
			HaveField("LastError", HavePrefix(text))))))
	}
	says("not sent: http.caBundle has no certificates in PEM")
	bundle := func(pem []byte) {
		f.g.Eventually(func() error { // the replica writes the status meanwhile
			receiver := f.read()
			receiver.Spec.Delivery.Sinks[0].HTTP.CABundle = pem
			return f.client.Update(t.Context(), receiver)
		}, patience, often).Should(Succeed())
	}
	bundle(nil)
	says("the sink's certificate is not trusted: x509: ")
	f.g.Expect(got).To(BeEmpty())
	bundle(right)
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(got).To(HaveLen(1))
}
