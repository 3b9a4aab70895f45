package page

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// A form carries the value of a cookie that only this origin can set and read, so that no other site begins purchases
// in a visitor's name. Nothing is kept for it, so every replica takes the forms of all others.
const (
	tokenField      = "token"
	tokenLength     = 26               // of rand.Text
	tokenCookie     = "__Host-kassa"   // no other host or path can set it
	tokenCookieHTTP = "kassa-insecure" // browsers take no __Host- cookie over http
	maxForm         = 4 << 10
)

// Purchase is what a form asks for. The document has it.
type Purchase struct {
	Plan, Price string
	Currency    billing.Currency // one of the price's
}

// Why a form is not taken.
var (
	// ErrForged: the form did not come from this page, or the browser keeps no cookies. 403.
	ErrForged = errors.New("the form is not from this page")
	// ErrForm: the form cannot be read. 400.
	ErrForm = errors.New("the form cannot be read")
	// ErrNotSold: the plan or the price is not sold, perhaps since a moment ago. 404.
	ErrNotSold = errors.New("the price is not sold here")
)

// Status is the HTTP status for an error of Buy.
func Status(err error) int {
	switch {
	case errors.Is(err, ErrForged):
		return http.StatusForbidden
	case errors.Is(err, ErrNotSold):
		return http.StatusNotFound
	default:
		return http.StatusBadRequest
	}
}

// Buy reads a form of the pricing page, POST /buy. Its errors wrap ErrForged, ErrForm or ErrNotSold.
func (p *Pages) Buy(doc *storefront.Document, w http.ResponseWriter, r *http.Request) (Purchase, error) {
	if err := p.origins.Check(r); err != nil {
		return Purchase{}, fmt.Errorf("%w: %w", ErrForged, err)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return Purchase{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	sent, kept := r.PostForm.Get(tokenField), p.keptToken(r)
	if kept == "" || subtle.ConstantTimeCompare([]byte(sent), []byte(kept)) != 1 {
		return Purchase{}, ErrForged
	}
	in := Purchase{Plan: r.PostForm.Get("plan"), Price: r.PostForm.Get("price"),
		Currency: billing.Currency(r.PostForm.Get("currency"))}
	_, price := doc.Price(in.Plan, in.Price)
	if price == nil {
		return Purchase{}, ErrNotSold
	}
	if !slices.Contains(price.Currencies(), in.Currency) {
		return Purchase{}, fmt.Errorf("%w in this currency", ErrNotSold)
	}
	return in, nil
}

// token is the browser's, or a new one. One that it has stays, so that pages in other tabs remain good.
func (p *Pages) token(w http.ResponseWriter, r *http.Request) string {
	if kept := p.keptToken(r); kept != "" {
		return kept
	}
	token := rand.Text()
	//nolint:gosec // Secure, but for a sandbox over plain HTTP
	http.SetCookie(w, &http.Cookie{Name: p.cookieName(), Value: token, Path: "/", HttpOnly: true, Secure: p.https(),
		SameSite: http.SameSiteLaxMode})
	return token
}

func (p *Pages) keptToken(r *http.Request) string {
	c, err := r.Cookie(p.cookieName())
	if err != nil || len(c.Value) != tokenLength {
		return ""
	}
	for _, b := range []byte(c.Value) {
		if (b < 'A' || b > 'Z') && (b < '2' || b > '7') {
			return ""
		}
	}
	return c.Value
}

func (p *Pages) cookieName() string {
	if p.https() {
		return tokenCookie
	}
	return tokenCookieHTTP
}
