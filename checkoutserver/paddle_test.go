package checkoutserver

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/net/html"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/origins/originstest"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// overlayPage is what the page that opens Paddle's overlay does.
type overlayPage struct {
	Token, Sandbox, Success, Back string
	Script, Policy                string
}

func (s *shop) overlay(query string) overlayPage {
	s.t.Helper()
	w := s.browser(http.MethodGet, "/paddle?"+query, "")
	s.g.Expect(w.Code).To(Equal(200), query)
	out := overlayPage{Policy: w.Header().Get("Content-Security-Policy")}
	root, err := html.Parse(w.Body)
	s.g.Expect(err).NotTo(HaveOccurred())
	for n := range root.Descendants() {
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		switch n.Data {
		case "main":
			out.Token, out.Sandbox, out.Success = attr["data-token"], attr["data-sandbox"], attr["data-success"]
		case "a":
			out.Back = attr["href"]
		case "script":
			if out.Script == "" {
				out.Script = attr["src"]
			}
		}
	}
	return out
}

// onlyPaddle sells at Paddle alone, at the URLs of originstest.
func onlyPaddle(e *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
	doc.Providers[0].Weight, doc.Providers[1].Weight = 0, 1
	urls := originstest.Spec()
	e.Spec.URL, e.Spec.AllowedOrigins = "https://pay.acme.com", urls.AllowedOrigins
	e.Spec.SuccessURL, e.Spec.CancelURL = urls.SuccessURL, urls.CancelURL
}

// open begins a purchase and returns the query of the page that it leads to.
func (s *shop) open(body string) url.Values {
	s.t.Helper()
	r := s.as("u1,u@example.com", http.MethodPost, "/v1/checkouts", body)
	s.g.Expect(r.status).To(Equal(201), r.body)
	var got checkout
	r.into(&got)
	u, err := url.Parse(got.URL)
	s.g.Expect(err).NotTo(HaveOccurred())
	s.g.Expect(strings.HasPrefix(got.URL, s.settings().spec.URL+"/paddle?")).To(BeTrue(), got.URL)
	s.g.Expect(u.Query().Get("_ptxn")).To(Equal(got.ID))
	return u.Query()
}

// Paddle knows no such URLs, so they have to come through the page.
func TestPaddleLeadsWhereTheRequestWants(t *testing.T) {
	s := newShop(t, onlyPaddle)
	const done, back = "https://done.acme.com/?session=txn_1", "https://Pricing.acme.com:443"
	q := s.open(buyMonthly)
	s.g.Expect(q).To(HaveLen(1), "the endpoint's own URLs need no place")
	q.Set("_ptxn", "txn_1")
	s.g.Expect(s.overlay(q.Encode())).To(And(HaveField("Success", done), HaveField("Back", back)))

	q = s.open(`{"plan":"pro","price":"monthly","successURL":"https://app.acme.com/a?b=c&d=%26{SESSION_ID}#e",
		"cancelURL":"https://dev.acme.com:8443/?f=g"}`)
	s.g.Expect(q).To(HaveLen(3))
	q.Set("_ptxn", "txn_1")
	s.g.Expect(s.overlay(q.Encode())).To(And(HaveField("Success", "https://app.acme.com/a?b=c&d=%26txn_1#e"),
		HaveField("Back", "https://dev.acme.com:8443/?f=g")))

	t.Log("a buyer's link outlives an origin that is no longer allowed, and then leads where the endpoint says")
	s.server.config.endpoint = s.server.config.endpoint.DeepCopy()
	s.server.config.endpoint.Spec.AllowedOrigins = nil
	s.resolve()
	s.g.Expect(s.overlay(q.Encode())).To(And(HaveField("Success", done), HaveField("Back", back)))
}

func TestHostileLinksToPaddlesPage(t *testing.T) {
	s := newShop(t, onlyPaddle)
	for _, raw := range originstest.Hostile {
		for _, name := range []string{"success", "cancel"} {
			q := url.Values{"_ptxn": {"txn_1"}, name: {raw, "https://app.acme.com/second"}}
			s.g.Expect(s.overlay(q.Encode())).To(And(
				HaveField("Success", "https://done.acme.com/?session=txn_1"),
				HaveField("Back", "https://Pricing.acme.com:443")), "%s=%q", name, raw)
		}
	}
}

