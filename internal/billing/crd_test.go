package billing_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

// The API server knows the currencies through rules in the CRD. They must be this package's.
func TestCurrencyRulesOfThePlanCRD(t *testing.T) {
	g := NewWithT(t)
	crd, err := os.ReadFile("../../config/crd/bases/billing.kassa.dev_plans.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	codes := func(list []byte) []string {
		var out []string
		for _, m := range regexp.MustCompile(`[A-Z]{3}`).FindAll(list, -1) {
			out = append(out, string(m))
		}
		slices.Sort(out)
		return out
	}
	byDigits := map[int][]string{}
	for _, code := range billing.Currencies() {
		digits, ok := billing.Currency(code).Digits()
		g.Expect(ok).To(BeTrue())
		byDigits[digits] = append(byDigits[digits], code)
	}
	found := map[int]bool{}
	for _, list := range regexp.MustCompile(`(?s)in\s+\[([A-Z',\s]+)\]`).FindAllSubmatch(crd, -1) {
		digits := 2
		got := codes(list[1])
		for _, d := range []int{0, 3} {
			if len(got) == len(byDigits[d]) {
				digits = d
			}
		}
		want := byDigits[digits]
		if digits == 2 {
			want = billing.Currencies()
		}
		g.Expect(got).To(Equal(want))
		found[digits] = true
	}
	g.Expect(found).To(HaveLen(3), "lists of codes in the CRD")
}
