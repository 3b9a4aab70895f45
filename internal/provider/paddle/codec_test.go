package paddle

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider/providertest"
)

func signed(t int64, body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d:%s", t, body)
	return hex.EncodeToString(mac.Sum(nil))
}

func codecFixture() providertest.CodecFixture {
	f := providertest.CodecFixture{
		Codec: Codec{}, Header: SignatureHeader, Timed: true, Many: true,
		Sign: func(body []byte, at time.Time, secrets ...string) http.Header {
			parts := []string{fmt.Sprintf("ts=%d", at.Unix())}
			for _, s := range secrets {
				parts = append(parts, "h1="+signed(at.Unix(), string(body), s))
			}
			return http.Header{SignatureHeader: {strings.Join(parts, ";")}}
		},
		Event: func(id, native string) []byte {
			return fmt.Appendf(nil, `{"event_id":%s,"event_type":%s,"occurred_at":%q,"data":{"id":"x_1"}}`,
				quoted(id), quoted(native), occurred)
		},
	}
	for _, x := range examples {
		f.Examples = append(f.Examples, providertest.Example{Why: x.why, Body: x.body()})
	}
	return f
}

func TestCodec(t *testing.T) { providertest.RunCodec(t, codecFixture()) }

// readableBySDK is what the SDK's verifier takes at all.
var readableBySDK = regexp.MustCompile(`^ts=\d+;h1=[a-f0-9]{64}$`)

// sdkVerifies asks the SDK's verifier, which takes one signature and nothing else beside it.
func sdkVerifies(secret, header string, body []byte) error {
	if !readableBySDK.MatchString(header) {
		return nil
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set(SignatureHeader, header)
	ok, err := paddle.NewWebhookVerifier(secret).Verify(r)
	if err == nil && !ok {
		err = errors.New("no match")
	}
	return err
}

func FuzzVerify(f *testing.F) { providertest.FuzzVerify(f, codecFixture(), sdkVerifies) }

func FuzzParse(f *testing.F) { providertest.FuzzParse(f, codecFixture(), nil) }

// Every event has the name that the table says.
func TestExamples(t *testing.T) {
	named := map[string]bool{}
	for _, x := range examples {
		t.Run(x.why, func(t *testing.T) {
			g := NewWithT(t)
			e, err := Codec{}.Parse(x.body())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(e.Type).To(Equal(x.want))
			g.Expect(e.ID).To(Equal("evt_1"))
			g.Expect(e.NativeType).To(Equal(x.native))
			g.Expect(e.Mode).To(BeEmpty(), "nothing in an event tells it")
			g.Expect(e.Time.Format(time.RFC3339Nano)).To(Equal(occurred))
		})
		named[x.native] = true
	}
	for native := range taxonomy {
		if !named[native] {
			t.Errorf("there is no example of %s", native)
		}
	}
}

// hexOf signs a text as it is.
func hexOf(text string) string {
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}
