package page

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// The query of the page's address.
const (
	// QueryProvider names the account, where there are several.
	QueryProvider    = "provider"
	queryTransaction = "_ptxn" // Paddle's script looks for it too
	querySuccess     = "success"
	queryCancel      = "cancel"
)

// Link is the address of the page for one purchase: page is the address without a transaction, and success and cancel
// are empty where the endpoint's own URLs count. Paddle has no place for such URLs, so the address has them. It needs
// no seal and nothing is kept for it: the page takes what POST /v1/checkouts takes, by the same check. Whoever writes a
// link can choose among the places where the endpoint leads buyers anyway, and could as well link to them.
//
// Paddle is not asked for the address. It appends ?_ptxn= to the one that it was given, and promises nothing of one
// that has a query.
func Link(page, transaction, success, cancel string) string {
	q := url.Values{queryTransaction: {transaction}}
	if success != "" {
		q.Set(querySuccess, success)
	}
	if cancel != "" {
		q.Set(queryCancel, cancel)
	}
	separator := "?"
	if strings.Contains(page, separator) {
		separator = "&"
	}
	return page + separator + q.Encode()
}

// Named takes the account's name from the page's address. Of one whose query Paddle wrote behind another, such as
// ?provider=eu?_ptxn=txn_1, it is the transaction's id too: the page has to be asked for again with a Link, because the
// script looks at the address.
func Named(query url.Values) (provider, transaction string) {
	provider, transaction, _ = strings.Cut(query.Get(QueryProvider), "?"+queryTransaction+"=")
	return provider, transaction
}

// Overlay is how Paddle's script is reached at one account.
type Overlay struct {
	// ClientToken is public: it begins with live_ or test_.
	ClientToken string
	Mode        billing.Mode
	BaseURL     string // of a stand-in for Paddle, which has the script at /paddle.js; empty: Paddle
}

// Paddle's addresses. It publishes no policy; these are what its script loads: its stylesheet, the frame of the
// checkout, and in Live mode the script of Retain. All else happens inside the frame.
const (
	paddleScript  = "https://cdn.paddle.com/paddle/v2/paddle.js"
	retainScript  = "https://public.profitwell.com"
	retainReports = "https://www2.profitwell.com"
)

// overlayView is the page that opens the overlay.
type overlayView struct {
	frame
	Script, Own                 string
	Token, Transaction, Success string
	Locale                      string
	Sandbox                     bool
	Test                        bool
	Back                        string
}

var (
	script        = []byte(mustRead("paddle.js"))
	scriptVersion = versionOf(script)
	// Paddle's ids end in 26 characters; what comes after the prefix is theirs to change.
	transactionID = regexp.MustCompile(`^txn_[a-zA-Z0-9_-]{1,64}$`)
)

func versionOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// Paddle answers GET /paddle?_ptxn=txn_…: Paddle's script finds the transaction in the address and opens its overlay.
func (p *Pages) Paddle(o Overlay, w http.ResponseWriter, r *http.Request) {
	l, nonce, query := p.locale(r), rand.Text(), r.URL.Query()
	id := query.Get(queryTransaction)
	if !transactionID.MatchString(id) {
		p.say(w, http.StatusBadRequest, nonce, note{p.frame(l, nonce, l.text().Paddle.Title),
			l.text().Paddle.Incomplete, p.back()})
		return
	}
	v := overlayView{
		frame: p.frame(l, nonce, l.text().Paddle.Title), Script: paddleScript,
		Own:   p.path(PathScript) + "?v=" + scriptVersion,
		Token: o.ClientToken, Transaction: id,
		Success: strings.ReplaceAll(p.lead(query.Get(querySuccess), p.settings.SuccessURL),
			billing.SessionIDPlaceholder, id),
		Locale: l.paddle(), Test: o.Mode == billing.Test, Sandbox: o.Mode == billing.Test && o.BaseURL == "",
		Back: strings.ReplaceAll(p.lead(query.Get(queryCancel), p.back()), billing.SessionIDPlaceholder, id),
	}
	if o.BaseURL != "" {
		v.Script = strings.TrimRight(o.BaseURL, "/") + PathScript
	}
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, "paddle.html", v); err != nil {
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	policy, frame := overlayPolicy(o, nonce)
	p.write(w, http.StatusOK, policy, `(self "`+frame+`")`, out.Bytes())
}

// overlayPolicy is the page's policy, and the origin of the checkout's frame.
func overlayPolicy(o Overlay, nonce string) (policy, frame string) {
	cdn, frame, scripts, reports := "https://cdn.paddle.com", "https://buy.paddle.com", " "+retainScript, " "+retainReports
	switch {
	case o.BaseURL != "":
		cdn, frame, scripts, reports = sourceOf(o.BaseURL), sourceOf(o.BaseURL), "", ""
	case o.Mode == billing.Test:
		cdn, frame, scripts, reports = cdn+" https://sandbox-cdn.paddle.com", "https://sandbox-buy.paddle.com", "", ""
	}
	return policyStart + nonce + "'; script-src 'nonce-" + nonce + "' " + cdn + scripts +
		"; style-src-elem 'nonce-" + nonce + "' " + cdn + "; style-src-attr 'unsafe-inline'" +
		"; img-src " + cdn + "; connect-src " + cdn + reports + "; frame-src " + frame + "; form-action 'none'", frame
}

// paddle is the locale's name at Paddle, which has more than these.
func (l locale) paddle() string {
	if l.words == "pt" && l.tag.String() != "pt-PT" {
		return "pt-BR"
	}
	return l.words
}

// Script answers GET /paddle.js. Its address changes with it, so it may be kept for good.
func (p *Pages) Script(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	p.common(h)
	_, _ = w.Write(script)
}
