package main

import (
	"bytes"
	_ "embed" // the pages
	"errors"
	"html/template"
	"log/slog"
	"net/http"
)

//go:embed pages.html
var pagesText string

var pages = template.Must(template.New("").Parse(pagesText))

// shop is what the application's users see: the way from the page of prices to the checkout, the page after a payment,
// and their subscriptions.
type shop struct {
	endpoint *endpoint
	pricing  string // the CheckoutEndpoint's page of prices, as browsers reach it
}

// signedIn is where a real application looks at its session. Here everybody is Jane.
func signedIn(*http.Request) user { return user{id: "jane", email: "jane@example.com"} }

func (s *shop) routes(mux *http.ServeMux) {
	mux.Handle("GET /{$}", http.RedirectHandler("/account", http.StatusSeeOther))
	mux.HandleFunc("GET /pricing", s.buy)
	mux.HandleFunc("GET /done", func(w http.ResponseWriter, _ *http.Request) {
		show(w, http.StatusOK, "done", s.pricing)
	})
	mux.HandleFunc("GET /account", s.account)
	// No other site may press these buttons in a user's browser.
	guard := http.NewCrossOriginProtection()
	mux.Handle("POST /account/{action}", guard.Handler(http.HandlerFunc(s.change)))
}

// buy is where the buttons of the page of prices lead: ?plan=pro&price=monthly&currency=USD. Buyers who give up come
// back to it without a plan.
func (s *shop) buy(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !q.Has("plan") {
		http.Redirect(w, r, s.pricing, http.StatusSeeOther)
		return
	}
	page, err := s.endpoint.checkout(r.Context(), signedIn(r), q.Get("plan"), q.Get("price"), q.Get("currency"))
	if err != nil {
		failed(w, err)
		return
	}
	http.Redirect(w, r, page, http.StatusSeeOther)
}

func (s *shop) account(w http.ResponseWriter, r *http.Request) {
	who := signedIn(r)
	list, err := s.endpoint.subscriptions(r.Context(), who)
	if err != nil {
		failed(w, err)
		return
	}
	show(w, http.StatusOK, "account", struct {
		User, Pricing string
		Subscriptions []subscription
	}{who.id, s.pricing, list})
}

// change cancels at the end of the period, or takes that back.
func (s *shop) change(w http.ResponseWriter, r *http.Request) {
	action := r.PathValue("action")
	if action != "cancel" && action != "resume" {
		http.NotFound(w, r)
		return
	}
	if err := s.endpoint.change(r.Context(), signedIn(r), r.PostFormValue("id"), action); err != nil {
		failed(w, err)
		return
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

// failed passes on what the shop answered, which is written for developers and names no secret.
func failed(w http.ResponseWriter, err error) {
	slog.Error("the shop", "error", err)
	if p, ok := errors.AsType[*problem](err); ok {
		show(w, p.Status, "failed", p.Error())
		return
	}
	show(w, http.StatusBadGateway, "failed", "The shop cannot be reached.")
}

func show(w http.ResponseWriter, status int, name string, data any) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, data); err != nil {
		slog.Error("the page", "error", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}
