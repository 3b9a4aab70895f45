package sdk_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	sandbox "github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

// paddleTolerance is that of Paddle's library, which cannot be set.
const paddleTolerance = 5 * time.Second

var paddleBodies = map[string]string{
	"plain":       paddleEvent(`"name":"Jane Doe"`),
	"white space": "{\n" + paddleEvent(`"name":"Jane Doe"`)[1:] + "\r\n",
	"not ASCII":   paddleEvent(`"name":"Zoë 測試 🍋` + "\u2028" + `"`),
	"escapes":     paddleEvent(`"name":"https:\/\/a\u0026b"`),
	"large":       paddleEvent(`"name":"` + strings.Repeat("0123456789", 40000) + `"`),
}

func paddleEvent(field string) string {
	return `{"event_id":"evt_1","event_type":"customer.updated","occurred_at":"2026-03-01T10:00:00.000000Z",` +
		`"notification_id":"ntf_1","data":{"id":"ctm_1","email":"jane@example.com","status":"active","locale":"en",` +
		`"marketing_consent":false,"created_at":"2026-03-01T10:00:00.000000Z","updated_at":"2026-03-01T10:00:00.000000Z",` +
		`"custom_data":null,"import_meta":null,` + field + `}}`
}

func verifyPaddle(header, body string, now time.Time, secrets ...string) error {
	h := http.Header{paddle.SignatureHeader: {header}}
	return paddle.Codec{}.Verify(h, []byte(body), secrets, now, paddleTolerance)
}

// Paddle's library makes no signatures. It admits what Kassa's sandbox signs, and nothing that was changed or is old;
// so does Kassa.
func TestPaddle(t *testing.T) {
	p := start(t, "paddle")
	const secret, other = "pdl_ntfset_01hv8x29kz0t586xy6zn1a62ny_abcdef", "pdl_ntfset_another"
	for reason, body := range paddleBodies {
		t.Run(reason, func(t *testing.T) {
			g, header := NewWithT(t), sandbox.Sign(secret, sentAt, []byte(body))
			_, mac, _ := strings.Cut(header, "h1=")
			for _, c := range []struct {
				why, header, body, secret string
				now                       time.Time
				want                      error
			}{
				{"as it was sent", header, body, secret, sentAt, nil},
				{"at the end of the tolerance", header, body, secret, sentAt.Add(paddleTolerance), nil},
				{"too old", header, body, secret, sentAt.Add(paddleTolerance + time.Second), provider.ErrSignatureTime},
				{"another body", header, strings.Replace(body, "evt_1", "evt_2", 1), secret, sentAt,
					provider.ErrSignatureMismatch},
				{"a longer body", header, body + " ", secret, sentAt, provider.ErrSignatureMismatch},
				{"another secret", header, body, other, sentAt, provider.ErrSignatureMismatch},
				{"a later time", strings.Replace(header, "ts=1712000000", "ts=1712000001", 1), body, secret, sentAt,
					provider.ErrSignatureMismatch},
				{"another signature", strings.Replace(header, mac, flipped(mac), 1), body, secret, sentAt,
					provider.ErrSignatureMismatch},
				{"no signature", strings.Replace(header, "h1=", "h2=", 1), body, secret, sentAt,
					provider.ErrSignatureMalformed},
			} {
				var e event
				judged := p.ask(map[string]any{
					"ask": "read", "body": c.body, "header": c.header, "secret": c.secret, "now": c.now.Unix(),
				}, &e)
				err := verifyPaddle(c.header, c.body, c.now, c.secret)
				if c.want == nil {
					g.Expect(judged).NotTo(HaveOccurred(), c.why)
					g.Expect(err).NotTo(HaveOccurred(), c.why)
					g.Expect(e).To(Equal(event{"evt_1", "customer.updated"}), c.why)
					continue
				}
				g.Expect(judged).To(MatchError(ContainSubstring("signature")), c.why)
				g.Expect(err).To(MatchError(c.want), c.why)
			}
			g.Expect(verifyPaddle(header, body, sentAt, other, secret)).To(Succeed(), "with the secret before the rotation")
		})
	}
}
