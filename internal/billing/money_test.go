package billing_test

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

func TestParseMoney(t *testing.T) {
	for _, c := range []struct {
		why, amount, currency string
		minor                 int64
		bad                   bool
	}{
		{"two decimals", "29.00", "USD", 2900, false},
		{"fewer decimals than the currency has", "29", "USD", 2900, false},
		{"one decimal is tenths, not hundredths", "29.5", "USD", 2950, false},
		{"a free price", "0", "USD", 0, false},
		{"no decimals", "500", "JPY", 500, false},
		{"three decimals", "5.125", "KWD", 5125, false},
		{"a cent", "0.01", "EUR", 1, false},
		{"more decimals than dollars have", "29.999", "USD", 0, true},
		{"decimals of a currency without", "500.5", "JPY", 0, true},
		{"a sign", "-1", "USD", 0, true},
		{"a plus sign", "+1", "USD", 0, true},
		{"no number", "abc", "USD", 0, true},
		{"an exponent", "1e3", "USD", 0, true},
		{"a comma", "1,00", "USD", 0, true},
		{"a point without decimals", "1.", "USD", 0, true},
		{"decimals without a whole part", ".5", "USD", 0, true},
		{"empty", "", "USD", 0, true},
		{"digits of another script", "２９", "USD", 0, true},
		{"more than 64 bits hold", "99999999999999999999", "USD", 0, true},
		{"a currency that nobody has", "1", "XXX", 0, true},
		{"a currency in lower case", "1", "usd", 0, true},
		{"two codes in one", "1", "BIF CLP", 0, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			g := NewWithT(t)
			m, err := billing.ParseMoney(c.amount, c.currency)
			g.Expect(errors.Is(err, billing.ErrAmount)).To(Equal(c.bad), "error: %v", err)
			g.Expect(m.Minor).To(Equal(c.minor))
		})
	}
}

func TestMajorIsTheInverseOfParse(t *testing.T) {
	g := NewWithT(t)
	for _, code := range billing.Currencies() {
		for _, minor := range []int64{0, 1, 9, 10, 99, 100, 101, 123456789} {
			m := billing.Money{Minor: minor, Currency: billing.Currency(code)}
			back, err := billing.ParseMoney(m.Major(), code)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(back).To(Equal(m))
		}
	}
	g.Expect(billing.Money{Minor: -5, Currency: "USD"}.Major()).To(Equal("-0.05"))
}

func FuzzParseMoney(f *testing.F) {
	f.Add("29.00", "USD")
	f.Add("0", "JPY")
	f.Add("1.234", "KWD")
	f.Fuzz(func(t *testing.T, amount, currency string) {
		m, err := billing.ParseMoney(amount, currency)
		if err != nil {
			return
		}
		back, err := billing.ParseMoney(m.Major(), currency)
		if err != nil || back != m {
			t.Fatalf("%q %s is %v, which reads back as %v, %v", amount, currency, m, back, err)
		}
	})
}
