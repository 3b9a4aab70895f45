package serving

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// pair is a Secret's data with a new self-signed certificate.
func pair(t *testing.T, serial int64) map[string][]byte {
	t.Helper()
	g := NewWithT(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"hooks.example.com"}, NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	g.Expect(err).NotTo(HaveOccurred())
	der, err := x509.MarshalPKCS8PrivateKey(key)
	g.Expect(err).NotTo(HaveOccurred())
	return map[string][]byte{
		"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	}
}

// What is no certificate with its key is refused, and never takes the place of one.
func TestCertificateKeepsTheLastGoodOne(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	var c Certificate
	show := func() (int64, error) {
		shown, err := c.Config().GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			return 0, err
		}
		return shown.Leaf.SerialNumber.Int64(), nil
	}
	g.Expect(c.Config().MinVersion).To(BeEquivalentTo(tls.VersionTLS12))
	_, err := show()
	g.Expect(err).To(HaveOccurred())
	_, ok := c.Expires()
	g.Expect(ok).To(BeFalse())

	first, second := pair(t, 1), pair(t, 2)
	g.Expect(c.Set(first)).To(Succeed())
	g.Expect(show()).To(BeEquivalentTo(1))
	for reason, data := range map[string]map[string][]byte{
		"gone": nil, "no key": {"tls.crt": second["tls.crt"]}, "no certificate": {"tls.key": second["tls.key"]},
		"another's key": {"tls.crt": second["tls.crt"], "tls.key": first["tls.key"]},
		"no PEM":        {"tls.crt": []byte("certificate"), "tls.key": []byte("key")},
	} {
		err := c.Set(data)
		g.Expect(err).To(HaveOccurred(), reason)
		g.Expect(err.Error()).NotTo(ContainSubstring("PRIVATE"), reason)
		g.Expect(show()).To(BeEquivalentTo(1), reason)
	}
	g.Expect(c.Set(second)).To(Succeed())
	g.Expect(show()).To(BeEquivalentTo(2))
	expires, ok := c.Expires()
	g.Expect(ok).To(BeTrue())
	g.Expect(expires).To(BeTemporally(">", time.Now()))
}
