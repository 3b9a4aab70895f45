package providertest

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kassa-dev/kassa/internal/billing"
)

// FuzzVerify looks for a header that admits a body which was not signed. peer, if there is one, is another verifier
// with the secret, such as the provider's own, which has to take what the codec takes. It is called from a fuzz target
// of the adapter's.
func FuzzVerify(f *testing.F, c CodecFixture, peer func(secret, header string, body []byte) error) {
	body := c.body()
	value := c.Sign(body, signedAt, secretA).Get(c.Header)
	f.Add(value, body)
	f.Add(value+",v1=00;h1=00", body)
	f.Add("t=,v1=,,=;ts=;h1=", []byte{})
	if c.Many {
		f.Add(c.Sign(body, signedAt, secretB, secretA).Get(c.Header), body)
	}
	f.Fuzz(func(t *testing.T, value string, body []byte) {
		h := http.Header{http.CanonicalHeaderKey(c.Header): {value}}
		if c.check(h, body, "", secretA) != nil {
			return
		}
		if c.check(h, body, "", secretA+secretB) == nil {
			t.Fatal("any secret does")
		}
		if c.check(h, append(slices.Clone(body), ' '), secretA) == nil {
			t.Fatal("any body does")
		}
		if peer != nil {
			if err := peer(secretA, value, body); err != nil {
				t.Fatalf("the peer refuses %q: %v", value, err)
			}
		}
	})
}

// FuzzParse looks for a body that Parse makes something impossible of. more, if there is any, are further checks of an
// event. It is called from a fuzz target of the adapter's.
func FuzzParse(f *testing.F, c CodecFixture, more func(t *testing.T, e billing.Event)) {
	for _, x := range c.Examples {
		f.Add(x.Body)
	}
	f.Add([]byte(`{"id":"e","type":"t","created":1e30,"data":{"object":[],"previous_attributes":7}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := c.Codec.Parse(body)
		if err := sound(body, e, err); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		again, err := c.Codec.Parse(slices.Clone(body))
		if diff := cmp.Diff(e, again); err != nil || diff != "" {
			t.Fatalf("another event the second time: %v\n%s", err, diff)
		}
		if more != nil {
			more(t, e)
		}
	})
}
