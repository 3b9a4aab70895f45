package recovery

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// past is a history of events, newest first, in pages of a hundred.
type past struct {
	events []billing.Event
	calls  int
	answer func(cursor string) (provider.PastEvents, error) // nil: the events
}

func (p *past) HistoryTraits() provider.HistoryTraits { return provider.HistoryTraits{} }

func (p *past) Events(_ context.Context, _ provider.Span, cursor string) (provider.PastEvents, error) {
	p.calls++
	if p.answer != nil {
		return p.answer(cursor)
	}
	from := 0
	if cursor != "" {
		_, _ = fmt.Sscan(cursor, &from)
	}
	to := min(from+100, len(p.events))
	page := provider.PastEvents{Events: p.events[from:to]}
	if to < len(p.events) {
		page.Next = strconv.Itoa(to)
	}
	return page, nil
}

// events are so many, one each second before noon, newest first, of seven customers.
func events(n int) []billing.Event {
	out := make([]billing.Event, n)
	for i := range out {
		out[i] = billing.Event{
			ID: fmt.Sprintf("evt_%05d", n-i), NativeType: "invoice.paid", Type: billing.PaymentSucceeded,
			Time: noon.Add(-time.Duration(i) * time.Second), Native: []byte("{}"),
			Customer: &billing.EventCustomer{ID: fmt.Sprintf("cus_%d", i%7)},
		}
	}
	return out
}

// alone are events of nobody.
func alone(n int) []billing.Event {
	out := events(n)
	for i := range out {
		out[i].Customer = nil
	}
	return out
}

// memory is a receiver.
type memory struct {
	mu     sync.Mutex
	known  map[string]bool
	taken  []string
	broken error
	asked  int
	take   func(id string) (Result, error)
}

func (m *memory) Unknown(_ context.Context, ids []string) (out []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	for _, id := range ids {
		if !m.known[id] {
			out = append(out, id)
		}
	}
	return append(out, "evt_of_nobody"), m.broken
}

func (m *memory) Take(_ context.Context, e *billing.Event) (Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.take != nil {
		if r, err := m.take(e.ID); r != "" || err != nil {
			return r, err
		}
	}
	m.taken = append(m.taken, e.ID)
	m.known[e.ID] = true
	return "processed", nil
}

func sweepOf(p *past, m *memory) Sweep {
	if m.known == nil {
		m.known = map[string]bool{}
	}
	return Sweep{
		History: p, Receiver: m, Records: func(*billing.Event) bool { return true },
		Span: provider.Span{From: noon.Add(-24 * time.Hour)}, Now: noon.Add(time.Hour), Settled: true,
	}
}

// Ten thousand events that are known cost a call for each page, and nothing is brought.
func TestKnownEventsAreNotBrought(t *testing.T) {
	g, p, m := NewWithT(t), &past{events: events(10_000)}, &memory{known: map[string]bool{}}
	for _, e := range p.events {
		m.known[e.ID] = true
	}
	f, err := sweepOf(p, m).Run(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f).To(Equal(Found{Calls: 100, Done: true}))
	g.Expect(m.taken).To(BeEmpty())
	g.Expect(p.calls).To(BeNumerically("<=", MaxCalls))
}

// What is missing is brought once, and what is of one customer in the order in which it happened.
func TestMissingEventsAreBroughtInOrder(t *testing.T) {
	g, p, m := NewWithT(t), &past{events: events(500)}, &memory{known: map[string]bool{}}
	p.events = append(p.events, p.events[:50]...) // a page may be read twice
	want := map[string][]string{}
	for i := 499; i >= 0; i-- {
		if e := p.events[i]; i%3 == 0 {
			m.known[e.ID] = true
		} else {
			want[e.Customer.ID] = append(want[e.Customer.ID], e.ID)
		}
	}
	f, err := sweepOf(p, m).Run(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f).To(Equal(Found{Calls: 6, Recovered: 333, Done: true}))
	customer, got := map[string]string{}, map[string][]string{}
	for _, e := range p.events {
		customer[e.ID] = e.Customer.ID
	}
	for _, id := range m.taken {
		got[customer[id]] = append(got[customer[id]], id)
	}
	g.Expect(got).To(Equal(want))
}

// Events that the receiver does not remember, that are not of the time, or that the provider is about to deliver, are
// not asked for.
func TestOthersAreLeftOut(t *testing.T) {
	g, p, m := NewWithT(t), &past{events: events(4)}, &memory{}
	s := sweepOf(p, m)
	s.Now = noon.Add(30 * time.Second)
	s.Span = provider.Span{From: p.events[2].Time, To: noon.Add(time.Hour)}
	p.events[0].Time = noon                        // young
	p.events[1].Time = noon.Add(30 * time.Minute)  // by a clock that is far ahead
	p.events[2].Time = noon.Add(-time.Hour)        // before the span
	p.events[3].Time = s.Span.From.Add(-time.Hour) // likewise
	f, err := s.Run(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]int{f.Recovered, m.asked}).To(Equal([]int{1, 1}))
	s.Settled, m.taken = false, nil
	_, err = s.Run(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.taken).To(Equal([]string{p.events[0].ID}))
	s.Records, m.known, m.asked = func(*billing.Event) bool { return false }, map[string]bool{}, 0
	f, err = s.Run(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]int{f.Recovered, m.asked}).To(Equal([]int{0, 0}))
}

