package soak

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kassa-dev/kassa/test/stack"
)

// progressEvery is how often a line is printed.
const progressEvery = 10 * time.Second

// progress prints how it goes.
type progress struct {
	t *testing.T
	s *stack.Stack
	r *stack.Receiver
	d *sender
	k *sink
	c *chaos

	since  time.Time
	events int
	writes int
	most   float64 // memory of a replica in MB that was seen
}

func newProgress(t *testing.T, s *stack.Stack, r *stack.Receiver, d *sender, k *sink, c *chaos) *progress {
	t.Helper()
	return &progress{t: t, s: s, r: r, d: d, k: k, c: c}
}

// start prints until the returned function is called, which prints the whole run's figures.
func (p *progress) start() (stop func()) {
	began := time.Now()
	p.since = began
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for wait(end, progressEvery) {
			p.print()
		}
	}()
	return sync.OnceFunc(func() {
		close(end)
		<-done
		took := time.Since(began)
		n := p.d.acknowledgedCount()
		p.t.Logf("%d events in %s: %.0f events/s, %d requests, a replica had up to %.0f MB; %s", n,
			took.Round(time.Second), float64(n)/took.Seconds(), p.d.requests.Load(), p.most, p.c)
	})
}

func (p *progress) print() {
	now, events := time.Now(), p.d.acknowledgedCount()
	seconds := now.Sub(p.since).Seconds()
	line := fmt.Sprintf("%8d acknowledged, %8d taken, %5.0f events/s, %4d requests under way", events, p.k.count(),
		float64(events-p.events)/seconds, len(p.d.active))
	writes := "API server away"
	if !p.c.isAway() {
		if n, err := p.s.KassaWrites(); err == nil {
			writes = fmt.Sprintf("%4.0f API writes/s", float64(max(0, n-p.writes))/seconds)
			p.writes = n
		}
	}
	memory := []string{}
	for _, pod := range p.r.Replicas() {
		memory = append(memory, inMemory("VmRSS", pod.PID))
		if most, err := strconv.ParseFloat(inMemory("VmHWM", pod.PID), 64); err == nil {
			p.most = max(p.most, most)
		}
	}
	p.t.Logf("%s, %s, replicas' MB %s; %s", line, writes, strings.Join(memory, " "), p.c)
	p.since, p.events = now, events
}

// inMemory is what a process has, VmRSS, or had at most, VmHWM: in MB of 10^6 bytes, or - where that is not known.
func inMemory(what string, pid int) string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "-"
	}
	_, after, _ := strings.Cut(string(status), what+":")
	line, _, _ := strings.Cut(after, "\n")
	kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), "kB")))
	if err != nil {
		return "-"
	}
	return fmt.Sprintf("%.0f", float64(kib)*1024/1e6)
}
