package stripe

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// sellerName stands on the page and on invoices.
const sellerName = "Kassa sandbox"

// formLimit is the largest form of the page in bytes.
const formLimit = 64 << 10

// Pages serves the hosted checkout page at /pay/{id} and the authentication page below it. With Accept:
// application/json it answers the same steps as JSON.
func (s *Server) Pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /pay/{id}", func(w http.ResponseWriter, r *http.Request) { s.page(w, r, showOpen) })
	mux.HandleFunc("GET /pay/{id}/authenticate", func(w http.ResponseWriter, r *http.Request) {
		s.page(w, r, showChallenge)
	})
	mux.HandleFunc("POST /pay/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.step(w, r, func(a *account, session *resource) outcome {
			return a.pay(session, hosted.Entry{
				Number: r.PostFormValue("number"), Expiry: r.PostFormValue("exp"), CVC: r.PostFormValue("cvc"),
				Email: r.PostFormValue("email"),
			})
		})
	})
	mux.HandleFunc("POST /pay/{id}/authenticate", func(w http.ResponseWriter, r *http.Request) {
		s.step(w, r, func(a *account, session *resource) outcome {
			return a.authenticate(session, r.PostFormValue("outcome") == "complete")
		})
	})
	mux.HandleFunc("GET /pay/{id}/portal", func(w http.ResponseWriter, r *http.Request) {
		s.portalPage(w, r, func(*account, *resource) (int, string) { return http.StatusOK, "" })
	})
	mux.HandleFunc("POST /pay/{id}/portal", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, formLimit)
		s.portalPage(w, r, func(a *account, customer *resource) (int, string) { return a.portalStep(customer, r) })
	})
	return mux
}

type view int

const (
	showOpen view = iota
	showChallenge
)

// sessionOf finds a session by its id, which is the secret that its page is reached by.
func (s *Server) sessionOf(id string) (*account, *resource) {
	s.mu.Lock()
	a := s.sessions[id]
	s.mu.Unlock()
	if a == nil {
		return nil, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a, a.table("checkout.session").byID[id]
}

func (s *Server) page(w http.ResponseWriter, r *http.Request, v view) {
	a, session := s.sessionOf(r.PathValue("id"))
	if session == nil {
		http.NotFound(w, r)
		return
	}
	a.mu.Lock()
	a.catchUp()
	a.expireIfDue(session)
	body, p := encode(session.object), pageOf(session, v)
	a.mu.Unlock()
	if wantsJSON(r) {
		writeJSON(w, http.StatusOK, body)
		return
	}
	hosted.Write(w, http.StatusOK, p)
}

func (s *Server) step(w http.ResponseWriter, r *http.Request, do func(*account, *resource) outcome) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	a, session := s.sessionOf(r.PathValue("id"))
	if session == nil {
		http.NotFound(w, r)
		return
	}
	a.mu.Lock()
	a.catchUp()
	out := do(a, session)
	a.catchUp()
	p := pageOf(session, showOpen)
	a.mu.Unlock()
	p.Problem, p.ProblemOn, p.Email = out.message, out.field, firstOf(r.PostFormValue("email"), p.Email)
	switch {
	case wantsJSON(r):
		writeJSON(w, out.httpStatus(), out.json(r.PathValue("id")))
	case out.redirect != "":
		http.Redirect(w, r, out.redirect, http.StatusSeeOther)
	default:
		hosted.Write(w, out.httpStatus(), p)
	}
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (o outcome) httpStatus() int {
	switch o.status {
	case "declined":
		return http.StatusPaymentRequired
	case "invalid":
		return http.StatusBadRequest
	case "expired":
		return http.StatusGone
	default:
		return http.StatusOK
	}
}

func (o outcome) json(session string) []byte {
	body := object{"status": o.status, "session": session}
	if o.redirect != "" {
		body["redirect"] = o.redirect
	}
	if o.message != "" {
		e := object{"type": typeCard, "code": o.code, "message": o.message}
		if o.declineCode != "" {
			e["decline_code"] = o.declineCode
		}
		body["error"] = e
	}
	return encode(body)
}

func wantsJSON(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept"), "application/json")
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// pageOf is what the buyer sees of a session. The account is locked.
func pageOf(s *resource, v view) hosted.Page {
	k := s.cart
	p := hosted.Page{
		Seller: sellerName, State: hosted.StateOpen, Total: readable(k.due, k.currency), Email: s.text("customer_email"),
		Button: "Pay " + readable(k.due, k.currency), Later: later(k), PayURL: s.text("url"),
	}
	switch {
	case s.text("status") == "complete":
		p.State = hosted.StateComplete
	case s.text("status") == "expired":
		p.State = hosted.StateExpired
	case v == showChallenge && k.pending != nil:
		p.State = hosted.StateChallenge
	}
	if s.text("mode") == "subscription" {
		p.Button = "Subscribe"
	}
	if s.cardless() {
		p.Later += ". The card can be left out."
	}
	if cancel := s.text("cancel_url"); webURL(cancel) {
		p.CancelURL = template.URL(cancel) //nolint:gosec // http or https, as was just checked
	}
	for _, item := range k.items {
		line := hosted.Line{Name: item.name, Amount: readable(item.amount, k.currency)}
		if item.quantity > 1 {
			line.Detail = fmt.Sprintf("Quantity %d", item.quantity)
		}
		if every := item.price.Recurring; every != nil {
			line.Amount += " " + every.words()
		}
		p.Lines = append(p.Lines, line)
	}
	return p
}

// later says how a subscription goes on.
func later(k *cart) string {
	sum, every := int64(0), (*Recurring)(nil)
	for _, item := range k.items {
		if item.price.Recurring != nil {
			sum, every = sum+item.amount, item.price.Recurring
		}
	}
	switch {
	case every == nil:
		return ""
	case k.trialEnd != 0:
		return "After the trial: " + readable(sum, k.currency) + " " + every.words()
	default:
		return "Then " + readable(sum, k.currency) + " " + every.words()
	}
}

func (r *Recurring) words() string {
	if r.IntervalCount == 1 {
		return "per " + r.Interval
	}
	return fmt.Sprintf("every %d %ss", r.IntervalCount, r.Interval)
}
