package clock

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestAnAdvanceMovesNowAndElapsed(t *testing.T) {
	g := NewWithT(t)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := New(func() time.Time { return start })
	changes := 0
	c.OnChange(func() { changes++ })
	c.Advance(time.Hour)
	g.Expect(c.Now()).To(Equal(start.Add(time.Hour)))
	g.Expect(c.Elapsed()).To(BeNumerically(">=", time.Hour))
	before := c.Elapsed()
	c.Reset()
	g.Expect(c.Now()).To(Equal(start), "the time of day goes back")
	g.Expect(c.Elapsed()).To(BeNumerically(">=", before), "what runs by the clock does not")
	g.Expect(changes).To(Equal(2))
}

func TestARateMakesTheClockFaster(t *testing.T) {
	g := NewWithT(t)
	c := New(nil)
	c.SetRate(1e6)
	g.Expect(c.Outside(time.Hour)).To(Equal(3600 * time.Microsecond))
	start := c.Now()
	g.Eventually(c.Elapsed).Should(BeNumerically(">", time.Hour))
	g.Expect(c.Now().Sub(start)).To(BeNumerically(">", time.Duration(0)))
	c.SetRate(1)
	g.Expect(c.Now()).To(BeTemporally(">", time.Now().Add(30*time.Minute)), "it stays ahead")
}
