package hosted

import (
	"html/template"
	"net/http"
	"strings"
	"time"
)

// Portal is what a customer sees of their subscriptions. Its forms send subscription, and as action cancel, resume, or
// card with the fields of an Entry.
type Portal struct {
	frame

	Seller, Email string
	Problem       string // what went wrong with the last try
	Gone          bool   // the link works no longer
	Subscriptions []Subscription
	ReturnURL     template.URL
}

// Subscription is one of a portal.
type Subscription struct {
	ID, Name string
	Price    string // ready to read, such as "29.00 USD per month"
	Status   string // the provider's word, such as past_due
	Card     string // ready to read; see CardName
	// On is when the subscription renews; with Ends when it ends, with Over when it has ended. Zero if unknown.
	On         time.Time
	Ends, Over bool
}

// State is the status for people: past_due is Past due.
func (s Subscription) State() string {
	words := strings.ReplaceAll(s.Status, "_", " ")
	return strings.ToUpper(words[:min(1, len(words))]) + words[min(1, len(words)):]
}

// Owes says that a payment is missing.
func (s Subscription) Owes() bool { return s.Status == "past_due" || s.Status == "unpaid" }

// Term is how the subscription goes on.
func (s Subscription) Term() string {
	what := "Renews"
	switch {
	case s.Over:
		what = "Ended"
	case s.Ends:
		what = "Ends"
	}
	if s.On.IsZero() {
		return what
	}
	return what + " on " + s.On.UTC().Format("2 January 2006")
}

// CardName is a card for people: "Visa ending in 4242".
func CardName(brand, last4 string) string {
	names := map[string]string{"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express"}
	if name := names[brand]; name != "" {
		brand = name
	}
	return brand + " ending in " + last4
}

// WritePortal renders the portal. Nothing is loaded from elsewhere.
func WritePortal(w http.ResponseWriter, status int, p Portal) {
	p.frame = newFrame()
	write(w, status, "portal.html", p, p.policy()+"; form-action 'self'")
}
