package checkout

import (
	"fmt"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/authority"
	"github.com/kassa-dev/kassa/test/stack"
)

// A server whose url is https takes no request that came over http, behind a proxy and when it speaks TLS itself. A
// certificate is renewed under load: no request fails, and nothing is started anew.
func TestHTTPS(t *testing.T) {
	d := deploy(t, func(s *stack.Stack, e *v1alpha1.CheckoutEndpoint) {
		e.Spec.URL, e.Spec.AllowInsecureHTTP = "https://"+s.Shop("shop").Host(), true
	}, "stripe")
	behindAProxy(d)
	host := d.Host()
	url, authority := "https://"+host+"/v1/checkouts", authority.New(t)
	certificate := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "certificate"}, Type: corev1.SecretTypeTLS, Data: authority.Issue(host, 101),
	}
	d.Create(certificate)
	d.change(func(spec *v1alpha1.CheckoutEndpointSpec) {
		spec.TLS, spec.HTTPSPolicy = &v1alpha1.ServerTLS{SecretName: "certificate"}, v1alpha1.HTTPSRequireProof
	})
	// It takes other ports and probes to speak TLS, and so other pods.
	d.g.Eventually(func() int32 {
		deployment := d.deployment()
		if deployment.Generation == d.began || deployment.Status.ObservedGeneration != deployment.Generation {
			return 0
		}
		return deployment.Status.UpdatedReplicas
	}, stack.Patience, often).Should(Equal(int32(2)))
	d.settle()
	d.Through = authority.Trusting(d.Through, host)
	d.g.Expect(d.ask(http.MethodPost, url, monthly, of("u1")...).status).To(Equal(http.StatusCreated))
	refused := d.ask(http.MethodPost, url, monthly, of("u1", "X-Forwarded-Proto", "http")...)
	d.g.Expect(refused.problem()).To(Equal("plain-http"), "TLS of the last hop proves nothing about the first")

	load := loading(t, 2, func(n int) string {
		return refusedBy(send(d.Through, http.MethodPost, url, monthly, of(fmt.Sprint("user-", n))...))
	})
	shown := func() (serials []int64) {
		for _, p := range d.pods {
			serial, err := authority.Shown(fmt.Sprintf("%s:%d", p.IP, workload.PortHTTPS), host)
			d.g.Expect(err).NotTo(HaveOccurred())
			serials = append(serials, serial)
		}
		return serials
	}
	d.g.Expect(shown()).To(Equal([]int64{101, 101}))
	for serial := int64(102); serial <= 104; serial++ {
		d.Change(certificate, func() { certificate.Data = authority.Issue(host, serial) })
		load.more(d.g, 10)
		d.g.Eventually(shown, soon, often).Should(Equal([]int64{serial, serial}))
	}
	made, failed := load.stop()
	d.g.Expect(failed).To(BeEmpty(), "of %d", made)
	d.isAsItWas()
}

// behindAProxy tells the server what an ingress would of the way in which a request came.
func behindAProxy(d *deployed) {
	from := func(header ...string) string {
		r := d.buy("u1", header...)
		if r.status == http.StatusCreated {
			return "served"
		}
		d.g.Expect(r.status).To(Equal(http.StatusForbidden), r.text)
		d.g.Expect(r.header.Get("Location")).To(BeEmpty(), "the token was readable already: nothing is gained by a redirect")
		return r.problem()
	}
	d.g.Expect(from("X-Forwarded-Proto", "http")).To(Equal("plain-http"))
	d.g.Expect(from("X-Forwarded-Proto", "http, https")).To(Equal("plain-http"))
	d.g.Expect(from("Forwarded", "for=192.0.2.1;proto=http")).To(Equal("plain-http"))
	d.g.Expect(from("X-Forwarded-Proto", "https")).To(Equal("served"))
	d.g.Expect(from()).To(Equal("served"), "nobody says that it was plain")

	policy := func(p v1alpha1.HTTPSPolicy) {
		d.change(func(spec *v1alpha1.CheckoutEndpointSpec) { spec.HTTPSPolicy = p })
	}
	everywhere := func(want string, header ...string) {
		d.t.Helper()
		for _, at := range d.atEach() {
			d.g.Eventually(func() bool {
				r := d.ask(http.MethodPost, at+"/v1/checkouts", monthly, of("u1", header...)...)
				return r.problem() == want
			}, soon, often).Should(BeTrue(), want)
		}
	}
	policy(v1alpha1.HTTPSRequireProof)
	everywhere("no-proof-of-https")
	everywhere("", "X-Forwarded-Proto", "https")
	policy(v1alpha1.HTTPSOff)
	everywhere("", "X-Forwarded-Proto", "http")
	d.isAsItWas()
}
