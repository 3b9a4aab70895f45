// Package trust reads the certificates of authorities.
package trust

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
)

// What is wrong with certificates, to be said after where they come from and "has".
var (
	ErrNone    = errors.New("no certificates in PEM, or a damaged one")
	ErrForeign = errors.New("a block that is no certificate")
)

// Pool reads certificates in PEM. Nothing in it may be unreadable: a certificate that is silently left out is found out
// only when the one that it signed is shown.
func Pool(bundle []byte) (*x509.CertPool, error) {
	pool, n := x509.NewCertPool(), 0
	for rest := bundle; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if n == 0 || strings.Contains(string(rest), "-----BEGIN") {
				return nil, ErrNone
			}
			return pool, nil
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return nil, ErrForeign
		}
		pool.AddCert(certificate)
		n++
	}
}
