package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// seller answers as a CheckoutEndpoint does, and remembers what it was asked.
type seller struct {
	asked  []string
	status int
	answer string
}

func (s *seller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.asked = append(s.asked, strings.Join([]string{
		r.Method, r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("Kassa-User-Id"), string(body),
	}, " "))
	w.WriteHeader(s.status)
	_, _ = io.WriteString(w, s.answer)
}

func TestTheShop(t *testing.T) {
	const from = "http://app.example"
	for _, c := range []struct {
		name, method, path, form, origin string
		status                           int
		answer                           string
		asked                            string
		want                             int
		says                             string // in the page, or where it leads to
	}{
		{"a button of the page of prices", "GET", "/pricing?plan=pro&price=monthly&currency=EUR", "", "",
			201, `{"url":"https://pay.example/1"}`,
			`POST /v1/checkouts Bearer secret jane {"currency":"EUR","plan":"pro","price":"monthly"}`,
			303, "https://pay.example/1"},
		{"a buyer who gives up", "GET", "/pricing", "", "", 0, "", "", 303, "https://prices.example"},
		{"what is not sold", "GET", "/pricing?plan=pro&price=never", "", "",
			422, `{"title":"Not for sale","detail":"There is no such price.","status":422}`,
			`POST /v1/checkouts Bearer secret jane {"plan":"pro","price":"never"}`,
			422, "Not for sale: There is no such price."},
		{"after the payment", "GET", "/done?session=cs_1", "", "", 0, "", "", 200, "Thank you"},
		{"the account", "GET", "/account", "", "",
			200, `{"subscriptions":[{"id":"stripe.sub_1","plan":"pro","price":"monthly","status":"Active"}]}`,
			"GET /v1/subscriptions Bearer secret jane ", 200, `value="stripe.sub_1"`},
		{"a cancel", "POST", "/account/cancel", "id=stripe.sub_1", from,
			200, `{}`, "POST /v1/subscriptions/stripe.sub_1/cancel Bearer secret jane {}", 303, "/account"},
		{"a cancel from another site", "POST", "/account/cancel", "id=stripe.sub_1", "https://evil.example",
			0, "", "", 403, ""},
		{"nothing that a shop does", "POST", "/account/refund", "id=stripe.sub_1", from, 0, "", "", 404, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &seller{status: c.status, answer: c.answer}
			server := httptest.NewServer(s)
			defer server.Close()
			mux := http.NewServeMux()
			(&shop{&endpoint{url: server.URL, token: "secret"}, "https://prices.example"}).routes(mux)
			r := httptest.NewRequestWithContext(t.Context(), c.method, from+c.path, strings.NewReader(c.form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if got := strings.Join(s.asked, "; "); got != c.asked {
				t.Errorf("asked %q, want %q", got, c.asked)
			}
			if got := w.Body.String() + w.Header().Get("Location"); w.Code != c.want || !strings.Contains(got, c.says) {
				t.Errorf("%d %s, want %d and %q", w.Code, got, c.want, c.says)
			}
		})
	}
}
