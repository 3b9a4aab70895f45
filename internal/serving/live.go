package serving

import (
	"log/slog"
	"sync/atomic"
)

// Live is what a server goes by now, or why it has nothing to go by. A reader finds both as they were set together: a
// server that says that it is ready has what it needs. The zero Live has neither.
type Live[T any] struct{ now atomic.Pointer[state[T]] }

type state[T any] struct {
	settings *T
	why      string
}

// Load returns the settings, or nil and why there are none: "" as long as nothing was set.
func (l *Live[T]) Load() (settings *T, why string) {
	if now := l.now.Load(); now != nil {
		return now.settings, now.why
	}
	return nil, ""
}

// Set has the settings count from now on or, where they are nil, says why there are none. It returns those that counted
// before. The log gets what is news: that there are none any more, or why, or that there are some again.
func (l *Live[T]) Set(log *slog.Logger, settings *T, why string) (before *T) {
	old := l.now.Swap(&state[T]{settings, why})
	if old != nil {
		before = old.settings
	}
	switch news := old == nil || old.why != why; {
	case news && settings == nil:
		log.Info("not configured", "reason", why)
	case news:
		log.Info("configured")
	}
	return before
}
