package webhookserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/recovery"
	database "github.com/kassa-dev/kassa/test/postgres"
)

const tieMoment = "0|1780000000000000|5|"

// inDoubt has a row whose latest events contradict each other.
func (f *sqlFixture) inDoubt(account, id, moment string) {
	f.t.Helper()
	sql := fmt.Sprintf(`INSERT INTO kassa.subscriptions (provider, account, id, customer_id, status, plan, price, price_id,
		quantity, unit_minor, currency, period, period_count, version, tied, started_at)
		VALUES ('Stripe', '%s', '%s', 'cus_1', 'PastDue', 'old', 'yearly', 'price_old', 1, 2900, 'USD', 'Year', 1, '%sevt_1',
			TRUE, '2026-01-01') RETURNING id`, account, id, moment)
	f.g.Expect(f.ask(sql)()).To(Equal(id))
}

func (r *replica) doubts() recovery.Doubts {
	r.f.t.Helper()
	got := r.inside(recovery.DoubtsPath, `{"doubts":100}`, signedNow(`{"doubts":100}`))
	r.f.g.Expect(got.StatusCode).To(Equal(http.StatusOK), got.body)
	var out recovery.Doubts
	r.f.g.Expect(json.Unmarshal([]byte(got.body), &out)).To(Succeed())
	return out
}

func (r *replica) read(readings ...recovery.Reading) answer {
	r.f.t.Helper()
	body, err := json.Marshal(recovery.Readings{Account: "acct_1", Readings: readings})
	r.f.g.Expect(err).NotTo(HaveOccurred())
	return r.inside(recovery.ReadingsPath, string(body), signedNow(string(body)))
}

// A receiver tells which subscriptions of its account are in doubt, and takes what the provider said of them, with the
// names and amounts of its Plans.
func TestDoubts(t *testing.T) {
	f := newSQLFixture(t, database.Shared(t))
	r := f.startSQL()
	r.server.plans.set("pro", pricesOf(pricedPlan()))
	f.g.Expect(r.doubts()).To(Equal(recovery.Doubts{Account: "acct_1", Doubts: []recovery.Doubt{}}))
	f.inDoubt("acct_1", "sub_1", tieMoment)
	f.inDoubt("acct_1", "sub_2", tieMoment)
	f.inDoubt("acct_2", "sub_3", tieMoment)
	f.inDoubt("acct_1", "sub_4", fmt.Sprintf("0|%016d|5|", time.Now().Add(-doubtAge/2).UnixMicro()))
	f.g.Expect(r.doubts().Doubts).To(ConsistOf(recovery.Doubt{Subscription: "sub_1", Moment: tieMoment},
		recovery.Doubt{Subscription: "sub_2", Moment: tieMoment}))

	got := r.read(
		recovery.Reading{Doubt: recovery.Doubt{Subscription: "sub_1", Moment: tieMoment}, ReadAt: time.Now(),
			State: &recovery.State{
				ID: "sub_1", Status: billing.StatusActive, PriceID: "price_monthly", Quantity: 2, Currency: "JPY",
			}},
		recovery.Reading{Doubt: recovery.Doubt{Subscription: "sub_2", Moment: tieMoment}, ReadAt: time.Now()},
	)
	f.g.Expect(got.StatusCode).To(Equal(http.StatusOK), got.body)
	f.g.Expect(r.doubts().Doubts).To(BeEmpty())
	row := func(id string) string {
		return f.ask("SELECT concat_ws(' ', status, plan, price, price_id, quantity, unit_minor, currency, period, " +
			"customer_id) FROM kassa.subscriptions WHERE id = '" + id + "'")()
	}
	f.g.Expect(row("sub_1")).To(Equal("Active pro monthly price_monthly 2 4000 JPY Month cus_1"))
	f.g.Expect(row("sub_2")).To(Equal("PastDue old yearly price_old 1 2900 USD Year cus_1"))
	f.g.Expect(f.ask("SELECT count(*)::text FROM kassa.webhook_events")()).To(Equal("0"), "nothing happened")
}

// Nothing is told to, or taken from, somebody who has not the signing secret; and neither is anything else that is
// signed with it: an event, a question, or readings of another account, or too many.
func TestDoubtsAreSigned(t *testing.T) {
	f := newSQLFixture(t, database.Shared(t))
	r := f.startSQL()
	f.inDoubt("acct_1", "sub_1", tieMoment)
	reading := func(more string) string {
		return `{"subscription":"sub_1","moment":"` + tieMoment + `","readAt":"2026-06-01T00:00:00Z"` + more + `}`
	}
	list := func(account string, readings ...string) string {
		return `{"account":"` + account + `","readings":[` + strings.Join(readings, ",") + `]}`
	}
	good := map[string]string{
		recovery.DoubtsPath: `{"doubts":100}`, recovery.ReadingsPath: list("acct_1", reading("")),
		recovery.UnknownPath: `{"ids":["evt_1"]}`, recovery.EventsPath: eventBody("evt_1", "customer.subscription.updated"),
	}
	refused := func(path, body, signature string) {
		t.Helper()
		f.g.Expect(r.inside(path, body, signature).StatusCode).To(Equal(http.StatusBadRequest), path+" "+body)
	}
	for _, path := range []string{recovery.DoubtsPath, recovery.ReadingsPath} {
		body := good[path]
		for _, signature := range []string{
			"", "x", sign("another", time.Now(), []byte(body)), sign(testSecret, time.Now().Add(-time.Hour), []byte(body)),
			signedNow(body + " "),
		} {
			refused(path, body, signature)
		}
	}
	for path := range good {
		for of, body := range good {
			if of != path {
				refused(path, body, signedNow(body))
			}
		}
	}
	for _, body := range []string{`{}`, `{"doubts":0}`, `{"doubts":-1}`, `{"doubts":101}`, `{"doubts":1}{}`} {
		refused(recovery.DoubtsPath, body, signedNow(body))
	}
	for _, body := range []string{
		list("acct_1"), list("acct_2", reading("")), list("acct_1", reading(`,"id":"evt_1"`)),
		list("acct_1", strings.Replace(reading(""), tieMoment, "0|1|5|", 1)),
		list("acct_1", strings.Replace(reading(""), "sub_1", "", 1)),
		list("acct_1", strings.Replace(reading(""), "2026-06-01T00:00:00Z", "0001-01-01T00:00:00Z", 1)),
		list("acct_1", reading(`,"state":{"id":"sub_2","status":"Active"}`)),
		list("acct_1", slices.Repeat([]string{reading("")}, recovery.MaxDoubts+1)...),
	} {
		refused(recovery.ReadingsPath, body, signedNow(body))
	}
	f.g.Expect(r.doubts().Doubts).To(HaveLen(1))
	body := good[recovery.ReadingsPath]
	f.g.Expect(r.inside(recovery.ReadingsPath, body, signedNow(body)).StatusCode).To(Equal(http.StatusOK))
	f.g.Expect(r.doubts().Doubts).To(BeEmpty())
}

// A receiver without records has no doubts.
func TestDoubtsWithoutRecords(t *testing.T) {
	f := newFixture(t, nil)
	r := f.start()
	got := r.inside(recovery.DoubtsPath, `{"doubts":1}`, signedNow(`{"doubts":1}`))
	f.g.Expect(got.StatusCode).To(Equal(http.StatusNotFound))
}
