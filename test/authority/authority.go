// Package authority issues certificates for tests.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Authority signs certificates.
type Authority struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	// PEM is its own certificate.
	PEM []byte
}

// New makes one that is valid for an hour.
func New(t testing.TB) *Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		Subject: pkix.Name{CommonName: "Kassa's tests"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return &Authority{t: t, key: key, cert: cert, PEM: certificatePEM(der)}
}

// Issue is the data of a Secret with a new certificate of a host.
func (a *Authority) Issue(host string, serial int64) map[string][]byte {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, a.cert, key.Public(), a.key)
	must(a.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(a.t, err)
	return map[string][]byte{
		corev1.TLSCertKey:       certificatePEM(der),
		corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Config believes the authority.
func (a *Authority) Config(serverName string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool, ServerName: serverName, MinVersion: tls.VersionTLS12}
}

// Trusting is a client like that one, of the Stack's, which believes the authority and makes a new connection for each
// request.
func (a *Authority) Trusting(client *http.Client, serverName string) *http.Client {
	a.t.Helper()
	through, ok := client.Transport.(*http.Transport)
	if !ok {
		a.t.Fatalf("the client has a transport %T", client.Transport)
	}
	transport := through.Clone()
	transport.DisableKeepAlives = true
	transport.ForceAttemptHTTP2 = true
	transport.TLSClientConfig = a.Config(serverName)
	return &http.Client{Transport: transport, Timeout: client.Timeout}
}

// Shown is the serial number of the certificate that a server shows.
func (a *Authority) Shown(address, serverName string) (int64, error) {
	dialer := tls.Dialer{Config: a.Config(serverName)}
	c, err := dialer.DialContext(a.t.Context(), "tcp", address)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	conn, _ := c.(*tls.Conn)
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
}
