package billing

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Money is an amount in the currency's ISO 4217 minor unit: {2900, "USD"} is 29.00 dollars.
type Money struct {
	Minor    int64
	Currency Currency
}

// ErrAmount is wrapped by every error of ParseMoney.
var ErrAmount = errors.New("invalid amount")

// maxMajorDigits keeps every amount within int64, and below what any provider takes.
const maxMajorDigits = 12

// ParseMoney reads a decimal in major units, such as "29.00" or "0". It takes no sign, no exponent, no
// separators, and no more decimals than the currency has.
func ParseMoney(amount, currency string) (Money, error) {
	c := Currency(currency)
	digits, ok := c.Digits()
	if !ok {
		return Money{}, fmt.Errorf("%w: currency %q is not an ISO 4217 code", ErrAmount, currency)
	}
	whole, fraction, point := strings.Cut(amount, ".")
	if !allDigits(whole) || (point && !allDigits(fraction)) || len(whole) > maxMajorDigits {
		return Money{}, fmt.Errorf("%w: %q is not a decimal in major units, such as \"29.00\"", ErrAmount, amount)
	}
	if len(fraction) > digits {
		return Money{}, fmt.Errorf("%w: %q has more decimals than %s allows (%d)", ErrAmount, amount, currency, digits)
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil {
		return Money{}, fmt.Errorf("%w: %q: %w", ErrAmount, amount, err)
	}
	return Money{Minor: minor, Currency: c}, nil
}

// Major is the amount in major units with all of the currency's decimals: "29.00". Negative amounts (credits)
// have a leading minus.
func (m Money) Major() string {
	digits, ok := m.Currency.Digits()
	if !ok || digits == 0 {
		return strconv.FormatInt(m.Minor, 10)
	}
	sign, abs := "", strconv.FormatInt(m.Minor, 10)
	if m.Minor < 0 {
		sign, abs = "-", abs[1:]
	}
	if short := digits + 1 - len(abs); short > 0 {
		abs = strings.Repeat("0", short) + abs
	}
	return sign + abs[:len(abs)-digits] + "." + abs[len(abs)-digits:]
}

// String is the amount and the currency: "29.00 USD".
func (m Money) String() string { return m.Major() + " " + string(m.Currency) }

func allDigits(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
