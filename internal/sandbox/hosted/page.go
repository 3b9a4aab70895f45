package hosted

import (
	"bytes"
	"crypto/rand"
	"embed"
	"html/template"
	"net/http"
	"strconv"
)

//go:embed *.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "*.html"))

// Page is what the buyer sees.
type Page struct {
	Seller string
	// State is one of the State constants.
	State string
	Lines []Line
	// Total and Later are amounts ready to read: what is paid now, and how it goes on, such as "then 29.00 USD
	// per month" (may be empty).
	Total, Later string
	Email        string
	Button       string // "Pay" or "Subscribe"
	Problem      string // what went wrong with the last try
	ProblemOn    string // the field that it is about, or empty
	CancelURL    template.URL
	Cards        []Card
	Nonce        string
}

// Line is one position.
type Line struct {
	Name, Detail, Amount string
}

// The values of Page.State.
const (
	StateOpen      = "open"
	StateChallenge = "challenge"
	StateComplete  = "complete"
	StateExpired   = "expired"
)

// Write renders the page. Nothing is loaded from elsewhere.
func Write(w http.ResponseWriter, status int, p Page) {
	p.Nonce = rand.Text()
	p.Cards = Cards()
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, "page.html", p); err != nil {
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	// form-action stays open: browsers apply it to the redirect to the seller's page too.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+p.Nonce+
		"'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}
