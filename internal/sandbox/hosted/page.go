package hosted

import (
	"html/template"
	"net/http"
)

// Page is what the buyer sees.
type Page struct {
	frame

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
	// PayURL is where the card is sent. The bank's page below it leads here too, so it is not always the page's own.
	PayURL    string
	CancelURL template.URL
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
	p.frame = newFrame()
	// form-action stays open: browsers apply it to the redirect to the seller's page too.
	write(w, status, "page.html", p, p.policy())
}
