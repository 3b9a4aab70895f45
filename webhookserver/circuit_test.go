package webhookserver

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// One after the other, an event each.
func failing(c *circuit, now time.Time, events ...string) {
	for _, e := range events {
		if p, ok := c.admit(now); ok {
			c.report(now, p, e, healthFails, 0)
		}
	}
}

func TestCircuit(t *testing.T) {
	five := []string{"1", "2", "3", "4", "5"}
	now := noon
	for _, c := range []struct {
		reason string
		do     func(*circuit)
		open   bool
		until  time.Duration // at most; half of it at least
	}{
		{"new", func(*circuit) {}, false, 0},
		{"five events failed", func(c *circuit) { failing(c, now, five...) }, true, minProbe},
		{"one event failed ten times", func(c *circuit) { failing(c, now, "1", "1", "1", "1", "1", "1", "1", "1", "1", "1") },
			false, 0},
		{"one was taken in between", func(c *circuit) {
			failing(c, now, "1", "2", "3", "4")
			p, _ := c.admit(now)
			c.report(now, p, "5", healthAnswers, 0)
			failing(c, now, "6", "7", "8", "9")
		}, false, 0},
		{"asked for a pause", func(c *circuit) {
			p, _ := c.admit(now)
			c.report(now, p, "1", healthRests, 40*time.Second)
		}, true, 40 * time.Second},
		{"broken off by the receiver's end", func(c *circuit) {
			for _, e := range five {
				p, _ := c.admit(now)
				c.report(now, p, e, healthUnknown, 0)
			}
		}, false, 0},
		{"the probe failed", func(c *circuit) {
			failing(c, now.Add(-minProbe), five...)
			failing(c, now, "6")
		}, true, 2 * minProbe},
		{"the probe was taken", func(c *circuit) {
			failing(c, now.Add(-minProbe), five...)
			p, _ := c.admit(now)
			c.report(now, p, "6", healthAnswers, 0)
		}, false, 0},
		{"answers from before it opened", func(c *circuit) {
			p, _ := c.admit(now)
			failing(c, now, five...)
			c.report(now, p, "6", healthAnswers, 0)
		}, true, minProbe},
		{"failures from before it opened do not open it again", func(c *circuit) {
			var old []permit
			for range 20 {
				p, _ := c.admit(now.Add(-minProbe))
				old = append(old, p)
			}
			failing(c, now.Add(-minProbe), five...)
			p, _ := c.admit(now)
			c.report(now, p, "6", healthAnswers, 0)
			for i, p := range old {
				c.report(now, p, fmt.Sprint("old", i), healthFails, 0)
			}
		}, false, 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			x := &circuit{}
			c.do(x)
			p := x.passage(now)
			if p.open != c.open {
				t.Fatalf("open is %v", p.open)
			}
			if wait := p.until.Sub(now); c.open && (wait > c.until || wait < c.until/2) {
				t.Errorf("a probe may go after %v, want up to %v", wait, c.until)
			}
		})
	}
}

func TestPauseOfACircuitGrowsToItsLimit(t *testing.T) {
	c, now := &circuit{}, noon
	failing(c, now, "1", "2", "3", "4", "5")
	for i := range 20 {
		now = c.passage(now).until
		failing(c, now, "x")
		if got := c.passage(now).until.Sub(now); got > maxProbe || i > 5 && got < maxProbe/2 {
			t.Fatalf("pause %d is %v", i, got)
		}
	}
}

// Random schedules against what a circuit is for: while open it lets one request at a time through, and none before the
// pause is over; closed, it lets all through; it opens only after enough different events failed, and closes only by a
// probe.
func TestCircuitModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	type request struct {
		permit permit
		event  string
	}
	for range 2000 {
		c, now := &circuit{}, noon
		var flying []request
		failed := map[string]bool{} // since the last success in the present turn
		probes := 0
		for range 200 {
			before := c.passage(now)
			turn := c.turn
			switch k := random.IntN(10); {
			case k < 5:
				p, ok := c.admit(now)
				want := !before.open || probes == 0 && !now.Before(before.until)
				if ok != want || ok && p.probe != before.open {
					t.Fatalf("admitted %v (%+v) by %+v with %d probes", ok, p, before, probes)
				}
				if ok {
					flying = append(flying, request{p, strconv.Itoa(random.IntN(8))})
					if p.probe {
						probes++
					}
				}
			case k < 9 && len(flying) > 0:
				i := random.IntN(len(flying))
				r := flying[i]
				flying = append(flying[:i], flying[i+1:]...)
				h := []health{healthUnknown, healthAnswers, healthFails, healthFails, healthFails, healthRests}[random.IntN(6)]
				closed := c.report(now, r.permit, r.event, h, time.Duration(random.IntN(5))*time.Second)
				if r.permit.probe {
					probes--
				}
				after := c.passage(now)
				current := r.permit.turn == turn
				switch {
				case !current:
					if closed || after != before {
						t.Fatalf("an old request changed %+v to %+v", before, after)
					}
				case before.open:
					if after.open != (h != healthAnswers) || closed == after.open {
						t.Fatalf("a probe that was %v left it open: %v", h, after.open)
					}
				case h == healthAnswers:
					failed = map[string]bool{}
				case h == healthFails:
					failed[r.event] = true
				}
				if current && !before.open && after.open != (h == healthRests || len(failed) >= tripAfter) {
					t.Fatalf("open is %v after %d different failures and %v", after.open, len(failed), h)
				}
				if c.turn != turn {
					failed = map[string]bool{}
				}
			default:
				now = now.Add(time.Duration(random.IntN(3000)) * time.Millisecond)
			}
			if probes > 1 {
				t.Fatal("two probes at once")
			}
		}
	}
}
