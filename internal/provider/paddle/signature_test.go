package paddle

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	testSecret = "pdl_ntfset_" + "01hv8x29kz0t586xy6zn1a62ny_abcdefghijklmnopqrstuvwxyz012345"
	testTime   = 1712000000
	testBody   = `{"event_id":"evt_1","event_type":"subscription.created","data":{"id":"sub_1"}}`
)

// What the header of Paddle's is like beside what the suite of codecs checks.
func TestVerifyHeader(t *testing.T) {
	mac := signed(testTime, testBody, testSecret)
	other := strings.Repeat("0", 64)
	good := "ts=1712000000;h1=" + mac
	for _, c := range []struct {
		reason, header string
		want           error
	}{
		{"Paddle's", good, nil},
		{"the second signature", "ts=1712000000;h1=" + other + ";h1=" + mac, nil},
		{"the signature first", "h1=" + mac + ";ts=1712000000", nil},
		{"other schemes are ignored", good + ";h2=x;v0=", nil},
		{"as many signatures as are read", "ts=1712000000" + strings.Repeat(";h1="+other, 15) + ";h1=" + mac, nil},
		{"one more", "ts=1712000000" + strings.Repeat(";h1="+other, 16) + ";h1=" + mac, provider.ErrSignatureMalformed},
		{"Stripe's signs", "ts=1712000000,h1=" + mac, provider.ErrSignatureMalformed},
		{"Stripe's names", "t=1712000000;v1=" + mac, provider.ErrSignatureMalformed},
		{"two times", "ts=1712000000;" + good, provider.ErrSignatureMalformed},
		{"no time", "h1=" + mac, provider.ErrSignatureMalformed},
		{"no signature", "ts=1712000000", provider.ErrSignatureMalformed},
		{"a negative time", "ts=-1712000000;h1=" + mac, provider.ErrSignatureMalformed},
		{"a time beyond all years", "ts=1712000000000;h1=" + mac, provider.ErrSignatureMalformed},
		{"a time with a leading zero is another text", "ts=01712000000;h1=" + mac, provider.ErrSignatureMismatch},
		{"a point for the colon, as Stripe signs", "ts=1712000000;h1=" + hexOf("1712000000."+testBody),
			provider.ErrSignatureMismatch},
		{"an empty part", good + ";", provider.ErrSignatureMalformed},
	} {
		g := NewWithT(t)
		h := http.Header{SignatureHeader: {c.header}}
		err := Codec{}.Verify(h, []byte(testBody), []string{testSecret}, time.Unix(testTime, 0), time.Minute)
		if c.want == nil {
			g.Expect(err).NotTo(HaveOccurred(), c.reason)
		} else {
			g.Expect(err).To(MatchError(c.want), c.reason)
		}
	}
}

// The SDK takes what the tests sign, so they sign as Paddle does.
func TestTheSDKTakesTheSignature(t *testing.T) {
	g := NewWithT(t)
	header := fmt.Sprintf("ts=%d;h1=%s", testTime, signed(testTime, testBody, testSecret))
	g.Expect(readableBySDK.MatchString(header)).To(BeTrue())
	g.Expect(sdkVerifies(testSecret, header, []byte(testBody))).To(Succeed())
	g.Expect(sdkVerifies(testSecret, header, []byte(testBody+" "))).NotTo(Succeed())
}

func TestVerifyAllocations(t *testing.T) {
	h := http.Header{SignatureHeader: {"ts=1712000000;h1=" + signed(testTime, testBody, testSecret)}}
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
