package provider_test

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
)

func TestAnonymous(t *testing.T) {
	g := NewWithT(t)
	cause := errors.New("refused")
	for text, want := range map[string]string{
		"No such user: 7":                      "No such user: [redacted]",
		"7, 7 and 77 of 7":                     "[redacted], [redacted] and 77 of [redacted]",
		"client_reference_id=7&price=17":       "client_reference_id=[redacted]&price=17",
		"metadata[note]=to+J%C3%BCrgen&x=1":    "metadata[note]=[redacted]&x=1",
		`{"note":"to Jürgen"}`:                 `{"note":"[redacted]"}`,
		"?query=user_id%27%3a%277%27&limit=17": "?query=user_id%27%3a%27[redacted]%27&limit=17",
		`"a=1\u0026id=1\u00277\u0027"`:         `"a=1\u0026id=1\u0027[redacted]\u0027"`,
		"nothing of the buyer":                 "nothing of the buyer",
	} {
		err := provider.Anonymous(&provider.Error{Message: text, Code: text, Param: text, Err: cause}, "7", "to Jürgen", "")
		var e *provider.Error
		g.Expect(errors.As(err, &e)).To(BeTrue())
		g.Expect([]string{e.Message, e.Code, e.Param}).To(HaveEach(want))
		g.Expect(err).To(MatchError(cause))
	}
	g.Expect(provider.Anonymous(cause, "7")).To(BeIdenticalTo(cause))
	g.Expect(provider.Anonymous(nil, "7")).To(Succeed())
}
