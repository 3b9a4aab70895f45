package webhookreceiver

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/registration"
)

const (
	defaultRecoveryInterval = 5 * time.Minute
	// recoveryOverlap is how far a sweep goes back behind the one before: for events that were too young then, that
	// the provider listed late, or stamped by a clock of its own.
	recoveryOverlap = 10 * time.Minute
	// firstRecovery is what every ledger remembers, less a margin: how far the first sweep goes back.
	firstRecovery    = 71 * time.Hour
	defaultRetention = 744 * time.Hour
	retentionMargin  = time.Hour
	// farFuture is later than any clock of a provider's, also of one whose time is made up for a test. Of what comes after
	// it, not every time can be written.
	farFuture = 366 * 24 * time.Hour
)

// next is what a receiver's recovery has to do now: a pass, or to refuse what was asked, or to wait; a wait of 0 is for
// a change.
type next struct {
	pass    *v1alpha1.RecoveryPass
	asked   string // with refused
	refused string
	wait    time.Duration
}

// nextPass decides what to do now. A pass that was begun is finished before another one begins.
func nextPass(receiver *v1alpha1.WebhookReceiver, p progress, traits provider.HistoryTraits, now time.Time) next {
	asked := askedOf(receiver)
	isNew := asked != "" && asked != p.status.Asked
	switch begun := p.status.Pass; {
	case p.due.After(now) && p.failures > 0 && (!isNew || begun != nil && begun.Asked == asked):
		return next{wait: p.due.Sub(now)}
	case begun != nil:
		return next{pass: begun}
	case isNew:
		pass, refused := passOf(asked, receiver, traits, now)
		return next{pass: pass, asked: asked, refused: refused}
	case !recoveryEnabled(receiver, traits):
		return next{}
	case p.due.After(now):
		return next{wait: p.due.Sub(now)}
	}
	from := timeOf(sweepFrom(receiver, p, traits, now))
	return next{pass: &v1alpha1.RecoveryPass{From: from, StartedAt: timeOf(now)}}
}

func askedOf(receiver *v1alpha1.WebhookReceiver) string {
	return registration.Token(receiver.Annotations[v1alpha1.AnnotationRecover])
}

// isUnwanted says that a pass is not wanted any more: its annotation is gone, or another one, or mode is Disabled now.
func isUnwanted(pass *v1alpha1.RecoveryPass, receiver *v1alpha1.WebhookReceiver, traits provider.HistoryTraits) bool {
	switch {
	case pass == nil:
		return false
	case pass.Asked != "":
		return pass.Asked != askedOf(receiver)
	}
	return !recoveryEnabled(receiver, traits)
}

func recoveryEnabled(receiver *v1alpha1.WebhookReceiver, traits provider.HistoryTraits) bool {
	mode := v1alpha1.RecoveryEnabled
	if traits.FromState {
		mode = v1alpha1.RecoveryDisabled
	}
	if r := receiver.Spec.Recovery; r != nil {
		mode = cmp.Or(r.Mode, mode)
	}
	return mode == v1alpha1.RecoveryEnabled
}

func recoveryInterval(receiver *v1alpha1.WebhookReceiver) time.Duration {
	if r := receiver.Spec.Recovery; r != nil && r.Interval != nil {
		return r.Interval.Duration
	}
	return defaultRecoveryInterval
}

// sweepFrom is where a sweep begins: at the receiver's creation, and then where the one before ended. It never goes
// back behind what the ledger remembers, because all of that would seem to be missing.
func sweepFrom(
	receiver *v1alpha1.WebhookReceiver, p progress, traits provider.HistoryTraits, now time.Time,
) time.Time {
	from := now.Add(-firstRecovery)
	if until := p.status.SweptUntil; until != nil {
		from = later(until.Add(-recoveryOverlap), remembered(receiver, now))
	}
	if traits.Kept > 0 {
		from = later(from, now.Add(-traits.Kept))
	}
	return later(from, receiver.CreationTimestamp.Time)
}

// remembered is since when the ledger has every event.
func remembered(receiver *v1alpha1.WebhookReceiver, now time.Time) time.Time {
	retention := defaultRetention
	if l := receiver.Spec.Ledger; l != nil && l.Retention != nil {
		retention = l.Retention.Duration
	}
	return now.Add(retentionMargin - retention)
}

// spanOf is what is left of a pass's time. The ledger may have forgotten a part of it since the pass began.
func spanOf(pass *v1alpha1.RecoveryPass, receiver *v1alpha1.WebhookReceiver, now time.Time) provider.Span {
	span := provider.Span{From: later(pass.From.Time, remembered(receiver, now))}
	if pass.To != nil {
		span.To = pass.To.Time
	}
	return span
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// passOf reads the annotation kassa.dev/recover. It is refused in a sentence.
func passOf(
	asked string, receiver *v1alpha1.WebhookReceiver, traits provider.HistoryTraits, now time.Time,
) (pass *v1alpha1.RecoveryPass, refused string) {
	begin, end, two := strings.Cut(asked, "/")
	from, err1 := time.Parse(time.RFC3339, begin)
	to, err2 := time.Parse(time.RFC3339, end)
	switch oldest := remembered(receiver, now); {
	case !two || err1 != nil || err2 != nil:
		return nil, v1alpha1.AnnotationRecover + " is two times in RFC 3339 with a slash between them, such as " +
			"2026-11-01T00:00:00Z/2026-11-02T00:00:00Z"
	case !from.Before(to):
		return nil, v1alpha1.AnnotationRecover + " does not end after it begins"
	case from.After(now.Add(farFuture)):
		return nil, v1alpha1.AnnotationRecover + " begins in the future"
	case from.Before(oldest):
		return nil, fmt.Sprintf("%s begins before %s, since when the receiver remembers its events; earlier ones would be "+
			"delivered again; see spec.ledger.retention", v1alpha1.AnnotationRecover, oldest.UTC().Format(time.RFC3339))
	case traits.Kept > 0 && from.Before(now.Add(-traits.Kept)):
		return nil, fmt.Sprintf("%s begins before %s, since when the provider keeps its events",
			v1alpha1.AnnotationRecover, now.Add(-traits.Kept).UTC().Format(time.RFC3339))
	}
	if latest := now.Add(farFuture); to.After(latest) {
		to = latest
	}
	to = to.Add(time.Second - 1) // a fraction of a second counts as a whole one
	return &v1alpha1.RecoveryPass{From: timeOf(from), To: timeOf(to), StartedAt: timeOf(now), Asked: asked}, ""
}
