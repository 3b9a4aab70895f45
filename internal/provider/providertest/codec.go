package providertest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
)

// CodecFixture describes a provider's webhook requests to the suite of codecs.
type CodecFixture struct {
	Codec provider.WebhookCodec
	// Header is the name of the header that carries the signature.
	Header string
	// Sign makes the headers of a delivery. With several secrets the one header carries several signatures (Many).
	Sign func(body []byte, at time.Time, secrets ...string) http.Header
	// Timed: the time of the delivery is signed with the body.
	Timed bool
	// Many: one header may carry several signatures, while a secret is replaced.
	Many bool
	// Event is the body of an event that has this id and the provider's own name.
	Event func(id, native string) []byte
	// Examples are bodies as the provider sends them, written by hand. For each normalised name, every event of the
	// provider's that can get it has an example that gets it.
	Examples []Example
}

// Example is an event's body.
type Example struct {
	Why  string
	Body []byte
}

const (
	secretA = "secret-a-0123456789abcdef"
	secretB = "secret-b-0123456789abcdef"
	skew    = 5 * time.Minute
)

var signedAt = time.Unix(1712000000, 0)

// RunCodec runs every test of a codec. Adapters call FuzzVerify and FuzzParse from fuzz targets of their own.
func RunCodec(t *testing.T, f CodecFixture) {
	t.Run("Verify", f.verify)
	t.Run("VerifyTampered", f.verifyTampered)
	t.Run("VerifyHeader", f.verifyHeader)
	t.Run("VerifyTime", f.verifyTime)
	t.Run("Parse", f.parse)
	t.Run("Concurrent", f.concurrent)
	t.Run("ParseGarbage", f.parseGarbage)
	t.Run("ParseMutated", f.parseMutated)
	t.Run("ParseNames", f.parseNames)
	t.Run("Identity", f.identity)
	t.Run("NativeEvents", f.nativeEvents)
	t.Run("Taxonomy", f.taxonomy)
}

// body is a short event.
func (f CodecFixture) body() []byte { return f.Event("evt_1", f.natives()[0]) }

func (f CodecFixture) natives() []string {
	names, _ := f.Codec.NativeEvents(nil)
	return names
}

func (f CodecFixture) check(h http.Header, body []byte, secrets ...string) error {
	return f.Codec.Verify(h, body, secrets, signedAt, skew)
}

func (f CodecFixture) verify(t *testing.T) {
	body := f.body()
	by := func(secrets ...string) http.Header { return f.Sign(body, signedAt, secrets...) }
	cases := []struct {
		why     string
		header  http.Header
		secrets []string
		want    error
		many    bool
	}{
		{why: "the secret", header: by(secretA), secrets: []string{secretA}},
		{why: "the new secret, and the old one is still known", header: by(secretB), secrets: []string{secretB, secretA}},
		{why: "the old secret, and the new one is known already", header: by(secretA), secrets: []string{secretB, secretA}},
		{why: "the last of several", header: by(secretB), secrets: []string{"x", "y", secretA, "", secretB}},
		{why: "signed with both, the old one is known", header: by(secretB, secretA), secrets: []string{secretA}, many: true},
		{why: "signed with both, the new one is known", header: by(secretB, secretA), secrets: []string{secretB}, many: true},
		{why: "another secret", header: by(secretA), secrets: []string{secretB}, want: provider.ErrSignatureMismatch},
		{why: "other secrets", header: by("c", "d"), secrets: []string{secretA, secretB},
			want: provider.ErrSignatureMismatch, many: true},
		{why: "the beginning of the secret", header: by(secretA), secrets: []string{secretA[:10]},
			want: provider.ErrSignatureMismatch},
		{why: "the secret in other letters", header: by(secretA), secrets: []string{strings.ToUpper(secretA)},
			want: provider.ErrSignatureMismatch},
		{why: "no secrets", header: by(secretA), want: provider.ErrSignatureMismatch},
		{why: "anybody can sign with nothing", header: by(""), secrets: []string{""}, want: provider.ErrSignatureMismatch},
		{why: "nothing among the secrets", header: by(""), secrets: []string{secretA, "", secretB},
			want: provider.ErrSignatureMismatch},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			if c.many && !f.Many {
				t.Skip("one header carries one signature")
			}
			g, before := NewWithT(t), string(body)
			err := f.check(c.header, body, c.secrets...)
			g.Expect(string(body)).To(Equal(before), "the body is not changed")
			if c.want == nil {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(c.want))
			silent(g, err, append(c.secrets, c.header.Get(f.Header), before)...)
		})
	}
	g := NewWithT(t)
	for why, body := range map[string][]byte{"nothing": {}, "a large body": make([]byte, 1<<20)} {
		g.Expect(f.check(f.Sign(body, signedAt, secretA), body, secretA)).To(Succeed(), why)
	}
}

// silent says that an error, which may be logged, has none of the texts.
func silent(g Gomega, err error, texts ...string) {
	for _, text := range texts {
		if len(text) > 3 {
			g.Expect(err.Error()).NotTo(ContainSubstring(text))
		}
	}
}

