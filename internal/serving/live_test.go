package serving

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
)

func TestLiveHasSettingsOrAReason(t *testing.T) {
	g := NewWithT(t)
	var l Live[int]
	g.Expect(l.Load()).To(BeNil())
	one := 1
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	g.Expect(l.Set(log, nil, "no Secret")).To(BeNil())
	g.Expect(l.Set(log, nil, "no Secret")).To(BeNil())
	g.Expect(l.Set(log, &one, "")).To(BeNil())
	g.Expect(l.Set(log, &one, "")).To(Equal(&one))
	g.Expect(l.Set(log, nil, "no spec")).To(Equal(&one))
	g.Expect(out.String()).To(Equal("msg=\"not configured\" reason=\"no Secret\"\nmsg=configured\n" +
		"msg=\"not configured\" reason=\"no spec\"\n"))

	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for range 10_000 {
				if settings, why := l.Load(); (settings == nil) == (why == "") {
					t.Errorf("settings %v, reason %q", settings, why)
					return
				}
			}
		})
	}
	all.Go(func() {
		for range 10_000 {
			l.Set(slog.New(slog.DiscardHandler), nil, "no Secret")
			l.Set(slog.New(slog.DiscardHandler), &one, "")
		}
	})
	all.Wait()
}
