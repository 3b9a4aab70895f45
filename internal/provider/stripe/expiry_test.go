package stripe

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestSessionEnds(t *testing.T) {
	g := NewWithT(t)
	// lives are how long the sessions would live; 0 is for Stripe's own life.
	lives := func(life, step time.Duration) (out []time.Duration) {
		for _, end := range sessionEnds(noon.Add(life), step, noon) {
			if end == nil {
				out = append(out, 0)
			} else {
				out = append(out, time.Unix(*end, 0).Sub(noon))
			}
		}
		return out
	}
	const m, h = time.Minute, time.Hour
	g.Expect(lives(m, 0)).To(Equal([]time.Duration{31 * m}))
	g.Expect(lives(h, 0)).To(Equal([]time.Duration{h}))
	g.Expect(lives(24*h, 0)).To(Equal([]time.Duration{0}))
	g.Expect(lives(48*h, 0)).To(Equal([]time.Duration{0}))
	g.Expect(lives(30*m, 5*m)).To(Equal([]time.Duration{35 * m, 40 * m, 30 * m, 25 * m, 20 * m, 15 * m, 10 * m, 5 * m}))
	g.Expect(lives(20*h, 5*h)).To(Equal([]time.Duration{20 * h, 25 * h, 15 * h, 10 * h, 5 * h}))
	g.Expect(sessionEnds(time.Time{}, 0, noon)).To(Equal([]*int64{nil}))
}

// till is Stripe as far as idempotency keys go, with sessions that end.
type till struct {
	mu       sync.Mutex
	now      time.Time
	sessions map[string]time.Time // their ends, by id
	used     map[string][2]string // by key: what was asked for, and the id of what was made
	busy     int                  // so many requests are told that the key is in use
}

func (c *till) answer(r sent) reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.method == "GET" {
		id := r.path[len("/v1/checkout/sessions/"):]
		status := "open"
		if !c.sessions[id].After(c.now) {
			status = "expired"
		}
		return ok(sessionJSON(id, status))
	}
	if c.busy > 0 {
		c.busy--
		return failure(409, "idempotency_error", "idempotency_key_in_use")
	}
	if used, is := c.used[r.key]; is {
		if used[0] != r.form.Encode() {
			return failure(400, "idempotency_error", "")
		}
		return ok(sessionJSON(used[1], "open")).with("Idempotent-Replayed", "true")
	}
	end := c.now.Add(24 * time.Hour)
	if text := r.form.Get("expires_at"); text != "" {
		seconds, _ := strconv.ParseInt(text, 10, 64)
		end = time.Unix(seconds, 0)
	}
	if life := end.Sub(c.now); life < 30*time.Minute || life > 24*time.Hour {
		return failure(400, "invalid_request_error", "")
	}
	id := fmt.Sprintf("cs_%d", len(c.sessions)+1)
	c.sessions[id], c.used[r.key] = end, [2]string{r.form.Encode(), id}
	return ok(sessionJSON(id, "open"))
}

// open asks for the same purchase as a process does whose clock shows now.
func open(t *testing.T, c *till, life, step time.Duration, now time.Time) (string, error) {
	t.Helper()
	conn, _ := connect(t, c.answer)
	in := purchase(func(in *provider.CheckoutSpec) { in.ExpiresAt, in.ExpiryStep = now.Add(life), step })
	if step > 0 {
		in.ExpiresAt = in.ExpiresAt.Truncate(step).Add(step)
	}
	got, err := (&checkouts{conn.(*connection)}).open(t.Context(), in, now)
	return got.ID, err
}

// The same purchase opens one session for as long as it lives, whenever and by whatever replica it is asked for.
func TestOneSessionWheneverItIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		life, step time.Duration
		open       []time.Duration // still the first session
		over       time.Duration   // another one
	}{
		{24 * time.Hour, 0, []time.Duration{time.Second, 5 * time.Minute, 23 * time.Hour}, 24 * time.Hour},
		{30 * time.Minute, 5 * time.Minute, []time.Duration{
			time.Second, 59 * time.Second, 61 * time.Second, 5 * time.Minute, 29 * time.Minute, -2 * time.Second,
		}, 40 * time.Minute},
		{8 * time.Hour, 30 * time.Minute, []time.Duration{time.Minute, 31 * time.Minute, 7*time.Hour + 59*time.Minute},
			9 * time.Hour},
	} {
		t.Run(c.life.String(), func(t *testing.T) {
			for _, start := range []time.Time{noon, noon.Add(4*time.Minute + 59*time.Second), noon.Add(90 * time.Second)} {
				g := NewWithT(t)
				till := &till{now: start, sessions: map[string]time.Time{}, used: map[string][2]string{}}
				ask := func(after time.Duration) (string, error) {
					till.now = start.Add(max(after, 0))
					return open(t, till, c.life, c.step, start.Add(after))
				}
				g.Expect(ask(0)).To(Equal("cs_1"))
				for _, after := range c.open {
					g.Expect(ask(after)).To(Equal("cs_1"), "%s after %s", after, start)
				}
				g.Expect(till.sessions).To(HaveLen(1))
				g.Expect(ask(c.over)).To(Equal("cs_2"))
				g.Expect(ask(c.over + 7*time.Minute)).To(Equal("cs_2"))
			}
		})
	}
}

// What another replica asks for at the same moment is waited for.
func TestOneSessionForTwoAtOnce(t *testing.T) {
	g := NewWithT(t)
	till := &till{now: noon, sessions: map[string]time.Time{}, used: map[string][2]string{}}
	g.Expect(open(t, till, time.Hour, 5*time.Minute, noon)).To(Equal("cs_1"))
	till.busy = 2
	g.Expect(open(t, till, time.Hour, 5*time.Minute, noon)).To(Equal("cs_1"))
	till.busy = 1000
	conn, _ := connect(t, till.answer)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := conn.(provider.Seller).Checkouts().Open(ctx, purchase())
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable), "%v", err)
}
