package webhookserver

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/reception"
)

// Times of one event. Providers give up a request after five seconds or more.
const (
	// sinkBudget is counted from the request's arrival; sinks get at least minSinkBudget.
	sinkBudget    = 3 * time.Second
	minSinkBudget = 500 * time.Millisecond
	// busyWait is how long a repeated delivery waits for the first one.
	busyWait = 2 * time.Second
	// workLimit bounds everything after the signature check. It does not end when the provider hangs up:
	// half-done work would only be done again.
	workLimit = 10 * time.Second
)

// result of an event whose signature was right; also the metric's label.
type result string

const (
	resultProcessed   result = "processed"
	resultDeferred    result = "deferred"
	resultDuplicate   result = "duplicate"
	resultDead        result = "dead"       // given up at once: the sinks that were left answered 410
	resultUnknown     result = "unknown"    // no normalised name, and no sink asks for it
	resultUnselected  result = "unselected" // not among spec.events, and no sink asks for it
	resultBusy        result = "busy"
	resultUnavailable result = "unavailable"
)

type verdict struct {
	result     result
	retryAfter time.Duration
}

// unavailable asks the provider to repeat the event: nothing, or not everything, was made durable.
func unavailable(after time.Duration) verdict { return verdict{resultUnavailable, after} }

// process brings a verified event to where 200 may be said. An event that is of no interest costs no write to the
// ledger: its repetition is of no interest either. Whoever is interested in it, one of the catalogue is noted.
func (s *Server) process(
	ctx context.Context, cfg *settings, e *billing.Event, raw []byte, start time.Time,
) verdict {
	s.changes.note(e, start)
	wanted := cfg.wanting(e)
	if e.Type == "" {
		s.counters.unknown.Add(1)
		s.metrics.unknown.Inc()
	}
	if len(wanted) == 0 && e.Type == "" && !s.records(e) {
		return verdict{result: resultUnknown}
	}
	if len(wanted) == 0 && e.Type != "" && !cfg.selects(e) && !cfg.dunned(e) {
		return verdict{result: resultUnselected}
	}
	if s.outbox.keeper != nil {
		return s.keep(ctx, cfg, e, raw, wanted, start)
	}
	if s.inbox.keptByProvider(wanted) {
		return unavailable(time.Minute)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), workLimit)
	defer cancel()

	if !s.unfinished.await(ctx, e.ID, start.Add(busyWait)) {
		return verdict{resultBusy, 2 * time.Second}
	}
	claim, err := s.claim(ctx, e, start.Add(busyWait))
	if err != nil {
		s.complaints.unrecorded.log(s.log, err)
		return unavailable(2 * time.Second)
	}
	switch claim.Outcome {
	case ledger.Duplicate:
		s.counters.duplicate.Add(1)
		return verdict{result: resultDuplicate}
	case ledger.Busy:
		return verdict{resultBusy, claim.RetryAfter}
	case ledger.Resumed:
		if v, done := s.resume(ctx, cfg, e, claim); done {
			return v
		}
	}
	return s.deliver(ctx, cfg, e, raw, wanted, claim, start)
}

// records says that an event without a name of Kassa's tells the records something all the same: why a payment failed.
func (s *Server) records(e *billing.Event) bool {
	return s.outbox.keeper != nil && reception.Explains(e)
}

// claim waits until the given time for a claim that somebody else holds.
func (s *Server) claim(ctx context.Context, e *billing.Event, until time.Time) (ledger.Claim, error) {
	ctx, span := s.tracer.Start(ctx, "ledger claim")
	defer span.End()
	pause := 20 * time.Millisecond
	for {
		claim, err := s.ledger.Claim(ctx, ledger.Event{ID: e.ID, Type: e.NativeType})
		if err != nil || claim.Outcome != ledger.Busy {
			return claim, err
		}
		pause = min(2*pause, 250*time.Millisecond)
		if time.Now().Add(pause).After(until) {
			return claim, nil
		}
		select {
		case <-ctx.Done():
			return claim, nil
		case <-time.After(pause):
		}
	}
}

// resume finds out whether the earlier holder of the claim got as far as the inbox. If it did not, the event is
// delivered again: the sinks tell a repetition by its id.
func (s *Server) resume(ctx context.Context, cfg *settings, e *billing.Event, claim ledger.Claim) (verdict, bool) {
	phase, found, err := s.inbox.find(ctx, cfg, e.ID)
	switch {
	case err != nil:
		s.complaints.unreadable.log(s.log, err)
		return unavailable(2 * time.Second), true
	case !found:
		return verdict{}, false
	default:
		return s.settle(ctx, e, claim, deferred(phase)), true
	}
}

// deferred is the ledger's state of an event that is in the inbox. One that was given up is not tried again by itself.
func deferred(p v1alpha1.EventPhase) ledger.State {
	if p == v1alpha1.EventDead {
		return ledger.Dead
	}
	return ledger.Deferred
}

