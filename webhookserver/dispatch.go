package webhookserver

import (
	"context"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// offer gives an event to the sinks, all at the same time, and returns the names of those that could not take it
// within the budget.
func (s *Server) offer(
	ctx context.Context, cfg *settings, e billing.Event, wanted []sink, start time.Time,
) (left []string, err error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	s.plans.name(&e)
	message, err := cloudEvent(cfg, e)
	if err != nil {
		return nil, err
	}
	deadline := start.Add(sinkBudget)
	if earliest := time.Now().Add(minSinkBudget); deadline.Before(earliest) {
		deadline = earliest
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for i, a := range s.attemptAll(ctx, message, wanted, "direct") {
		if !a.taken {
			left = append(left, wanted[i].name)
		}
	}
	return left, nil
}

// attemptAll makes one attempt at each sink and waits for all of them.
func (s *Server) attemptAll(ctx context.Context, message []byte, to []sink, path string) []attempt {
	attempts := make([]attempt, len(to))
	if len(to) == 1 {
		attempts[0] = s.attemptOne(ctx, message, to[0], path)
		return attempts
	}
	done := make(chan struct{}, len(to))
	for i := range to {
		go func() {
			attempts[i] = s.attemptOne(ctx, message, to[i], path)
			done <- struct{}{}
		}()
	}
	for range to {
		<-done
	}
	return attempts
}

func (s *Server) attemptOne(ctx context.Context, message []byte, to sink, path string) attempt {
	began := time.Now()
	a := s.poster.post(ctx, to, message)
	s.metrics.deliverySecs.WithLabelValues(path).Observe(time.Since(began).Seconds())
	s.metrics.deliveries.WithLabelValues(path, a.class()).Inc()
	return a
}
