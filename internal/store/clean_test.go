package store_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/store"
)

func TestText(t *testing.T) {
	g := NewWithT(t)
	g.Expect(store.ID("cus_1")).To(Equal("cus_1"))
	g.Expect(store.ID("a\x00b\xff")).To(Equal("a\uFFFDb\uFFFD"))
	g.Expect(store.ID(strings.Repeat("a", 499) + "é")).To(Equal(strings.Repeat("a", 499)))
	cut := store.Text(strings.Repeat("語", 1000))
	g.Expect(len(cut)).To(BeNumerically("~", 2000, 3))
	g.Expect(utf8.ValidString(cut)).To(BeTrue())
}

// Whatever a provider sends, its records can be written, and so can those of the events beside it.
func TestHostileRecords(t *testing.T) {
	conn := connect(t)
	far := time.Unix(9_400_000_000_000, 0)
	long := strings.Repeat("long random text "+string(rune(0x4e00)), 20_000)
	for name, change := range map[string]func(*billing.Event){
		"a zero byte in the email": func(e *billing.Event) { e.Customer.Email = "a\x00@b.c" },
		"a zero byte in the user":  func(e *billing.Event) { e.Customer.UserID = "a\x00" },
		"a zero byte in the plan":  func(e *billing.Event) { e.Subscription.Plan = "a\x00" },
		"a zero byte in the code":  func(e *billing.Event) { e.Payment.FailureCode = "a\x00" },
		"no UTF-8":                 func(e *billing.Event) { e.Customer.UserID = "a\xff" },
		"a long user":              func(e *billing.Event) { e.Customer.UserID = incompressible() },
		"long keys": func(e *billing.Event) {
			e.Customer.ID, e.Subscription.ID, e.Payment.ID = incompressible(), incompressible(), incompressible()
		},
		"a long email":    func(e *billing.Event) { e.Customer.Email = long },
		"the year 299844": func(e *billing.Event) { e.Time = far },
		"the last time":   func(e *billing.Event) { e.Time = time.Unix(1<<62, 0) },
		"before Christ":   func(e *billing.Event) { e.Time = time.Unix(-300_000_000_000, 0) },
		"attempts":        func(e *billing.Event) { e.Payment.Attempt = math.MaxInt },
		"a large charge": func(e *billing.Event) {
			e.Subscription.Charge = &billing.EventCharge{Quantity: 1 << 60, Count: 1 << 40}
		},
		"a far end": func(e *billing.Event) { e.Subscription.CurrentPeriodEnd = &far },
	} {
		t.Run(name, func(t *testing.T) {
			e := &billing.Event{
				ID: "evt_1", Type: billing.PaymentFailed, Time: time.Unix(1_800_000_000, 0),
				Customer:     &billing.EventCustomer{ID: "cus_1", Email: "jane@example.com", UserID: "42"},
				Subscription: &billing.EventSubscription{ID: "sub_1", Status: billing.StatusActive, Plan: "pro"},
				Payment: &billing.EventPayment{ID: "pi_1", Money: billing.Money{Minor: 1, Currency: "USD"},
					Status: billing.PaymentStatusFailed, Attempt: 1},
			}
			change(e)
			write(t, conn, records.Of(account, e))
			found := dump(t, conn)
			NewWithT(t).Expect(found).To(And(HaveKeyWithValue("customers", HaveLen(1)),
				HaveKeyWithValue("subscriptions", HaveLen(1)), HaveKeyWithValue("payments", HaveLen(1)),
				HaveKeyWithValue("payment_failures", HaveLen(1))))
			empty(t, conn)
		})
	}
}

// A charge out of all proportion does not keep the views from answering.
func TestHugeCharge(t *testing.T) {
	g := NewWithT(t)
	b := &book{t: t, conn: connect(t)}
	for i, c := range []billing.EventCharge{
		{Unit: billing.Money{Minor: 2900, Currency: "USD"}, Quantity: 1 << 60, Interval: billing.Week, Count: 1 << 40},
		{Unit: billing.Money{Minor: math.MinInt64, Currency: "USD"}, Quantity: 7, Interval: billing.Month, Count: 1},
		{Unit: billing.Money{Minor: 1 << 62, Currency: "USD"}, Quantity: 7, Interval: billing.Year, Count: 1},
		{Unit: billing.Money{Minor: 2900, Currency: "USD"}, Quantity: 7, Interval: billing.Month, Count: 1},
	} {
		b.sub(paddle, on(1, i+1), billing.EventSubscription{
			ID: fmt.Sprintf("sub_%d", i), Status: billing.StatusActive, Plan: "pro", Charge: &c,
		})
	}
	var rows, right int
	const sql = "SELECT count(monthly_minor), count(*) FILTER (WHERE monthly_minor = 20300) FROM kassa.subscription_lives"
	g.Expect(b.conn.QueryRow(t.Context(), sql).Scan(&rows, &right)).To(Succeed())
	g.Expect(rows).To(Equal(4))
	g.Expect(right).To(Equal(1))
}

// incompressible is a text that PostgreSQL cannot make small.
func incompressible() string {
	random := rand.NewChaCha8([32]byte{})
	out := make([]byte, 6000)
	for i := range out {
		out[i] = 'a' + byte(random.Uint64()%26)
	}
	return string(out)
}