func (s *Server) deliver(
	ctx context.Context, cfg *settings, e *billing.Event, raw []byte, wanted []*sink, claim ledger.Claim,
	start time.Time,
) verdict {
	received := claim.ReceivedAt
	if received.IsZero() {
		received = time.Now()
	}
	if len(wanted) == 0 && !cfg.dunned(e) {
		return s.settle(ctx, e, claim, ledger.Processed)
	}
	s.plans.name(e)
	m, err := cloudEvent(cfg, e, received)
	if err != nil {
		s.complaints.unencodable.log(s.log, err)
		return unavailable(time.Minute)
	}
	if claim.Outcome == ledger.Won {
		m.received = start // the ledger's is less precise
	}
	left := s.offer(ctx, m, wanted, start)
	if cfg.dunned(e) {
		left = append(left, forDunning())
	}
	if len(left) == 0 {
		return s.settle(ctx, e, claim, ledger.Processed)
	}
	putting, span := s.tracer.Start(ctx, "inbox put")
	phase, err := s.inbox.put(putting, cfg, e, raw, m, left, received)
	span.End()
	if err != nil {
		s.complaints.unwritten.log(s.log, err)
		s.putLater(cfg, e, raw, m, left, claim, received, start) //nolint:contextcheck // it outlives this request
		return unavailable(5 * time.Second)
	}
	s.recorded(m, left)
	return s.settle(ctx, e, claim, deferred(phase))
}

// putLater goes on trying for the inbox. Until the event is there, later ones of its key follow it, as they do while it
// is on its way at once.
func (s *Server) putLater(
	cfg *settings, e *billing.Event, raw []byte, m *message, left []undelivered, claim ledger.Claim, received,
	start time.Time,
) {
	e.Native = bytes.Clone(raw)
	slim := &message{event: m.event, key: m.key, at: m.at} // without what sinks are sent
	finish := func(ctx context.Context) error {
		if time.Since(start) > putLimit {
			return errLeft
		}
		phase, err := s.putAgain(ctx, cfg, e, slim, left, received)
		if err != nil {
			return err
		}
		s.recorded(slim, left)
		_, err = s.settleOnce(ctx, e, claim, deferred(phase))
		return err
	}
	release := func() { s.recorded(slim, left) }
	if !s.unfinished.keep(e.ID, len(raw), finish, release) {
		release()
	}
}

// putAgain is inbox.put after one whose outcome is not known. What that put may be there, and may even have been
// delivered and deleted again: then it is settled, and nothing is put.
func (s *Server) putAgain(
	ctx context.Context, cfg *settings, e *billing.Event, m *message, left []undelivered, received time.Time,
) (v1alpha1.EventPhase, error) {
	phase, found, err := s.inbox.find(ctx, cfg, e.ID)
	if err != nil || found {
		return phase, err
	}
	claim, err := s.ledger.Claim(ctx, ledger.Event{ID: e.ID, Type: e.NativeType})
	switch {
	case err != nil:
		return "", err
	case claim.Outcome == ledger.Duplicate:
		return "", errLeft
	}
	return s.inbox.put(ctx, cfg, e, e.Native, m, left, received)
}

// settle ends the claim and only then lets the event be acknowledged.
func (s *Server) settle(ctx context.Context, e *billing.Event, claim ledger.Claim, to ledger.State) verdict {
	v, err := s.settleOnce(ctx, e, claim, to)
	switch {
	case err == nil:
		return v
	case errors.Is(err, ledger.ErrLost): // another replica has the event; it answers the provider's repetition
	default:
		s.complaints.unsettled.log(s.log, err)
		// The request's buffer is another's once this returns.
		e.Native = nil
		s.unfinished.keep(e.ID, 0, func(ctx context.Context) error { //nolint:contextcheck // it outlives this request
			_, err := s.settleOnce(ctx, e, claim, to)
			return err
		}, func() {})
	}
	return unavailable(2 * time.Second)
}

func (s *Server) settleOnce(
	ctx context.Context, e *billing.Event, claim ledger.Claim, to ledger.State,
) (verdict, error) {
	settling, span := s.tracer.Start(ctx, "ledger settle")
	err := s.ledger.Settle(settling, e.ID, to)
	span.End()
	if err != nil {
		return verdict{}, err
	}
	s.sold(e)
	out := verdict{result: resultProcessed}
	recent := recentOf(e, claim.ReceivedAt, v1alpha1.OutcomeProcessed)
	switch to {
	case ledger.Deferred:
		out.result, recent.Outcome = resultDeferred, v1alpha1.OutcomeDeferred
		s.counters.deferred.Add(1)
	case ledger.Dead:
		out.result, recent.Outcome = resultDead, v1alpha1.OutcomeDead
	default:
		s.counters.processed.Add(1)
	}
	s.recent.add(recent)
	return out, nil
}

// sold counts what the event tells of money.
func (s *Server) sold(e *billing.Event) {
	if cfg, _ := s.config.current(); cfg != nil {
		s.metrics.sales.count(cfg.accountKind(), e, s.plans.recurring)
	}
}