// verifyTampered changes one byte at a time.
func (f CodecFixture) verifyTampered(t *testing.T) {
	g, body := NewWithT(t), f.body()
	h := f.Sign(body, signedAt, secretA)
	for i := range body {
		other := []byte(string(body))
		other[i] ^= 1
		g.Expect(f.check(h, other, secretA)).To(MatchError(provider.ErrSignatureMismatch), "byte %d of the body", i)
		g.Expect(f.check(h, body[:i], secretA)).To(MatchError(provider.ErrSignatureMismatch), "%d bytes of the body", i)
	}
	for _, more := range []string{" ", "\n", "\x00", "{}"} {
		g.Expect(f.check(h, []byte(string(body)+more), secretA)).To(MatchError(provider.ErrSignatureMismatch), "%q", more)
	}
	value := h.Get(f.Header)
	refused := Or(MatchError(provider.ErrSignatureMismatch), MatchError(provider.ErrSignatureMalformed),
		MatchError(provider.ErrSignatureMissing))
	with := func(value string) http.Header { return http.Header{http.CanonicalHeaderKey(f.Header): {value}} }
	g.Expect(f.check(with(value), body, secretA)).To(Succeed())
	for i := range len(value) {
		other := []byte(value)
		other[i] ^= 1
		g.Expect(f.check(with(string(other)), body, secretA)).To(refused, "%q", other)
		g.Expect(f.check(with(value[:i]), body, secretA)).To(refused, "%q", value[:i])
	}
}

func (f CodecFixture) verifyHeader(t *testing.T) {
	body := f.body()
	value := f.Sign(body, signedAt, secretA).Get(f.Header)
	cases := []struct {
		why    string
		values []string
		want   error
	}{
		{"no header", nil, provider.ErrSignatureMissing},
		{"an empty header", []string{""}, provider.ErrSignatureMissing},
		{"twice", []string{value, value}, provider.ErrSignatureMalformed},
		{"twice, the first is empty", []string{"", value}, provider.ErrSignatureMalformed},
		{"a huge header", []string{value + strings.Repeat(",x=1", 1<<18)}, provider.ErrSignatureMalformed},
		{"a longer signature", []string{value + "00"}, provider.ErrSignatureMalformed},
		{"a word", []string{"signature"}, provider.ErrSignatureMalformed},
		{"signs", []string{"=,=;=:,;"}, provider.ErrSignatureMalformed},
		{"no hex digits", []string{strings.Repeat("z", 64)}, provider.ErrSignatureMalformed},
		{"no ASCII", []string{"\xff\x00é"}, provider.ErrSignatureMalformed},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			h := http.Header{"Content-Type": {"application/json"}}
			if c.values != nil {
				h[http.CanonicalHeaderKey(f.Header)] = c.values
			}
			err := f.check(h, body, secretA)
			g := NewWithT(t)
			g.Expect(err).To(MatchError(c.want))
			silent(g, err, secretA, value)
			g.Expect(len(err.Error())).To(BeNumerically("<", 500), "the sender does not fill the log")
		})
	}
	t.Run("a thousand signatures", func(t *testing.T) {
		if !f.Many {
			t.Skip("one header carries one signature")
		}
		secrets := slices.Repeat([]string{secretB}, 1000)
		err := f.check(f.Sign(body, signedAt, append(secrets, secretA)...), body, secretA)
		NewWithT(t).Expect(err).To(MatchError(provider.ErrSignatureMalformed), "every one of them would be compared")
	})
}

func (f CodecFixture) verifyTime(t *testing.T) {
	g, body := NewWithT(t), f.body()
	at := func(now time.Time, secret string) error {
		return f.Codec.Verify(f.Sign(body, signedAt, secretA), body, []string{secret}, now, skew)
	}
	for _, off := range []time.Duration{0, -skew, skew} {
		g.Expect(at(signedAt.Add(off), secretA)).To(Succeed(), "%s is within the tolerance", off)
	}
	beyond := BeNil()
	if f.Timed {
		beyond = MatchError(provider.ErrSignatureTime)
	}
	for _, off := range []time.Duration{-skew - time.Second, skew + time.Second, -1e6 * time.Hour, 1e6 * time.Hour} {
		g.Expect(at(signedAt.Add(off), secretA)).To(beyond, "%s", off)
		g.Expect(at(signedAt.Add(off), secretB)).To(MatchError(provider.ErrSignatureMismatch),
			"only a right signature tells a time")
	}
	if !f.Timed {
		return
	}
	for _, unix := range []int64{-1, 0, 1 << 40, 1 << 62} {
		err := f.check(f.Sign(body, time.Unix(unix, 0), secretA), body, secretA)
		g.Expect(err).To(Or(MatchError(provider.ErrSignatureTime), MatchError(provider.ErrSignatureMalformed)), "%d", unix)
	}
	later := f.Sign(body, signedAt.Add(time.Second), secretB).Get(f.Header)
	value := strings.Replace(f.Sign(body, signedAt, secretA).Get(f.Header), "1712000000", "1712000001", 1)
	g.Expect(later).To(HavePrefix(value[:10]), "the time is in the header in Unix seconds")
	err := f.check(http.Header{http.CanonicalHeaderKey(f.Header): {value}}, body, secretA)
	g.Expect(err).To(MatchError(provider.ErrSignatureMismatch), "another time than was signed")
}
