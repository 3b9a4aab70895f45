package paddle

import (
	_ "embed" // the script
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

const (
	// ScriptPath is where the stand-in of Paddle's script is.
	ScriptPath = "/paddle.js"
	// BaseScriptPath is the same below the API's base URL, where checkout servers look for it.
	BaseScriptPath = "/paddle" + ScriptPath
	checkoutPath   = "/paddle-checkout/"
	portalPath     = "/paddle-portal/"

	// sellerName stands on the pages.
	sellerName = "Kassa sandbox of Paddle"

	// formLimit is the largest form of a page in bytes.
	formLimit = 64 << 10
)

//go:embed paddle.js
var script []byte

// PagePaths are the paths that Pages serves; those with a slash at the end have further ones below.
func PagePaths() []string { return []string{ScriptPath, BaseScriptPath, checkoutPath, portalPath} }

// Pages serves what buyers see: the script, the page that it leads to, and the customer portal. With Accept:
// application/json the page answers the same steps as JSON.
func (s *Server) Pages() http.Handler {
	mux := http.NewServeMux()
	serve := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		_, _ = w.Write(script)
	}
	mux.HandleFunc("GET "+ScriptPath, serve)
	mux.HandleFunc("GET "+BaseScriptPath, serve)
	mux.HandleFunc("GET "+checkoutPath+"{id}", func(w http.ResponseWriter, r *http.Request) { s.show(w, r, false) })
	mux.HandleFunc("GET "+checkoutPath+"{id}/authenticate", func(w http.ResponseWriter, r *http.Request) {
		s.show(w, r, true)
	})
	mux.HandleFunc("POST "+checkoutPath+"{id}", func(w http.ResponseWriter, r *http.Request) {
		s.step(w, r, func(a *account, t *Transaction) outcome {
			return a.pay(t, hosted.Entry{
				Number: r.PostFormValue("number"), Expiry: r.PostFormValue("exp"), CVC: r.PostFormValue("cvc"),
				Email: r.PostFormValue("email"),
			})
		})
	})
	mux.HandleFunc("POST "+checkoutPath+"{id}/authenticate", func(w http.ResponseWriter, r *http.Request) {
		s.step(w, r, func(a *account, t *Transaction) outcome {
			return a.authenticate(t, r.PostFormValue("outcome") == "complete")
		})
	})
	mux.HandleFunc("GET "+portalPath+"{token}", s.portal)
	mux.HandleFunc("POST "+portalPath+"{token}", s.portalStep)
	return mux
}

// on finds a transaction by its id, which is the secret that its page is reached by, and runs f with the account
// locked.
func (s *Server) on(id string, f func(*account, *Transaction)) bool {
	for _, v := range s.Accounts() {
		v.a.mu.Lock()
		v.a.catchUp()
		t := v.a.transactionByID[id]
		if t != nil {
			f(v.a, t)
		}
		v.a.mu.Unlock()
		if t != nil {
			return true
		}
	}
	return false
}

func (s *Server) show(w http.ResponseWriter, r *http.Request, challenge bool) {
	var p hosted.Page
	var body []byte
	found := s.on(r.PathValue("id"), func(a *account, t *Transaction) {
		p, body = a.pageOf(t, challenge), plain(t)
	})
	switch {
	case !found:
		http.NotFound(w, r)
	case wantsJSON(r):
		writeJSON(w, http.StatusOK, body)
	default:
		link(&p, r)
		hosted.Write(w, http.StatusOK, p)
	}
}

func (s *Server) step(w http.ResponseWriter, r *http.Request, do func(*account, *Transaction) outcome) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	id := r.PathValue("id")
	var p hosted.Page
	var out outcome
	if !s.on(id, func(a *account, t *Transaction) { out, p = do(a, t), a.pageOf(t, false) }) {
		http.NotFound(w, r)
		return
	}
	status := map[string]int{"declined": http.StatusPaymentRequired, "invalid": http.StatusBadRequest}[out.status]
	if status == 0 {
		status = http.StatusOK
	}
	next := redirectAfter(r, id, out)
	switch {
	case wantsJSON(r):
		body := entity{"status": out.status, "transaction": id}
		if next != "" {
			body["redirect"] = next
		}
		if out.message != "" {
			body["error"] = entity{"code": out.code, "message": out.message}
		}
		writeJSON(w, status, plain(body))
	case next != "":
		// The buyer's own browser asks to be sent there, as Paddle's script would.
		http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // the sandbox has nothing to protect
	default:
		p.Problem, p.ProblemOn = out.message, out.field
		link(&p, r)
		hosted.Write(w, status, p)
	}
}

// link says where a page leads to.
func link(p *hosted.Page, r *http.Request) {
	p.PayURL = checkoutPath + r.PathValue("id") + "?" + r.URL.RawQuery
	p.CancelURL = template.URL(back(r, "closed")) //nolint:gosec // http or https, as back checks
}

// redirectAfter is where the buyer goes after a step, or "" where the page stays.
func redirectAfter(r *http.Request, id string, out outcome) string {
	query := "?" + r.URL.RawQuery
	switch out.status {
	case "requires_action":
		return checkoutPath + id + "/authenticate" + query
	case "complete":
		if success := webURL(r.URL.Query().Get("success")); success != "" {
			return success
		}
		return back(r, "completed")
	}
	return ""
}

// back is the page that the script was on, with what became of the checkout; the script tells the page by an event.
func back(r *http.Request, event string) string {
	page := webURL(r.URL.Query().Get("page"))
	if page == "" {
		return ""
	}
	page, _, _ = strings.Cut(page, "#")
	return page + "#paddle-" + event
}

func webURL(text string) string {
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return text
}

func wantsJSON(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept"), "application/json")
}

func writeJSON(w http.ResponseWriter, status int, body json.RawMessage) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// pageOf is what the buyer sees of a transaction. The account is locked.
func (a *account) pageOf(t *Transaction, challenge bool) hosted.Page {
	p := hosted.Page{
		Seller: sellerName, State: hosted.StateOpen, Total: readable(t.due, t.CurrencyCode),
		Email: a.email(t), Button: "Pay " + readable(t.due, t.CurrencyCode),
	}
	switch {
	case !t.open():
		p.State = hosted.StateComplete
	case challenge && t.pending != nil:
		p.State = hosted.StateChallenge
	}
	later, every := int64(0), ""
	for _, item := range t.Items {
		line := hosted.Line{Amount: readable(t.amount(item), t.CurrencyCode), Name: item.Price.Description}
		if product := a.productByID[item.Price.ProductID]; product != nil {
			line.Name = product.Name
		}
		if item.Quantity > 1 {
			line.Detail = fmt.Sprintf("Quantity %d", item.Quantity)
		}
		if item.Price.BillingCycle != nil {
			p.Button, every = "Subscribe", item.Price.BillingCycle.words()
			later += item.Price.unitPrice(t.CurrencyCode) * item.Quantity
		}
		p.Lines = append(p.Lines, line)
	}
	if every != "" {
		p.Later = "Then " + readable(later, t.CurrencyCode) + " " + every
	}
	return p
}

func (d Duration) words() string {
	if d.Frequency == 1 {
		return "per " + d.Interval
	}
	return fmt.Sprintf("every %d %ss", d.Frequency, d.Interval)
}

// readable is an amount for people.
func readable(amount int64, currency string) string {
	digits, ok := billing.Currency(currency).Digits()
	if !ok {
		digits = 2
	}
	text := fmt.Sprintf("%0*d", digits+1, amount)
	if digits > 0 {
		text = text[:len(text)-digits] + "." + text[len(text)-digits:]
	}
	return text + " " + currency
}
