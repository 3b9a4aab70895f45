package checkoutserver

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
)

// Whose address is known buys for nobody else.
func TestTheVerifiedEmailCounts(t *testing.T) {
	s := newShop(t, onlyStripe)
	buy := func(who, email string) reply {
		return s.as(who, http.MethodPost, "/v1/checkouts", `{"plan":"pro","price":"monthly","email":"`+email+`"}`)
	}
	r := buy("u1,ada@example.com", "eve@example.com")
	s.g.Expect(r.problem()).To(Equal("invalid"))
	s.g.Expect(r.body).To(ContainSubstring("verified"))
	s.g.Expect(r.body).NotTo(ContainSubstring("@example.com"))
	s.g.Expect(s.stripe.checkouts()).To(BeEmpty())
	s.g.Expect(buy("u1,ada@example.com", "ADA@Example.com").status).To(Equal(201))
	s.g.Expect(buy("u1", "eve@example.com").status).To(Equal(201), "nothing is known of this one")
	s.g.Expect(buy("u1,ada@[127.0.0.1]", "eve@example.com").problem()).To(Equal("invalid"))
	s.g.Expect(s.buy("u1,ada@[127.0.0.1]").status).To(Equal(201))
	var sent []string
	for _, in := range s.stripe.checkouts() {
		sent = append(sent, in.Email)
	}
	s.g.Expect(sent).To(Equal([]string{"ada@example.com", "eve@example.com", ""}))
}

func TestValidEmails(t *testing.T) {
	g := NewWithT(t)
	for _, good := range []string{"a@b.co", "ada.b+c@mail.example.com", "o'neil@example.com", "jörg@bücher.example"} {
		g.Expect(validEmail(good)).To(BeTrue(), good)
	}
	for _, bad := range []string{"", "a", "@", "a@", "@b.co", "a@b", "a@b.", "a@.b", "a@b..co", ".a@b.co", "a.@b.co",
		"a@b@c.co", "a b@c.co", "a,b@c.co", `"a"@b.co`, "a@[127.0.0.1]", "a@127.0.0.1", "a@b_c.co", "a@b.co\n", "(x)a@b.co"} {
		g.Expect(validEmail(bad)).To(BeFalse(), bad)
	}
}
