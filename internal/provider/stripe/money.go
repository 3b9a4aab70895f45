package stripe

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Stripe counts most amounts in ISO 4217's minor unit. These differ, or are limited, by its page on currencies.
var (
	// Amounts are whole units. MGA has two decimals in ISO 4217.
	zeroDecimal = strings.Fields("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF")
	// Amounts have two decimals, which must be 00. In ISO 4217 there are none.
	wholeUnits = strings.Fields("ISK UGX")
	// Currencies of ISO 4217 that Stripe's list of presentment currencies lacks. Codes that are newer than the list are
	// left to Stripe's own answer.
	notCharged = strings.Fields("BTN CUP ERN GHS IQD IRR KPW LYD MRU SDG SSP STN SVC SYP TMT UYI VES")
)

const (
	// maxDollars is the largest charge in USD: Stripe's reference gives amounts eight digits, "99999999 for a USD charge
	// of $999,999.99". It says that some currencies have more.
	maxDollars = 99_999_999
	// maxAmount is beyond what any currency can be charged in.
	maxAmount = 999_999_999_999
)

// digits is the number of decimals that Stripe counts a currency with, of which ISO 4217 says iso.
func digits(c billing.Currency, iso int) int {
	switch {
	case slices.Contains(zeroDecimal, string(c)):
		return 0
	case slices.Contains(wholeUnits, string(c)):
		return 2
	default:
		return iso
	}
}

// toStripe gives the amount as Stripe counts it, and the currency as Stripe writes it. It refuses amounts that
// Stripe's units cannot express; the text, without Stripe's name, tells what would do.
func toStripe(m billing.Money) (amount int64, currency string, err error) {
	iso, ok := m.Currency.Digits()
	theirs := digits(m.Currency, iso)
	if !ok {
		return 0, "", fmt.Errorf("%q is no currency that Kassa knows", m.Currency)
	}
	amount, exact := rescale(m.Minor, theirs-iso)
	switch {
	case slices.Contains(notCharged, string(m.Currency)):
		return 0, "", fmt.Errorf("%s is no currency that can be charged in", m.Currency)
	case !exact && theirs < iso:
		return 0, "", fmt.Errorf("%s is taken only in whole units, and %s is not", m.Currency, m.Major())
	case !exact, amount > maxAmount, m.Currency == "USD" && amount > maxDollars:
		return 0, "", fmt.Errorf("%s is more than can be charged at once", m)
	case theirs == 3 && amount%10 != 0:
		return 0, "", fmt.Errorf("%s is taken only with a 0 as third decimal, and %s has none", m.Currency, m.Major())
	}
	return amount, strings.ToLower(string(m.Currency)), nil
}

// fromStripe is the inverse. ok is false for a currency that Kassa does not know and for an amount that the
// currency's minor unit cannot express.
func fromStripe(amount int64, currency string) (m billing.Money, ok bool) {
	c, err := billing.ParseCurrency(currency)
	if err != nil {
		return billing.Money{}, false
	}
	iso, _ := c.Digits()
	theirs := digits(c, iso)
	minor, exact := rescale(amount, iso-theirs)
	if !exact {
		return billing.Money{}, false
	}
	return billing.Money{Minor: minor, Currency: c}, true
}

// rescale multiplies by ten to the power of shift, if the result is exact.
func rescale(n int64, shift int) (int64, bool) {
	for ; shift > 0; shift-- {
		if n > math.MaxInt64/10 || n < math.MinInt64/10 {
			return 0, false
		}
		n *= 10
	}
	for ; shift < 0; shift++ {
		if n%10 != 0 {
			return 0, false
		}
		n /= 10
	}
	return n, true
}
