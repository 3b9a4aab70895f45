package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/records"
)

// desk is a provider and a receiver that is in doubt.
type desk struct {
	doubts Doubts
	errs   map[string]error // of the provider, by subscription
	away   error            // of the receiver
	asked  []string
	told   *Readings
}

func (d *desk) Reread(_ context.Context, id string) (provider.SubscriptionState, error) {
	d.asked = append(d.asked, id)
	return provider.SubscriptionState{Told: billing.EventSubscription{ID: id}, Ended: noon}, d.errs[id]
}

func (d *desk) Doubts(_ context.Context, most int) (Doubts, error) {
	if most != MaxDoubts {
		return Doubts{}, errors.New("another bound")
	}
	return d.doubts, nil
}

func (d *desk) Read(_ context.Context, r Readings) error {
	d.told = &r
	return d.away
}

func doubtsOf(account string, n int) Doubts {
	out := Doubts{Account: account}
	for i := range n {
		out.Doubts = append(out.Doubts, Doubt{fmt.Sprintf("sub_%d", i), "0|1800000000000000|5|"})
	}
	return out
}

func TestReread(t *testing.T) {
	failure := func(c provider.Class) error { return &provider.Error{Class: c, Operation: c.String()} }
	gone, terminal := failure(provider.ClassNotFound), failure(provider.ClassTerminal)
	limited, away := failure(provider.ClassRateLimited), &UnavailableError{Status: 503}
	for name, c := range map[string]struct {
		doubts Doubts
		errs   map[string]error
		away   error
		want   Reads
		err    error
		asked  int
		told   []string
	}{
		"nothing":            {doubts: doubtsOf("acct_1", 0)},
		"of another account": {doubts: doubtsOf("acct_2", 3)},
		"all": {doubts: doubtsOf("acct_1", 2), want: Reads{Read: 2}, asked: 2,
			told: []string{"sub_0", "sub_1"}},
		"more than was asked": {doubts: doubtsOf("acct_1", MaxDoubts+1), want: Reads{Read: MaxDoubts}, asked: MaxDoubts},
		"one that is gone": {doubtsOf("acct_1", 2), map[string]error{"sub_0": gone}, nil,
			Reads{1, 1, 0}, nil, 2, []string{"-sub_0", "sub_1"}},
		"too many requests": {doubtsOf("acct_1", 3), map[string]error{"sub_1": limited}, nil,
			Reads{1, 0, 1}, limited, 2, []string{"sub_0"}},
		"too many at once": {doubtsOf("acct_1", 3), map[string]error{"sub_0": limited}, nil,
			Reads{0, 0, 1}, limited, 1, nil},
		"one that is refused": {doubtsOf("acct_1", 2), map[string]error{"sub_0": terminal}, nil,
			Reads{1, 0, 1}, terminal, 2, []string{"sub_1"}},
		"many that are refused": {doubtsOf("acct_1", 9),
			map[string]error{"sub_0": terminal, "sub_2": terminal, "sub_4": terminal}, nil,
			Reads{2, 0, 3}, terminal, 5, []string{"sub_1", "sub_3"}},
		"the receiver is away": {doubtsOf("acct_1", 1), nil, away, Reads{}, away, 1, []string{"sub_0"}},
	} {
		g, d := NewWithT(t), &desk{doubts: c.doubts, errs: c.errs, away: c.away}
		got, err := Reread{
			Provider: d, Account: "acct_1", Receiver: d, Now: func() time.Time { return noon },
		}.Run(t.Context())
		g.Expect(got).To(Equal(c.want), name)
		if c.err == nil {
			g.Expect(err).NotTo(HaveOccurred(), name)
		} else {
			g.Expect(err).To(MatchError(c.err), name)
		}
		g.Expect(d.asked).To(HaveLen(c.asked), name)
		if c.asked == 0 || c.told == nil {
			g.Expect(d.told == nil).To(Equal(c.want.Read == 0), name)
			continue
		}
		var told []string
		for _, r := range d.told.Readings {
			g.Expect([]any{r.Moment, r.ReadAt, d.told.Account}).To(Equal([]any{c.doubts.Doubts[0].Moment, noon, "acct_1"}))
			if id := r.Subscription; r.State == nil {
				told = append(told, "-"+id)
			} else {
				g.Expect(r.Ended).To(Equal(noon))
				told = append(told, r.State.ID)
			}
		}
		g.Expect(told).To(Equal(c.told), name)
	}
}

// A reading loses nothing on its way.
func TestReadingsAreSentWhole(t *testing.T) {
	g := NewWithT(t)
	state := billing.EventSubscription{
		ID: "sub_1", Status: "Active", Plan: "pro", Price: "monthly", PriceID: "price_1", CurrentPeriodEnd: &noon,
		CancelAtPeriodEnd: new(true), TrialEnd: &noon,
		Owner: billing.Owner{Cluster: "c", Namespace: "n", Name: "p", UID: "u"},
		Charge: &billing.EventCharge{Unit: billing.Money{Minor: 1, Currency: "USD"}, Quantity: 2, Interval: billing.Month,
			Count: 3},
		Quantity: 4, Currency: "EUR", OrderID: "5",
	}
	var got Readings
	c := receiverAt(t, func(w http.ResponseWriter, path string, body []byte) {
		switch path {
		case DoubtsPath:
			g.Expect(string(body)).To(Equal(`{"doubts":7}`))
			_, _ = w.Write([]byte(`{"account":"acct_1","doubts":[{"subscription":"sub_1","moment":"m"}]}`))
		case ReadingsPath:
			g.Expect(json.Unmarshal(body, &got)).To(Succeed())
			_, _ = w.Write([]byte("{}"))
		}
	})
	doubts, err := c.Doubts(t.Context(), 7)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(doubts).To(Equal(Doubts{"acct_1", []Doubt{{"sub_1", "m"}}}))
	sent := Reading{Doubt: doubts.Doubts[0], ReadAt: noon, State: (*State)(&state), Ended: noon}
	gone := Reading{Doubt: doubts.Doubts[0], ReadAt: noon}
	g.Expect(c.Read(t.Context(), Readings{"acct_1", []Reading{sent, gone}})).To(Succeed())
	g.Expect(got.Readings[0].Record()).
		To(Equal(records.Reading{ID: "sub_1", Moment: "m", At: noon, Told: &state, Ended: noon}))
	g.Expect(got.Readings[1].Record()).To(Equal(records.Reading{ID: "sub_1", Moment: "m", At: noon}))

	c = receiverAt(t, func(w http.ResponseWriter, _ string, _ []byte) { w.WriteHeader(http.StatusNotFound) })
	_, err = c.Doubts(t.Context(), 7)
	g.Expect(err).To(MatchError("the receiver answers HTTP 404 Not Found"))
	g.Expect(c.Read(t.Context(), Readings{})).To(MatchError("the receiver answers HTTP 404 Not Found"))
}
