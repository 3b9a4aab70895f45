package stripe

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	testSecret = "whsec_test_secret_0123456789abcdef"
	testTime   = 1712000000
	testBody   = `{"id":"evt_test_1","object":"event","api_version":"2023-10-16","type":"invoice.paid",` +
		`"data":{"object":{"id":"in_1","object":"invoice"}}}`
	testMAC = "31aae93f20c70e776b46d2d8bc1bbedc8670f99b43b3ce222e2f9be912f5406e"
)

func signed(t int64, body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", t, body)
	return hex.EncodeToString(mac.Sum(nil))
}

func TestVerify(t *testing.T) {
	at := func(t string) string { return "t=" + t + ",v1=" + testMAC }
	other := strings.Repeat("0", 64)
	good := at("1712000000")
	many := "t=1712000000" + strings.Repeat(",v1="+other, 16)
	cases := []struct {
		reason  string
		header  []string
		secrets []string
		skew    time.Duration // of our clock
		want    error
	}{
		{"the vector of the provider's SDKs", []string{good}, []string{testSecret}, 0, nil},
		{"the second secret", []string{good}, []string{"whsec_other", testSecret}, 0, nil},
		{"the second signature", []string{"t=1712000000,v1=" + other + ",v1=" + testMAC}, []string{testSecret}, 0, nil},
		{"other schemes are ignored", []string{good + ",v0=x,v2=y"}, []string{testSecret}, 0, nil},
		{"spaces are not Stripe's", []string{"t=1712000000, v1=" + testMAC}, []string{testSecret}, 0,
			provider.ErrSignatureMalformed},
		{"just old enough", []string{good}, []string{testSecret}, 300 * time.Second, nil},
		{"just early enough", []string{good}, []string{testSecret}, -300 * time.Second, nil},
		{"replayed", []string{good}, []string{testSecret}, 301 * time.Second, provider.ErrSignatureTime},
		{"from the future", []string{good}, []string{testSecret}, -301 * time.Second, provider.ErrSignatureTime},
		{"another secret, and old", []string{good}, []string{"whsec_x"}, time.Hour, provider.ErrSignatureMismatch},
		{"another time than was signed", []string{at("1712000001")}, []string{testSecret}, 0, provider.ErrSignatureMismatch},
		{"no secrets", []string{good}, nil, 0, provider.ErrSignatureMismatch},
		{"an empty secret admits nobody", []string{fmt.Sprintf("t=%d,v1=%s", testTime, signed(testTime, testBody, ""))},
			[]string{""}, 0, provider.ErrSignatureMismatch},
		{"no header", nil, []string{testSecret}, 0, provider.ErrSignatureMissing},
		{"an empty header", []string{""}, []string{testSecret}, 0, provider.ErrSignatureMissing},
		{"two headers", []string{good, good}, []string{testSecret}, 0, provider.ErrSignatureMalformed},
		{"two times", []string{"t=1712000000," + good}, []string{testSecret}, 0, provider.ErrSignatureMalformed},
		{"no time", []string{"v1=" + testMAC}, []string{testSecret}, 0, provider.ErrSignatureMalformed},
		{"no signature", []string{"t=1712000000"}, []string{testSecret}, 0, provider.ErrSignatureMalformed},
		{"only the scheme for tests", []string{"t=1712000000,v0=" + testMAC}, []string{testSecret}, 0,
			provider.ErrSignatureMalformed},
		{"a negative time", []string{at("-1712000000")}, []string{testSecret}, 0, provider.ErrSignatureMalformed},
		{"a time beyond all years", []string{at("1712000000000")}, []string{testSecret}, 0, provider.ErrSignatureMalformed},
		{"not hex", []string{"t=1712000000,v1=" + strings.Repeat("z", 64)}, []string{testSecret}, 0,
			provider.ErrSignatureMalformed},
		{"cut short", []string{good[:len(good)-2]}, []string{testSecret}, 0, provider.ErrSignatureMalformed},
		{"not name=value", []string{good + ",x"}, []string{testSecret}, 0, provider.ErrSignatureMalformed},
		{"17 signatures", []string{many + ",v1=" + testMAC}, []string{testSecret}, 0, provider.ErrSignatureMalformed},
		{"a huge header", []string{good + strings.Repeat(",v0=x", 2000)}, []string{testSecret}, 0,
			provider.ErrSignatureMalformed},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			h := http.Header{SignatureHeader: c.header}
			err := Codec{}.Verify(h, []byte(testBody), c.secrets, time.Unix(testTime, 0).Add(c.skew), 300*time.Second)
			if c.want == nil {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(c.want))
			for _, s := range c.secrets {
				if s != "" {
					g.Expect(err.Error()).NotTo(ContainSubstring(s))
				}
			}
		})
	}
}

func TestVerifyTakesWhatTheSDKSigns(t *testing.T) {
	g := NewWithT(t)
	now := time.Now()
	p := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
		Payload: []byte(testBody), Secret: testSecret, Timestamp: now,
	})
	h := http.Header{SignatureHeader: {p.Header}}
	g.Expect(Codec{}.Verify(h, p.Payload, []string{testSecret}, now, time.Minute)).To(Succeed())
	changed := []byte(strings.Replace(testBody, "in_1", "in_2", 1))
	g.Expect(Codec{}.Verify(h, changed, []string{testSecret}, now, time.Minute)).
		To(MatchError(provider.ErrSignatureMismatch))
}

func TestVerifyAllocations(t *testing.T) {
	h := http.Header{SignatureHeader: {"t=1712000000,v1=" + testMAC}}
	body, secrets, now := []byte(testBody), []string{testSecret}, time.Unix(testTime, 0)
	n := testing.AllocsPerRun(100, func() {
		if err := (Codec{}).Verify(h, body, secrets, now, time.Minute); err != nil {
			t.Fatal(err)
		}
	})
	if n > 10 {
		t.Errorf("Verify made %v allocations", n)
	}
}
