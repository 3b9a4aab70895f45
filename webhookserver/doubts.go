package webhookserver

import (
	"net/http"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/recovery"
)

// doubtAge is how old a doubt is before anybody is asked: a later event may be on its way, which ends it for nothing.
const doubtAge = time.Minute

// serveDoubts says which subscriptions of the receiver's account are to be read again. It writes nothing.
func (s *Server) serveDoubts(w http.ResponseWriter, r *http.Request) {
	var question recovery.DoubtQuestion
	cfg := s.asked(w, r, &question, problemDoubts)
	switch {
	case cfg == nil:
		return
	case question.Doubts < 1 || question.Doubts > recovery.MaxDoubts:
		problemDoubts.write(w)
		return
	}
	found, err := s.doubts.Doubtful(r.Context(), accountOf(cfg), time.Now().Add(-doubtAge), question.Doubts)
	if err != nil {
		ledgerAway(w)
		return
	}
	out := recovery.Doubts{Account: cfg.account, Doubts: []recovery.Doubt{}}
	for _, d := range found {
		out.Doubts = append(out.Doubts, recovery.Doubt{Subscription: d.ID, Moment: d.Moment})
	}
	tell(w, out)
}

// serveReadings writes down what the provider said. Names, and what a subscription costs, the Plans say as for events.
func (s *Server) serveReadings(w http.ResponseWriter, r *http.Request) {
	var read recovery.Readings
	cfg := s.asked(w, r, &read, problemReadings)
	switch {
	case cfg == nil:
		return
	case read.Account != cfg.account || len(read.Readings) < 1 || len(read.Readings) > recovery.MaxDoubts ||
		slices.ContainsFunc(read.Readings, isNoReading):
		problemReadings.write(w)
		return
	}
	readings := make([]records.Reading, len(read.Readings))
	for i := range read.Readings {
		readings[i] = read.Readings[i].Record()
		e := billing.Event{Subscription: readings[i].Told}
		s.plans.name(&e)
		readings[i].Told = e.Subscription
	}
	if err := s.doubts.Read(r.Context(), accountOf(cfg), readings); err != nil {
		s.complaints.unrecorded.log(s.log, err)
		ledgerAway(w)
		return
	}
	tell(w, struct{}{})
}

func isNoReading(r recovery.Reading) bool {
	_, moment := r.Moment.Time()
	return !moment || r.ReadAt.IsZero() || provider.CheckIdentity(r.Subscription, "-") != nil ||
		r.State != nil && r.State.ID != r.Subscription
}

func accountOf(cfg *settings) records.Account {
	return records.Account{Provider: cfg.provider, ID: cfg.account}
}
