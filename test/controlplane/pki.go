package controlplane

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	caCert      = "ca.crt"
	servingCert = "apiserver.crt"
	servingKey  = "apiserver.key"
	tokenKey    = "service-accounts.key"

	adminName, adminGroup = "kassa-admin", "system:masters"

	certLifetime = 7 * 24 * time.Hour
	// certSkew lets certificates be valid for processes whose clock a test has set back.
	certSkew = 24 * time.Hour
)

// pki is a certificate authority that lives as long as its control plane.
type pki struct {
	dir  string
	cert *x509.Certificate
	pem  []byte
	key  crypto.Signer
}

// newPKI makes the authority and the files that the API server needs.
func newPKI(dir string) (*pki, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	p := &pki{dir: dir, key: key}
	template := certificate(pkix.Name{CommonName: "kassa-test-ca"})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	if p.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	p.pem = pemBlock("CERTIFICATE", der)

	server := certificate(pkix.Name{CommonName: "kube-apiserver"})
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.DNSNames = []string{"localhost", "kubernetes.default.svc"}
	server.IPAddresses = []net.IP{net.ParseIP(loopback)}
	crt, serverKey, err := p.issue(server)
	if err != nil {
		return nil, err
	}
	signing, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	signingPEM, err := keyPEM(signing)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{caCert: p.pem, servingCert: crt, servingKey: serverKey, tokenKey: signingPEM}
	for name, content := range files {
		if err := os.WriteFile(p.path(name), content, 0o600); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *pki) path(name string) string { return filepath.Join(p.dir, name) }

// issue signs a certificate for a new key and returns both in PEM.
func (p *pki) issue(template *x509.Certificate) (crt, key []byte, err error) {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, p.cert, signer.Public(), p.key)
	if err != nil {
		return nil, nil, err
	}
	key, err = keyPEM(signer)
	return pemBlock("CERTIFICATE", der), key, err
}

func certificate(subject pkix.Name) *x509.Certificate {
	serial := make([]byte, 16)
	_, _ = rand.Read(serial)
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      subject,
		NotBefore:    now.Add(-certSkew),
		NotAfter:     now.Add(certLifetime),
	}
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return pemBlock("EC PRIVATE KEY", der), err
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// User issues a client certificate for a user of the given groups. Without a RoleBinding the user may do what every
// authenticated user may, which is next to nothing.
func (cp *ControlPlane) User(name string, groups ...string) (*rest.Config, error) {
	template := certificate(pkix.Name{CommonName: name, Organization: groups})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	crt, key, err := cp.pki.issue(template)
	if err != nil {
		return nil, err
	}
	return &rest.Config{
		Host:            "https://" + address(cp.port),
		TLSClientConfig: rest.TLSClientConfig{CAData: cp.pki.pem, CertData: crt, KeyData: key},
		// Tests poll; the client's own throttle would only slow them down.
		QPS: -1,
	}, nil
}

func writeKubeconfig(path string, c *rest.Config) error {
	const name = "kassa"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: c.Host, CertificateAuthorityData: c.CAData}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{
		ClientCertificateData: c.CertData, ClientKeyData: c.KeyData,
	}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: "default"}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, path)
}
