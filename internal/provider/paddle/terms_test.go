package paddle

import (
	"testing"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// What CheckPrice takes Paddle takes too, up to the last day and the last minor unit.
func TestCheckPriceAtItsBounds(t *testing.T) {
	conn := connect(t)
	owner := billing.Owner{Cluster: "c", Namespace: "n", Name: "p", UID: "u"}
	product, err := conn.Catalog().CreateProduct(t.Context(), provider.CreateProduct{
		Owner: owner, Spec: billing.ProductSpec{Name: "Pro"},
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	spec := func(interval billing.Interval, count, trial int, minor int64) billing.PriceSpec {
		return billing.PriceSpec{TrialDays: trial, Terms: billing.PriceTerms{
			Money: billing.Money{Minor: minor, Currency: "USD"}, TaxBehavior: billing.TaxUnspecified,
			Recurring: billing.Recurring{Interval: interval, Count: count},
		}}
	}
	for _, c := range []struct {
		spec billing.PriceSpec
		want string // the refusal; empty: taken
	}{
		{spec(billing.Day, 999, 0, 1), ""},
		{spec(billing.Day, 1000, 0, 1), "recurring: a billing period has at most 999 days"},
		{spec(billing.Day, 1095, 0, 1), "recurring: a billing period has at most 999 days"},
		{spec(billing.Week, 156, 0, 1), ""},
		{spec(billing.Week, 157, 0, 1), "recurring: a billing period is at most three years"},
		{spec(billing.Month, 36, 0, 1), ""},
		{spec(billing.Month, 37, 0, 1), "recurring: a billing period is at most three years"},
		{spec(billing.Year, 3, 0, 1), ""},
		{spec(billing.Year, 4, 0, 1), "recurring: a billing period is at most three years"},
		{spec(billing.Month, 1, 999, 1), ""},
		{spec(billing.Month, 1, 1000, 1), "trial: a trial has at most 999 days"},
		{spec("", 0, 0, 999_999_999_999), ""},
		{spec("", 0, 0, 1_000_000_000_000), "amount 10000000000.00 USD is more than can be charged"},
	} {
		g, err := NewWithT(t), Adapter{}.CheckPrice(c.spec)
		if c.want != "" {
			g.Expect(err).To(MatchError(c.want))
			continue
		}
		g.Expect(err).NotTo(HaveOccurred())
		_, err = conn.Catalog().CreatePrice(t.Context(), provider.CreatePrice{
			Owner: owner, ProductID: product.ID, Name: "p", Spec: c.spec,
		})
		g.Expect(err).NotTo(HaveOccurred())
	}
}

// A trial of weeks is one of days; one of months or years, whose days differ, is no Plan's.
func TestTrialsOfOtherUnits(t *testing.T) {
	of := func(interval paddle.Interval, n int) int {
		return trialFrom(&paddle.Duration{Interval: interval, Frequency: n})
	}
	g := NewWithT(t)
	g.Expect(trialFrom(nil)).To(BeZero())
	g.Expect(of(paddle.IntervalDay, 14)).To(Equal(14))
	g.Expect(of(paddle.IntervalWeek, 2)).To(Equal(14))
	for _, n := range []int{0, 1, 14} {
		g.Expect(of(paddle.IntervalMonth, n)).To(BeNumerically("<", 0))
		g.Expect(of(paddle.IntervalYear, n)).To(BeNumerically("<", 0))
	}
}
