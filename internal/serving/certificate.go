// Package serving has what the deployed servers share at their edges: the watch of single objects by name, the
// certificate that is renewed while they run, and how a request came.
package serving

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// ParseCertificate reads a Secret of type kubernetes.io/tls: chain and key in PEM, which must belong together. The
// error quotes nothing of the key.
func ParseCertificate(data map[string][]byte) (*tls.Certificate, error) {
	for _, key := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		if len(data[key]) == 0 {
			return nil, errors.New("it has no " + key)
		}
	}
	pair, err := tls.X509KeyPair(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil, fmt.Errorf("%s and %s are no certificate with its key: %w", corev1.TLSCertKey,
			corev1.TLSPrivateKeyKey, err)
	}
	return &pair, nil
}

// Certificate is the one that a server shows now. Its zero value has none; it is safe for concurrent use.
type Certificate struct {
	live atomic.Pointer[tls.Certificate]
}

// Set takes a Secret's data. Data without a certificate leave the one before, which is better than none: a handshake
// that fails for want of a renewed certificate would fail at once what an old one fails at its end.
func (c *Certificate) Set(data map[string][]byte) error {
	pair, err := ParseCertificate(data)
	if err != nil {
		return err
	}
	c.live.Store(pair)
	return nil
}

// Expires is the end of the certificate's validity; false while there is none.
func (c *Certificate) Expires() (time.Time, bool) {
	pair := c.live.Load()
	if pair == nil || pair.Leaf == nil {
		return time.Time{}, false
	}
	return pair.Leaf.NotAfter, true
}

var errNoCertificate = errors.New("no certificate yet")

// Config is that of a listener which shows the certificate as it is at each handshake: TLS 1.2 or newer, HTTP/2 or 1.1.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if pair := c.live.Load(); pair != nil {
				return pair, nil
			}
			return nil, errNoCertificate
		},
	}
}
