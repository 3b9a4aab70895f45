package lemonsqueezy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
)

const testSecret = "ls_signing_secret_1234567890"

func signed(body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can be encoded
	}
	return string(text)
}

func TestVerifyVector(t *testing.T) {
	var vectors []struct{ Provider, Body, Header, Secret string }
	g := NewWithT(t)
	g.Expect(json.Unmarshal(providertest.Sample(t, "signature-vectors.json"), &vectors)).To(Succeed())
	tried := 0
	for _, v := range vectors {
		if v.Provider != "lemonsqueezy" {
			continue
		}
		tried++
		h := http.Header{SignatureHeader: {v.Header}}
		g.Expect(Codec{}.Verify(h, []byte(v.Body), []string{"another", v.Secret}, time.Now(), 0)).To(Succeed())
		g.Expect(Codec{}.Verify(h, []byte(v.Body+" "), []string{v.Secret}, time.Now(), 0)).
			To(MatchError(provider.ErrSignatureMismatch))
	}
	g.Expect(tried).To(Equal(1))
}

// A known answer of RFC 4231 (test case 2), so that the test and the codec cannot be wrong together.
func TestVerifyKnownAnswer(t *testing.T) {
	g := NewWithT(t)
	const mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
	body := []byte("what do ya want for nothing?")
	h := http.Header{SignatureHeader: {mac}}
	g.Expect(Codec{}.Verify(h, body, []string{"Jefe"}, time.Time{}, 0)).To(Succeed())
	h[SignatureHeader][0] = strings.ToUpper(mac)
	g.Expect(Codec{}.Verify(h, body, []string{"Jefe"}, time.Time{}, 0)).To(Succeed(), "hex digits in capitals")
	g.Expect(Codec{}.Verify(h, body, []string{"jefe"}, time.Time{}, 0)).To(MatchError(provider.ErrSignatureMismatch))
}

// The name in the header is not signed, so it is not believed.
func TestVerifyReadsNoOtherHeader(t *testing.T) {
	g := NewWithT(t)
	body := examples[0].body()
	h := http.Header{SignatureHeader: {signed(string(body), testSecret)}, "X-Event-Name": {"subscription_created"}}
	g.Expect(Codec{}.Verify(h, body, []string{testSecret}, time.Now(), 0)).To(Succeed())
	e, err := Codec{}.Parse(body)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.NativeType).To(Equal("order_created"))
}

func TestVerifyAllocations(t *testing.T) {
	body := examples[0].body()
	h := http.Header{SignatureHeader: {signed(string(body), testSecret)}}
	secrets := []string{testSecret}
	n := testing.AllocsPerRun(100, func() {
		if err := (Codec{}).Verify(h, body, secrets, time.Time{}, 0); err != nil {
			t.Fatal(err)
		}
	})
	if n > 10 {
		t.Errorf("Verify made %v allocations", n)
	}
}
