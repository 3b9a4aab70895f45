package webhookserver

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

func signingKey(fill byte, n int) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, n))
}

func ref(name, key string) *v1alpha1.SecretKeyReference {
	return &v1alpha1.SecretKeyReference{Name: name, Key: key}
}

func TestCredentials(t *testing.T) {
	secrets := func(name string) secretView {
		if name != "app" {
			return secretView{err: "does not exist"}
		}
		return secretView{data: map[string][]byte{
			"token": []byte("tok-123\n"), "empty": []byte(" \n"), "two words": []byte("a b"), "control": []byte("a\x00b"),
			"key": []byte("whsec_" + signingKey('k', 32)), "bare": []byte(signingKey('k', 32)),
			"rotation": []byte(signingKey('n', 24) + "\n whsec_" + signingKey('o', 64)), "raw": []byte("not base64!"),
			"short": []byte(signingKey('k', 23)), "long": []byte(signingKey('k', 65)),
			"many": []byte(strings.Repeat(signingKey('k', 24)+" ", 5)),
		}}
	}
	for _, c := range []struct {
		reason      string
		token, keys string // key of the Secret app
		err         string
		wantKeys    int
	}{
		{"neither", "", "", "", 0},
		{"a token, and a line break by accident", "token", "", "", 0},
		{"an empty token", "empty", "", "the Secret app has no key empty", 0},
		{"no such key", "absent", "", "not sent: the Secret app has no key absent", 0},
		{"a token of two words", "two words", "", "the key two words of the Secret app is no token", 0},
		{"a token that ends the header", "control", "", "is no token", 0},
		{"a key", "", "key", "", 1},
		{"a key without whsec_", "", "bare", "", 1},
		{"both", "token", "key", "", 1},
		{"two keys in rotation", "", "rotation", "", 2},
		{"no base64", "", "raw", "the key raw of the Secret app is no signing key: it is not whsec_ and base64", 0},
		{"too short", "", "short", "it has 23 bytes and not 24 to 64", 0},
		{"too long", "", "long", "it has 65 bytes", 0},
		{"too many", "", "many", "has more than 4 signing keys", 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			var s v1alpha1.HTTPSink
			if c.token != "" {
				s.TokenSecretRef = ref("app", c.token)
			}
			if c.keys != "" {
				s.SigningSecretRef = ref("app", c.keys)
			}
			got, err := credentialsOf(s, secrets)
			if c.err != "" {
				g.Expect(err).To(MatchError(ContainSubstring(c.err)))
				g.Expect(err.Error()).NotTo(ContainSubstring("not base64!"))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.token).To(Equal(map[string]string{"": "", "token": "tok-123"}[c.token]))
			g.Expect(got.keys).To(HaveLen(c.wantKeys))
		})
	}
	_, err := credentialsOf(v1alpha1.HTTPSink{TokenSecretRef: ref("gone", "token")}, secrets)
	NewWithT(t).Expect(err).To(MatchError("not sent: the Secret gone does not exist"))
}

// The library of Standard Webhooks accepts each of the keys in rotation, and neither another key nor another body, id
// or time.
func TestSignatureIsThatOfStandardWebhooks(t *testing.T) {
	g := NewWithT(t)
	old, next := signingKey('o', 24), "whsec_"+signingKey('n', 32)
	keys, err := signingKeys(next + " " + old)
	g.Expect(err).NotTo(HaveOccurred())
	h, body := http.Header{}, []byte(`{"specversion":"1.0"}`)
	credentials{keys: keys}.set(h, "stripe:acct_1:evt_1", body, time.Now())
	verify := func(secret string, body []byte, edit ...string) error {
		w, err := standardwebhooks.NewWebhook(secret)
		g.Expect(err).NotTo(HaveOccurred())
		changed := h.Clone()
		if len(edit) == 2 {
			changed.Set(edit[0], edit[1])
		}
		return w.Verify(body, changed)
	}
	g.Expect(verify(next, body)).To(Succeed())
	g.Expect(verify(old, body)).To(Succeed())
	g.Expect(verify("whsec_"+signingKey('x', 32), body)).NotTo(Succeed())
	g.Expect(verify(next, append(body, ' '))).NotTo(Succeed())
	g.Expect(verify(next, body, "webhook-id", "stripe:acct_1:evt_2")).NotTo(Succeed())
	g.Expect(verify(next, body, "webhook-timestamp", "1700000000")).NotTo(Succeed())
	g.Expect(h.Get("Webhook-Id")).To(Equal("stripe:acct_1:evt_1"))
	g.Expect(h).NotTo(HaveKey("Authorization"))
}

// What the uri says of a user is sent as a browser would send it, unless there is a token.
func TestUserOfTheURI(t *testing.T) {
	g := NewWithT(t)
	heads := make(chan http.Header, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { heads <- r.Header }))
	defer server.Close()
	m, err := cloudEvent(testSettings(t), new(fullEvent()), received)
	g.Expect(err).NotTo(HaveOccurred())
	_, host, _ := strings.Cut(server.URL, "://")
	to := &sink{timeout: time.Second, line: aLine("http://jane:pass@" + host)}
	g.Expect(post(t.Context(), to, m).taken).To(BeTrue())
	g.Expect((<-heads).Get("Authorization")).To(Equal("Basic amFuZTpwYXNz"))
	to.credentials.token = "abc"
	g.Expect(post(t.Context(), to, m).taken).To(BeTrue())
	g.Expect((<-heads)["Authorization"]).To(Equal([]string{"Bearer abc"}))
}
