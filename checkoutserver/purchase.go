package checkoutserver

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// Bounds of a purchase, in characters where it is text. Metadata has Stripe's, with room for Kassa's own keys.
const (
	maxQuantity      = 10_000
	maxName          = 253
	maxMetadata      = 20
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

// purchase is the body of POST /v1/checkouts.
type purchase struct {
	Plan       string            `json:"plan"`
	Price      string            `json:"price"`
	Quantity   *whole            `json:"quantity,omitempty"`
	Currency   string            `json:"currency,omitempty"`
	SuccessURL string            `json:"successURL,omitempty"`
	CancelURL  string            `json:"cancelURL,omitempty"`
	Email      string            `json:"email,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
}

var purchaseMembers = []string{
	"plan", "price", "quantity", "currency", "successURL", "cancelURL", "email", "metadata",
}

// check refuses values that nothing can be sold with, whatever is for sale.
func (p *purchase) check() *answer {
	switch {
	case p.Plan == "" || p.Price == "":
		return invalid("plan and price name what is bought.")
	case utf8.RuneCountInString(p.Plan) > maxName || utf8.RuneCountInString(p.Price) > maxName:
		return notForSale("There is no such price.")
	}
	if refused := checkQuantity(p.Quantity); refused != nil {
		return refused
	}
	return checkMetadata(p.Metadata)
}

func checkQuantity(quantity *whole) *answer {
	if quantity != nil && (*quantity < 1 || *quantity > maxQuantity) {
		return invalid("quantity is a number from 1 to " + strconv.Itoa(maxQuantity) + ".")
	}
	return nil
}

// checkMetadata refuses what providers would, and the keys by which Kassa knows whose something is.
func checkMetadata(metadata map[string]string) *answer {
	if len(metadata) > maxMetadata {
		return invalid("metadata has at most 20 keys.")
	}
	for key, value := range metadata {
		switch {
		case key == "" || len(key) > maxMetadataKey || strings.ContainsFunc(key, notInKey):
			return invalid("A key of metadata has 1 to 40 letters, digits, hyphens, dots and underscores.")
		case reserved(key):
			return invalid("The metadata keys user_id and kassa… are reserved.")
		case utf8.RuneCountInString(value) > maxMetadataValue || strings.ContainsFunc(value, isControl):
			return invalid("A value of metadata has at most 500 characters, and no control characters.")
		}
	}
	return nil
}

func notInKey(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
		return false
	}
	return true
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func reserved(key string) bool {
	key = strings.ToLower(key)
	return key == billing.MetadataUserID || strings.HasPrefix(key, "kassa")
}

// quantity is how many of a price are bought; 0 of one that is billed by reported usage.
func (p *purchase) quantity(price *storefront.Price) (int, *answer) {
	switch {
	case price.Metered && p.Quantity != nil:
		return 0, invalid("quantity is not for a price that is billed by usage.")
	case price.Metered:
		return 0, nil
	case p.Quantity == nil:
		return 1, nil
	default:
		return int(*p.Quantity), nil
	}
}

// currency is the one that is asked for, or empty. A price has amounts in certain currencies only.
func (p *purchase) currency(price *storefront.Price) (billing.Currency, *answer) {
	if p.Currency == "" {
		return "", nil
	}
	currency, err := billing.ParseCurrency(p.Currency)
	if err != nil || !slices.Contains(price.Currencies(), currency) {
		return "", notForSale("The price has no amount in this currency.")
	}
	return currency, nil
}
