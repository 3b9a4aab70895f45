package signin

import (
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestBearerTokens(t *testing.T) {
	const live = "live-token-1234"
	both := [][]byte{[]byte(live + "\n"), []byte("next-token-1234"), nil}
	set := func(name string, values ...string) func(http.Header) {
		return func(h http.Header) { h[name] = values }
	}
	for _, c := range []struct {
		reason string
		tokens [][]byte
		edit   func(http.Header)
		want   User
		err    error
	}{
		{"live", both, nil, User{}, nil},
		{"the next one of a rotation", both, set("Authorization", "Bearer next-token-1234"), User{}, nil},
		{"another case of the scheme", both, set("Authorization", "bEARER "+live), User{}, nil},
		{"for a user", both, set(HeaderUserID, "42"), User{ID: "42"}, nil},
		{"for a user with a name of its own script", both, set(HeaderUserID, "użytkownik"), User{ID: "użytkownik"}, nil},
		{"for an email", both, set(HeaderUserEmail, "ada@example.com"), User{Email: "ada@example.com"}, nil},
		{"no header", both, func(h http.Header) { h.Del("Authorization") }, User{}, ErrNoCredentials},
		{"another token", both, set("Authorization", "Bearer live-token-1235"), User{}, ErrRefused},
		{"a part of it", both, set("Authorization", "Bearer live-token-123"), User{}, ErrRefused},
		{"the empty one", both, set("Authorization", "Bearer "), User{}, ErrRefused},
		{"only a scheme", both, set("Authorization", "Bearer"), User{}, ErrRefused},
		{"no scheme", both, set("Authorization", live), User{}, ErrRefused},
		{"another scheme", both, set("Authorization", "Basic "+live), User{}, ErrRefused},
		{"two headers", both, set("Authorization", "Bearer "+live, "Bearer "+live), User{}, ErrRefused},
		{"two tokens", both, set("Authorization", "Bearer "+live+" "+live), User{}, ErrRefused},
		{"a huge one", both, set("Authorization", "Bearer "+strings.Repeat("a", maxToken+1)), User{}, ErrRefused},
		{"no live token", nil, nil, User{}, ErrUnavailable},
		{"an empty live token", [][]byte{nil, []byte(" \n")}, nil, User{}, ErrUnavailable},
		{"two users", both, set(HeaderUserID, "42", "43"), User{}, ErrRefused},
		{"an empty user", both, set(HeaderUserID, ""), User{}, ErrRefused},
		{"a long user", both, set(HeaderUserID, strings.Repeat("a", maxUserID+1)), User{}, ErrRefused},
		{"a user with a tab", both, set(HeaderUserID, "4\t2"), User{}, ErrRefused},
		{"a user that is not UTF-8", both, set(HeaderUserID, "4\xff2"), User{}, ErrRefused},
		{"an email that is none", both, set(HeaderUserEmail, "ada"), User{}, ErrRefused},
		{"two emails in one", both, set(HeaderUserEmail, "ada@example.com,eve@example.com"), User{}, ErrRefused},
		{"a long email", both, set(HeaderUserEmail, strings.Repeat("a", maxEmail)+"@example.com"), User{}, ErrRefused},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			r := request(live)
			if c.edit != nil {
				c.edit(r.Header)
			}
			user, err := NewBearer(func() [][]byte { return c.tokens }).User(t.Context(), r)
			g.Expect(user).To(Equal(c.want))
			if c.err == nil {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(c.err))
			g.Expect(err.Error()).NotTo(ContainSubstring("token-123"))
		})
	}
}

func TestAnonymousIsNobody(t *testing.T) {
	g := NewWithT(t)
	r := request("whatever")
	r.Header.Set(HeaderUserID, "42")
	g.Expect(Anonymous().User(t.Context(), r)).To(BeZero())
}

func FuzzAuthorizationHeader(f *testing.F) {
	for _, seed := range []string{
		"", "Bearer", "Bearer ", "Bearer a", "bearer  a==", "Bearer a b", "Basic a", "Bearer =a", "Bearer\ta",
		"Bearer " + strings.Repeat("a", maxToken+1),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		g := NewWithT(t)
		token, err := bearerOf(http.Header{"Authorization": {value}})
		if err != nil {
			g.Expect(err).To(MatchError(ErrRefused))
			g.Expect(token).To(BeEmpty())
			return
		}
		g.Expect(token).NotTo(BeEmpty())
		g.Expect(len(token)).To(BeNumerically("<=", maxToken))
		g.Expect(strings.Trim(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=")).To(BeEmpty())
		g.Expect(strings.EqualFold(value[:7], "Bearer ")).To(BeTrue())
		g.Expect(strings.Trim(value[7:], " ")).To(Equal(token))
	})
}

func FuzzUserHeaders(f *testing.F) {
	f.Add("42", "ada@example.com")
	f.Add("", "")
	f.Add(" a", "a@b@c")
	f.Fuzz(func(t *testing.T, id, email string) {
		g := NewWithT(t)
		user, err := namedUser(http.Header{HeaderUserID: {id}, HeaderUserEmail: {email}})
		if err != nil {
			g.Expect(err).To(MatchError(ErrRefused))
			g.Expect(user).To(BeZero())
			return
		}
		g.Expect(user).To(Equal(User{ID: id, Email: email}))
		g.Expect(len(id) <= maxUserID && len(email) <= maxEmail).To(BeTrue())
		g.Expect(strings.ContainsAny(id+email, "\r\n\t\x00")).To(BeFalse())
	})
}
