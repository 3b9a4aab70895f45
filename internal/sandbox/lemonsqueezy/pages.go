package lemonsqueezy

import (
	"cmp"
	"crypto/hmac"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// formLimit is the largest form of a page in bytes.
const formLimit = 64 << 10

// outcome is what a buyer's step on the page led to.
type outcome struct {
	status         string // complete, requires_action, declined, invalid or expired
	redirect       string // where the buyer goes next, unless the page stays
	code           string
	message, field string
	httpStatus     int
}

// Pages serves the checkout page at /checkout/custom/{id}, with a page of authentication below it, and the customer
// portal at /billing. With Accept: application/json the steps of a checkout are answered as JSON.
func (s *Server) Pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /checkout/custom/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.step(w, r, hosted.StateOpen, nil)
	})
	mux.HandleFunc("GET /checkout/custom/{id}/authenticate", func(w http.ResponseWriter, r *http.Request) {
		s.step(w, r, hosted.StateChallenge, nil)
	})
	mux.HandleFunc("POST /checkout/custom/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.step(w, r, hosted.StateOpen, func(x *Checkout) outcome {
			return s.pay(x, hosted.Entry{
				Number: r.PostFormValue("number"), Expiry: r.PostFormValue("exp"), CVC: r.PostFormValue("cvc"),
				Email: cmp.Or(r.PostFormValue("email"), x.CheckoutData.Email),
			})
		})
	})
	mux.HandleFunc("POST /checkout/custom/{id}/authenticate", func(w http.ResponseWriter, r *http.Request) {
		s.step(w, r, hosted.StateOpen, func(x *Checkout) outcome {
			return s.authenticate(x, r.PostFormValue("outcome") == "complete")
		})
	})
	s.portalPages(mux)
	return mux
}

// step shows a checkout, after what do did.
func (s *Server) step(w http.ResponseWriter, r *http.Request, state string, do func(*Checkout) outcome) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	email := r.PostFormValue("email") // reads the body, without the lock
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	x := s.checkout(r.PathValue("id"))
	if x == nil || !hmac.Equal([]byte(s.sign(x.ID)), []byte(r.URL.Query().Get("signature"))) {
		http.NotFound(w, r)
		return
	}
	out := outcome{status: "open", httpStatus: http.StatusOK}
	switch {
	case x.over(s.now()):
		state = hosted.StateExpired
		out = outcome{status: "expired", message: "This checkout has expired.", httpStatus: http.StatusGone}
	case do != nil:
		out = do(x)
		s.settle()
	}
	if out.status == "complete" {
		state = hosted.StateComplete
	}
	if state == hosted.StateChallenge && x.pending == nil {
		state = hosted.StateOpen
	}
	switch {
	case strings.HasPrefix(r.Header.Get("Accept"), "application/json"):
		writeJSON(w, out)
	case out.redirect != "":
		http.Redirect(w, r, out.redirect, http.StatusSeeOther)
	default:
		p := s.pageOf(x, state)
		p.Problem, p.ProblemOn, p.Email = out.message, out.field, cmp.Or(email, p.Email)
		hosted.Write(w, out.httpStatus, p)
	}
}

func writeJSON(w http.ResponseWriter, out outcome) {
	body := map[string]any{"status": out.status}
	if out.redirect != "" {
		body["redirect"] = out.redirect
	}
	if out.message != "" {
		body["error"] = map[string]string{"code": out.code, "message": out.message}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(out.httpStatus)
	_, _ = w.Write(plain(body))
}

// pay tries to pay with a card. A declined one leaves no trace at the API.
func (s *Server) pay(x *Checkout, entry hosted.Entry) outcome {
	d := hosted.Read(entry, s.now())
	switch {
	case d.Problem != "":
		return outcome{
			status: "invalid", code: d.ProblemCode, message: d.Problem, field: d.ProblemOn, httpStatus: http.StatusBadRequest,
		}
	case d.Card.Outcome == hosted.NeedsAuthentication:
		x.pending = &d
		return outcome{
			status: "requires_action", redirect: x.base + "/checkout/custom/" + x.ID + "/authenticate?signature=" + s.sign(x.ID),
			httpStatus: http.StatusOK,
		}
	case d.Card.Outcome == hosted.Declined:
		return outcome{
			status: "declined", code: d.Card.Code, message: d.Card.Message, httpStatus: http.StatusPaymentRequired,
		}
	}
	return s.complete(x, d)
}

// authenticate ends the page of a card that asks for authentication.
func (s *Server) authenticate(x *Checkout, confirmed bool) outcome {
	pending := x.pending
	x.pending = nil
	switch {
	case pending == nil:
		return outcome{status: "invalid", redirect: x.URL, httpStatus: http.StatusBadRequest}
	case confirmed:
		return s.complete(x, *pending)
	}
	return outcome{
		status: "declined", code: "authentication_failure", message: "We are unable to authenticate your payment method.",
		httpStatus: http.StatusPaymentRequired,
	}
}

func (s *Server) complete(x *Checkout, d hosted.Details) outcome {
	b := s.saleOfCheckout(x)
	b.email, b.card = d.Email, d.Card
	s.buy(b)
	return outcome{status: "complete", redirect: x.ProductOptions.RedirectURL, httpStatus: http.StatusOK}
}

// pageOf is what the buyer sees of a checkout.
func (s *Server) pageOf(x *Checkout, state string) hosted.Page {
	b := s.saleOfCheckout(x)
	due, whole := readable(b.store.Currency, b.dueNow()), readable(b.store.Currency, b.amount())
	p := hosted.Page{
		Seller: b.store.Name, State: state, Total: due, Email: x.CheckoutData.Email, Button: "Pay " + due, PayURL: x.URL,
		Lines: []hosted.Line{{Name: cmp.Or(x.ProductOptions.Name, b.product.Name), Detail: b.variant.Name, Amount: whole}},
	}
	if b.quantity > 1 {
		p.Lines[0].Detail = fmt.Sprintf("%s, quantity %d", b.variant.Name, b.quantity)
	}
	if b.recurring() {
		p.Button, p.Later = "Subscribe", "Then "+whole+" "+b.price.every()
		if b.onTrial() {
			p.Later = "After the trial: " + whole + " " + b.price.every()
		}
	}
	return p
}

func readable(currency string, amount int64) string {
	return strings.TrimPrefix(formatted(currency, amount), currency) + " " + currency
}

func (p *Price) every() string {
	unit, n := "month", int64(1)
	if p.IntervalUnit != nil && p.IntervalCount != nil {
		unit, n = *p.IntervalUnit, *p.IntervalCount
	}
	if n == 1 {
		return "per " + unit
	}
	return fmt.Sprintf("every %d %ss", n, unit)
}

func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