// three has accounts at Paddle in Test mode, in Live mode in another namespace, and at a stand-in.
func three(base string) func(*v1alpha1.CheckoutEndpoint, *storefront.Document) {
	return func(_ *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
		live, standIn := doc.Providers[1], doc.Providers[1]
		live.Namespace, live.Mode, live.AccountID = "payments", billing.Live, "p_2"
		standIn.Name, standIn.BaseURL, standIn.AccountID = "fake", base, "p_3"
		live.APIKey.Name, standIn.APIKey.Name = "paddle/live-key", "paddle/fake-key"
		live.ClientToken = &storefront.SecretKey{Name: "paddle/live-key", Key: "clientToken"}
		standIn.ClientToken = &storefront.SecretKey{Name: "paddle/fake-key", Key: "clientToken"}
		doc.Providers = append(doc.Providers, live, standIn)
		monthly := &doc.Plans[0].Prices[0]
		for _, p := range doc.Providers[2:] {
			monthly.At = append(monthly.At, storefront.At{Provider: p.Key(), ProductID: "pro_1", PriceID: "pri_1"})
		}
	}
}

func TestPageOfSeveralPaddleAccounts(t *testing.T) {
	server := httptest.NewServer(sandbox.New(sandbox.Options{}).Handler())
	defer server.Close()
	s := newShop(t, three(server.URL+"/paddle"))
	for name, secret := range s.server.config.secrets {
		if account, is := strings.CutPrefix(name.Name, "paddle/"); is {
			secret.data["clientToken"] = []byte("token_" + strings.TrimSuffix(account, "-key"))
		}
	}
	s.resolve()
	const script = "https://cdn.paddle.com/paddle/v2/paddle.js"
	for provider, want := range map[string]struct{ token, sandbox, script, frame string }{
		"":                {"test_1", "true", script, "https://sandbox-buy.paddle.com"}, // the first one's
		"paddle":          {"test_1", "true", script, "https://sandbox-buy.paddle.com"},
		"payments~paddle": {"token_live", "", script, "https://buy.paddle.com"},
		"fake":            {"token_fake", "", server.URL + "/paddle/paddle.js", server.URL},
	} {
		got := s.overlay(url.Values{"provider": {provider}, "_ptxn": {"txn_1"}}.Encode())
		s.g.Expect(got).To(And(HaveField("Token", want.token), HaveField("Sandbox", want.sandbox),
			HaveField("Script", want.script)), provider)
		s.g.Expect(got.Policy).To(ContainSubstring("; frame-src "+want.frame+";"), provider)
	}
	for _, unknown := range []string{
		"stripe", "paddle.", "live", "payments", "payments~", "~paddle", "shop~paddle", "PADDLE",
	} {
		w := s.browser(http.MethodGet, "/paddle?_ptxn=txn_1&provider="+unknown, "")
		s.g.Expect(w.Code).To(Equal(404), unknown)
		s.g.Expect(w.Body.String()).NotTo(ContainSubstring("token_"))
	}

	t.Log("each purchase leads to its own account's page")
	for i, p := range s.server.config.doc.Providers {
		for j := range s.server.config.doc.Providers {
			s.server.config.doc.Providers[j].Weight = 0
		}
		s.server.config.doc.Providers[i].Weight = 1
		s.resolve()
		if p.Type == billing.Paddle {
			name := map[string]string{"p_1": "paddle", "p_2": "payments~paddle", "p_3": "fake"}[p.AccountID]
			s.g.Expect(s.open(buyMonthly)).To(HaveKeyWithValue("provider", []string{name}))
		}
	}
}

// Paddle promises to append ?_ptxn= to an address, and does not say how to one that has a query.
func TestAQueryBehindAQuery(t *testing.T) {
	s := newShop(t, three("http://sandbox.example.com/paddle"))
	w := s.browser(http.MethodGet, "/paddle?provider=payments~paddle?_ptxn=txn_1%26a", "")
	s.g.Expect(w.Code).To(Equal(http.StatusFound))
	s.g.Expect(w.Header().Get("Location")).To(Equal(
		"https://pay.example.com/paddle?provider=payments~paddle&_ptxn=txn_1%26a"))
	s.g.Expect(s.browser(http.MethodGet, "/paddle?provider=another?_ptxn=txn_1", "").Code).To(Equal(404))
}

// The page's policy admits the script that a sandbox has below the base URL of its Paddle, and it is there.
func TestScriptOfASandbox(t *testing.T) {
	s := newShop(t)
	server := httptest.NewServer(sandbox.New(sandbox.Options{}).Handler())
	defer server.Close()
	s.server.config.doc.Providers[1].BaseURL = server.URL + "/paddle/"
	s.resolve()
	page := s.overlay("_ptxn=txn_1")
	s.g.Expect(page.Script).To(Equal(server.URL + "/paddle/paddle.js"))
	s.g.Expect(page.Policy).To(MatchRegexp(`; script-src 'nonce-[A-Z2-7]+' ` + regexp.QuoteMeta(server.URL) + `;`))
	s.g.Expect(page.Policy).NotTo(ContainSubstring("paddle.com"))
	answer, err := http.Get(page.Script)
	s.g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = answer.Body.Close() }()
	s.g.Expect(answer.StatusCode).To(Equal(200))
	s.g.Expect(answer.Header.Get("Content-Type")).To(HavePrefix("text/javascript"))
}