// A sweep stops at its bound, and the next one goes on where it ended.
func TestSweepGoesOn(t *testing.T) {
	g, p, m := NewWithT(t), &past{events: events(25_000)}, &memory{}
	s, recovered, sweeps := sweepOf(p, m), 0, 0
	for done := false; !done; sweeps++ {
		f, err := s.Run(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(f.Calls).To(BeNumerically("<=", MaxCalls))
		s.Cursor, recovered, done = f.Next, recovered+f.Recovered, f.Done
	}
	g.Expect([]int{sweeps, recovered, p.calls}).To(Equal([]int{3, 25_000, 250}))
}

// Whatever a provider says, a sweep ends, after a bounded number of calls, and says why.
func TestLiars(t *testing.T) {
	page := func(next string) (provider.PastEvents, error) { return provider.PastEvents{Next: next}, nil }
	limited := &provider.Error{Class: provider.ClassRateLimited, RetryAfter: time.Minute}
	n := 0
	more := func(string) (provider.PastEvents, error) { n++; return page(strconv.Itoa(n)) }
	limit := func(string) (provider.PastEvents, error) { return provider.PastEvents{}, limited }
	turns := map[string]string{"": "a", "a": "b", "b": "a"}
	for name, c := range map[string]struct {
		answer func(string) (provider.PastEvents, error)
		want   error
		calls  int
	}{
		"the same page":     {func(string) (provider.PastEvents, error) { return page("a") }, ErrEndless, 2},
		"two pages in turn": {func(c string) (provider.PastEvents, error) { return page(turns[c]) }, ErrEndless, 3},
		"ever new pages":    {more, nil, MaxCalls},
		"too many requests": {limit, limited, 1},
		"no events":         {func(string) (provider.PastEvents, error) { return provider.PastEvents{}, nil }, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f, err := sweepOf(&past{answer: c.answer}, &memory{}).Run(t.Context())
			if c.want == nil {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(MatchError(c.want))
			}
			g.Expect(f.Calls).To(Equal(c.calls))
		})
	}
}

// What was found before the provider failed is brought, and the page that failed is the next.
func TestProviderFailsMidway(t *testing.T) {
	g, p, m := NewWithT(t), &past{events: events(300)}, &memory{}
	broken := errors.New("away")
	p.answer = func(cursor string) (provider.PastEvents, error) {
		if cursor == "200" {
			return provider.PastEvents{}, broken
		}
		return (&past{events: p.events}).Events(t.Context(), provider.Span{}, cursor)
	}
	f, err := sweepOf(p, m).Run(t.Context())
	g.Expect(err).To(MatchError(broken))
	g.Expect(f).To(Equal(Found{Calls: 3, Recovered: 200, Next: "200"}))
}

// An event that the receiver cannot take now holds up the later ones of its customer, and nobody else's; what was
// looked at is looked at again. One that is refused for good holds nothing up.
func TestReceiverFails(t *testing.T) {
	g, p, m := NewWithT(t), &past{events: events(300)}, &memory{}
	m.take = func(id string) (Result, error) {
		if id == "evt_00150" {
			return "", &UnavailableError{Status: 503}
		}
		return "", nil
	}
	s := sweepOf(p, m)
	s.Cursor = "100"
	f, err := s.Run(t.Context())
	g.Expect(err).To(MatchError("the receiver answers HTTP 503 Service Unavailable"))
	g.Expect([]any{f.Next, f.Done}).To(Equal([]any{"100", false}))
	for _, e := range p.events[100:] {
		waits := e.Customer.ID == "cus_3" && e.ID >= "evt_00150"
		g.Expect(m.known[e.ID]).To(Equal(!waits), e.ID)
	}

	m.take = func(id string) (Result, error) {
		switch id {
		case "evt_00150":
			return "", &RefusedError{Problem: "malformed"}
		case "evt_00151":
			return "duplicate", nil
		}
		return "", nil
	}
	m.known = map[string]bool{}
	f, err = sweepOf(p, m).Run(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.Refused).To(Equal(1))
	g.Expect(len(m.known)).To(Equal(298))
	tried := 0
	m.known, m.take = map[string]bool{}, func(string) (Result, error) { tried++; return "", &UnavailableError{} }
	_, err = sweepOf(&past{events: alone(300)}, m).Run(t.Context())
	g.Expect(err).To(HaveOccurred())
	g.Expect(tried).To(BeNumerically("<", 2*maxUntaken), "it is not asked for every event whether it takes any")
	m.broken = &UnavailableError{}
	f, err = sweepOf(p, m).Run(t.Context())
	g.Expect(err).To(MatchError("the receiver cannot be reached"))
	g.Expect([]any{f.Calls, f.Done}).To(Equal([]any{1, false}))
}
