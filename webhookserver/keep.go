package webhookserver

import (
	"context"
	"time"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/telemetry"
)

// keep is what process does where the ledger is a ledger.Keeper: the event, what it tells and what is left to do become
// durable together, and the provider may be told. The sinks get the event after that.
func (s *Server) keep(
	ctx context.Context, cfg *settings, e *billing.Event, raw []byte, wanted []*sink, start time.Time,
) verdict {
	if s.unnamed() {
		return unavailable(2 * time.Second)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), workLimit)
	defer cancel()
	s.plans.name(e)
	m, err := cloudEvent(cfg, e, start)
	if err != nil {
		s.complaints.unencodable.log(s.log, err)
		return unavailable(time.Minute)
	}
	if err := s.leaveForDunning(ctx, cfg, e, raw, m, start); err != nil {
		s.complaints.unwritten.log(s.log, err)
		return unavailable(5 * time.Second)
	}
	room := s.outbox.reserve(len(raw), len(wanted))
	account := records.Account{Provider: cfg.provider, ID: cfg.account}
	told := *e
	told.Time = m.at.at // an event without a time is of when it was received: records need one
	told.Native = nil   // the request's buffer may be another's when it is counted
	keeping, span := s.tracer.Start(ctx, "ledger keep")
	kept, err := s.outbox.keeper.Keep(keeping, ledger.Work{
		Event: ledger.Event{ID: e.ID, Type: e.NativeType}, Account: account, Kind: e.Type, OccurredAt: m.at.at,
		Records: records.Of(account, &told), Payload: raw, OrderKey: m.key, Sinks: namesOf(wanted), Later: !room,
		// The provider repeats what was refused, and is told that it is known: it is counted here, or nowhere.
		Late: func(receivedAt time.Time) { s.countKept(&told, receivedAt, len(wanted) > 0) },
	})
	span.End()
	var mine []*sink
	if err == nil && kept.Outcome == ledger.Won && room {
		mine = without(wanted, kept.Behind)
	}
	if room {
		s.outbox.release(len(raw), len(wanted)-len(mine))
	}
	switch {
	case err != nil:
		s.complaints.unrecorded.log(s.log, err)
		return unavailable(2 * time.Second)
	case kept.Outcome == ledger.Duplicate:
		s.counters.duplicate.Add(1)
		return verdict{result: resultDuplicate}
	}
	s.countKept(e, kept.ReceivedAt, len(wanted) > 0)
	if len(wanted) == 0 {
		return verdict{result: resultProcessed}
	}
	m.origin = telemetry.OriginOf(ctx)
	e.Native = nil                                  // the request's buffer is another's soon
	s.outbox.begin(cfg, e, m, len(raw), mine, kept) //nolint:contextcheck // it outlives this request
	if !room {
		s.outbox.leave(m, wanted)
	}
	return verdict{result: resultProcessed}
}

// countKept counts an event that the database has now. One that sinks get is processed when they got it.
func (s *Server) countKept(e *billing.Event, receivedAt time.Time, delivered bool) {
	s.sold(e)
	if !delivered {
		s.counters.processed.Add(1)
		s.recent.add(recentOf(e, receivedAt, v1alpha1.OutcomeProcessed))
	}
}

func namesOf(sinks []*sink) []string {
	out := make([]string, len(sinks))
	for i, to := range sinks {
		out[i] = to.name
	}
	return out
}
