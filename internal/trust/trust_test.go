package trust_test

import (
	"bytes"
	"encoding/pem"
	"net/http/httptest"
	"testing"

	"github.com/kassa-dev/kassa/internal/trust"
)

func TestPool(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})
	damaged := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		reason string
		bundle []byte
		right  bool
	}{
		{"one", certificate, true},
		{"two, with comments", join([]byte("# one\n"), certificate, []byte("# two\n"), certificate), true},
		{"text", []byte("no PEM"), false},
		{"a key", key, false},
		{"a key behind", join(certificate, key), false},
		{"damaged", damaged, false},
		{"cut off", join(certificate, certificate[:len(certificate)/2]), false},
	} {
		pool, err := trust.Pool(c.bundle)
		if (err == nil) != c.right || (pool != nil) != c.right {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
}
