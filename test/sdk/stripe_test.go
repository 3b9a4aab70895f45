package sdk_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	sandbox "github.com/kassa-dev/kassa/internal/sandbox/stripe"
)

const tolerance = 5 * time.Minute

var sentAt = time.Unix(1712000000, 0)

// event is what a library makes of a webhook that it admits.
type event struct{ ID, Type string }

// stripeBodies are events that a careless reader would change before the signature is checked.
var stripeBodies = map[string]string{
	"plain":           `{"id":"evt_1","object":"event","type":"invoice.paid","data":{"object":{"id":"in_1"}}}`,
	"white space":     "{\n  \"id\": \"evt_1\",\r\n\t\"type\": \"invoice.paid\"\n}\n",
	"not ASCII":       `{"id":"evt_1","type":"invoice.paid","data":{"object":{"name":"Zoë 測試 🍋\u2028"}}}`,
	"escapes":         `{"id":"evt_1","type":"invoice.paid","data":{"object":{"url":"https:\/\/a\u0026b"}}}`,
	"a name twice":    `{"id":"evt_0","id":"evt_1","type":"invoice.paid"}`,
	"as large as few": `{"id":"evt_1","type":"invoice.paid","pad":"` + strings.Repeat("0123456789", 40000) + `"}`,
}

func verifyStripe(header, body string, now time.Time, secrets ...string) error {
	return stripe.Codec{}.Verify(http.Header{stripe.SignatureHeader: {header}}, []byte(body), secrets, now, tolerance)
}

func readStripe(p *peer, header, body, secret string, now time.Time) (event, error) {
	var e event
	err := p.ask(map[string]any{
		"ask": "read", "body": body, "header": header, "secret": secret, "now": now.Unix(),
		"tolerance": int(tolerance.Seconds()),
	}, &e)
	return e, err
}

// Whatever Stripe's library signs, Kassa admits, and Stripe's library admits what the sandbox signs. Neither admits
// anything that was changed, or that is old.
func TestStripe(t *testing.T) {
	p := start(t, "stripe")
	const secret, other = "whsec_0123456789abcdef", "whsec_another"
	signers := map[string]func(body, secret string) string{
		"Stripe's library": func(body, secret string) string {
			var header string
			err := p.ask(map[string]any{"ask": "sign", "body": body, "secret": secret, "at": sentAt.Unix()}, &header)
			if err != nil {
				t.Fatal(err)
			}
			return header
		},
		"Kassa's sandbox": func(body, secret string) string { return sandbox.Sign(secret, sentAt, []byte(body)) },
	}
	for signer, sign := range signers {
		for reason, body := range stripeBodies {
			t.Run(signer+", "+reason, func(t *testing.T) {
				g, header := NewWithT(t), sign(body, secret)
				_, mac, _ := strings.Cut(header, "v1=")
				both := header + ",v1=" + strings.Repeat("0", 64)
				for _, c := range []struct {
					why, header, body, secret string
					now                       time.Time
					want                      error
				}{
					{"as it was sent", header, body, secret, sentAt, nil},
					{"beside another signature", both, body, secret, sentAt, nil},
					{"at the end of the tolerance", header, body, secret, sentAt.Add(tolerance), nil},
					{"too old", header, body, secret, sentAt.Add(tolerance + time.Second), provider.ErrSignatureTime},
					{"another body", header, strings.Replace(body, "evt_1", "evt_2", 1), secret, sentAt,
						provider.ErrSignatureMismatch},
					{"a longer body", header, body + " ", secret, sentAt, provider.ErrSignatureMismatch},
					{"another secret", header, body, other, sentAt, provider.ErrSignatureMismatch},
					{"a later time", strings.Replace(header, "t=1712000000", "t=1712000001", 1), body, secret, sentAt,
						provider.ErrSignatureMismatch},
					{"another signature", strings.Replace(header, mac, flipped(mac), 1), body, secret, sentAt,
						provider.ErrSignatureMismatch},
					{"a scheme for tests", strings.Replace(header, "v1=", "v0=", 1), body, secret, sentAt,
						provider.ErrSignatureMalformed},
				} {
					e, judged := readStripe(p, c.header, c.body, c.secret, c.now)
					err := verifyStripe(c.header, c.body, c.now, c.secret)
					if c.want == nil {
						g.Expect(judged).NotTo(HaveOccurred(), c.why)
						g.Expect(err).NotTo(HaveOccurred(), c.why)
						g.Expect(e).To(Equal(event{"evt_1", "invoice.paid"}), c.why)
						continue
					}
					g.Expect(judged).To(MatchError(HavePrefix("StripeSignatureVerificationError")), c.why)
					g.Expect(err).To(MatchError(c.want), c.why)
				}
				g.Expect(verifyStripe(header, body, sentAt, other, secret)).To(Succeed(), "with the secret before the rotation")
			})
		}
	}
}

// While a secret is rolled Stripe signs with both, in one header.
func TestStripeRotation(t *testing.T) {
	g, p := NewWithT(t), start(t, "stripe")
	body := stripeBodies["plain"]
	header := sandbox.Sign("whsec_first", sentAt, []byte(body))
	_, second, _ := strings.Cut(sandbox.Sign("whsec_second", sentAt, []byte(body)), ",")
	header += "," + second
	for _, secret := range []string{"whsec_first", "whsec_second"} {
		_, judged := readStripe(p, header, body, secret, sentAt)
		g.Expect(judged).NotTo(HaveOccurred())
		g.Expect(verifyStripe(header, body, sentAt, secret)).To(Succeed())
	}
	_, judged := readStripe(p, header, body, "whsec_third", sentAt)
	g.Expect(judged).To(HaveOccurred())
	g.Expect(verifyStripe(header, body, sentAt, "whsec_third")).To(MatchError(provider.ErrSignatureMismatch))
}

// flipped is a signature with another last digit.
func flipped(mac string) string {
	last := "0"
	if strings.HasSuffix(mac, "0") {
		last = "1"
	}
	return mac[:len(mac)-1] + last
}
