// Package hosted is the checkout page of the stand-in providers and the test cards that it understands.
package hosted

import (
	"strconv"
	"strings"
	"time"
)

// Outcome is what becomes of a payment with a card.
type Outcome int

// The outcomes.
const (
	Approved Outcome = iota
	Declined
	// NeedsAuthentication: approved once the buyer has confirmed it on a second page.
	NeedsAuthentication
	// FailsLater: approved at the checkout, declined whenever it is charged again.
	FailsLater
)

// Card is a test card.
type Card struct {
	Number  string // digits only
	Brand   string // visa, mastercard, amex
	Outcome Outcome
	// Code and DeclineCode say why, in Stripe's words, when the outcome is Declined or FailsLater.
	Code, DeclineCode string
	// Message is what the buyer reads.
	Message string
	// Label describes the card on the page.
	Label string
}

// Last4 are the digits that may be shown.
func (c Card) Last4() string { return c.Number[len(c.Number)-4:] }

// Spaced is the number as it is embossed, in groups.
func (c Card) Spaced() string {
	if c.Brand == "amex" {
		return c.Number[:4] + " " + c.Number[4:10] + " " + c.Number[10:]
	}
	return c.Number[:4] + " " + c.Number[4:8] + " " + c.Number[8:12] + " " + c.Number[12:]
}

const declinedMessage = "Your card was declined."

// Cards are the test cards, in the order in which the page lists them.
func Cards() []Card {
	return []Card{
		{Number: "4242424242424242", Brand: "visa", Label: "Succeeds"},
		{Number: "5555555555554444", Brand: "mastercard", Label: "Succeeds (Mastercard)"},
		{Number: "378282246310005", Brand: "amex", Label: "Succeeds (American Express)"},
		declined("4000000000000002", "card_declined", "generic_decline", declinedMessage, "Declined"),
		declined("4000000000009995", "card_declined", "insufficient_funds", "Your card has insufficient funds.",
			"Insufficient funds"),
		declined("4000000000009987", "card_declined", "lost_card", declinedMessage, "Lost card"),
		declined("4000000000009979", "card_declined", "stolen_card", declinedMessage, "Stolen card"),
		declined("4000000000000069", "expired_card", "expired_card", "Your card has expired.", "Expired card"),
		declined("4000000000000127", "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.",
			"Wrong CVC"),
		declined("4000000000000119", "processing_error", "processing_error",
			"An error occurred while processing your card. Try again in a little bit.", "Processing error"),
		{Number: "4000002500003155", Brand: "visa", Outcome: NeedsAuthentication, Label: "Asks for authentication"},
		{Number: "4000000000000341", Brand: "visa", Outcome: FailsLater, Code: "card_declined",
			DeclineCode: "generic_decline", Message: declinedMessage, Label: "Succeeds now, fails at every renewal"},
	}
}

func declined(number, code, declineCode, message, label string) Card {
	return Card{Number: number, Brand: "visa", Outcome: Declined, Code: code, DeclineCode: declineCode,
		Message: message, Label: label}
}

// Entry is what the buyer typed.
type Entry struct {
	Number, Expiry, CVC, Email string
}

// Details are an entry's readable parts.
type Details struct {
	Card               Card
	ExpMonth, ExpYear  int
	Email              string
	Problem, ProblemOn string // a message and the field's name when the entry can't be used
	ProblemCode        string // Stripe's code of the problem
}

// Read checks an entry as a payment form does, before anything is charged.
func Read(e Entry, now time.Time) Details {
	d := Details{Email: strings.TrimSpace(e.Email)}
	number := digits(e.Number)
	var ok bool
	if d.ExpMonth, d.ExpYear, ok = expiry(e.Expiry); !ok {
		return d.problem("exp", "invalid_expiry_month", "Your card's expiration date is incomplete.")
	}
	switch {
	case !luhn(number):
		return d.problem("number", "incorrect_number", "Your card number is invalid.")
	case d.ExpYear*12+d.ExpMonth < now.Year()*12+int(now.Month()):
		return d.problem("exp", "invalid_expiry_year", "Your card's expiration year is in the past.")
	case len(digits(e.CVC)) < 3 || len(digits(e.CVC)) > 4:
		return d.problem("cvc", "invalid_cvc", "Your card's security code is incomplete.")
	case !email(d.Email):
		return d.problem("email", "email_invalid", "Your email address is incomplete.")
	}
	d.Card = lookup(number)
	return d
}

func (d Details) problem(field, code, message string) Details {
	d.ProblemOn, d.ProblemCode, d.Problem = field, code, message
	return d
}

// Lookup is the test card of that number; a number that is none is declined.
func Lookup(number string) Card { return lookup(number) }

func lookup(number string) Card {
	for _, c := range Cards() {
		if c.Number == number {
			return c
		}
	}
	return declined(number, "card_declined", "test_mode_live_card",
		"Your card was declined. Your request was in test mode, but used a non test card.", "")
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case r == ' ' || r == '-':
			return -1
		}
		return 'x'
	}, s)
}

func luhn(number string) bool {
	if len(number) < 12 || len(number) > 19 {
		return false
	}
	sum := 0
	for i := range len(number) {
		n := int(number[len(number)-1-i] - '0')
		if n > 9 {
			return false
		}
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// expiry reads MM/YY, MM / YYYY and the like.
func expiry(s string) (month, year int, ok bool) {
	m, y, found := strings.Cut(strings.ReplaceAll(s, " ", ""), "/")
	month, errMonth := strconv.Atoi(m)
	year, errYear := strconv.Atoi(y)
	if !found || errMonth != nil || errYear != nil || month < 1 || month > 12 || year < 0 || year > 2999 {
		return 0, 0, false
	}
	if year < 100 {
		year += 2000
	}
	return month, year, true
}

func email(s string) bool {
	local, host, found := strings.Cut(s, "@")
	return found && local != "" && strings.Contains(host, ".") && !strings.ContainsAny(s, " \t\r\n")
}
