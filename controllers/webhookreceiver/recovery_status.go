package webhookreceiver

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/recovery"
	"github.com/kassa-dev/kassa/internal/status"
)

const (
	// recoveryManager owns status.recovery.
	recoveryManager = "kassa-recovery"
	// recoveryWritten is how often a status is written that tells nothing new.
	recoveryWritten = time.Hour
	// recoveryGoesOn is the pause between two sweeps of one pass.
	recoveryGoesOn = 5 * time.Second
	// recoveryRetry is the first pause after a failure; the next ones are longer, up to the interval.
	recoveryRetry = 15 * time.Second
	// maxAskedFailures, in a row, end what somebody asked for, which would hold up all else.
	maxAskedFailures   = 10
	maxRecoveryMessage = 1024
)

// Reasons of status.recovery, besides those of conditions.
const (
	reasonReceiverAway = "ReceiverUnavailable"
	reasonEndless      = "EndlessList"
	reasonRefused      = "EventsRefused"
)

// note writes down what a sweep came to, and says when to go on.
func (r *Recovery) note(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, pass *v1alpha1.RecoveryPass, found recovery.Found,
	failure error,
) (ctrl.Result, error) {
	s := r.progress(receiver).status
	s.Calls = int32(found.Calls) //nolint:gosec // at most MaxCalls
	s.Recovered += int64(found.Recovered)
	if failure != nil {
		s.Pass = passAfter(pass, found, failure)
		if pass.Asked != "" && r.progress(receiver).failures >= maxAskedFailures {
			s.Pass = nil
		}
		if s.Pass == nil && pass.Asked != "" {
			r.answer(receiver, s, pass.Asked, corev1.EventTypeWarning, "given up: "+problemOf(failure).Message)
		}
		return r.failed(ctx, receiver, s, failure)
	}
	s.Reason = ""
	if s.Message = leftOut(found); s.Message != "" {
		s.Reason = reasonRefused
		r.Receivers.Events.Eventf(receiver, nil, corev1.EventTypeWarning, reasonRefused, "Recover", "%s", s.Message)
	}
	wait := recoveryInterval(receiver)
	switch {
	case !found.Done:
		wait = recoveryGoesOn
		s.Pass = pass.DeepCopy()
		s.Pass.Cursor = found.Next
		s.Pass.Recovered += int64(found.Recovered)
	case pass.Asked != "":
		wait = time.Second // the sweep that this pass held up may be due
		s.Pass = nil
		r.answer(receiver, s, pass.Asked, corev1.EventTypeNormal, fetched(pass.Recovered+int64(found.Recovered)))
	default:
		s.Pass, s.SweptUntil = nil, pass.StartedAt
	}
	keep := pass.Asked != "" || !found.Done // when the next sweep is due
	r.update(receiver.UID, func(p *progress) {
		p.failures = 0
		if !keep {
			p.due = r.Receivers.Now().Add(wait)
		}
	})
	return ctrl.Result{RequeueAfter: wait}, r.write(ctx, receiver, s)
}

// leftOut says what no later sweep will bring, either.
func leftOut(found recovery.Found) string {
	switch {
	case found.Malformed == 0 && found.Refused == 0:
		return ""
	case found.Refused == 0:
		return fmt.Sprintf("left out what is no event: %d", found.Malformed)
	}
	return fmt.Sprintf("left out what is no event: %d, and what the receiver refuses: %d (%s)", found.Malformed,
		found.Refused, found.Problem)
}

// passAfter is what is left of a pass after a failure. One that nobody asked for, and that did not get further than to
// its first page, begins anew by itself.
func passAfter(pass *v1alpha1.RecoveryPass, found recovery.Found, failure error) *v1alpha1.RecoveryPass {
	left := pass.DeepCopy()
	left.Cursor = found.Next
	left.Recovered += int64(found.Recovered)
	if isTerminal(failure) && found.Next == pass.Cursor {
		// It would fail there again: the page is gone, or the provider does not do what was asked.
		if pass.Asked != "" && pass.Cursor == "" {
			return nil
		}
		left.Cursor = ""
	}
	if left.Cursor == "" && pass.Asked == "" {
		return nil
	}
	return left
}

func isTerminal(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && (e.Class == provider.ClassTerminal || e.Class == provider.ClassNotFound) ||
		errors.Is(err, recovery.ErrEndless)
}

// failed shows why a sweep did not come to its end. It is tried again: soon at first, and not more often than once in
// an interval in the long run.
func (r *Recovery) failed(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, s *v1alpha1.RecoveryStatus, failure error,
) (ctrl.Result, error) {
	problem := problemOf(failure)
	s.Reason, s.Message = problem.Reason, provider.Truncate(problem.Message, maxRecoveryMessage)
	var away *recovery.UnavailableError
	switch {
	case errors.As(failure, &away):
		s.Reason = reasonReceiverAway
	case errors.Is(failure, recovery.ErrEndless):
		s.Reason = reasonEndless
	case errors.Is(failure, errNoSigningSecret):
		s.Reason = v1alpha1.ReasonSigningSecretMissing
	}
	now, every := r.Receivers.Now(), recoveryInterval(receiver)
	var wait time.Duration
	again := false
	r.update(receiver.UID, func(p *progress) {
		wait = max(min(recoveryRetry<<min(p.failures, 10), every), problem.RetryAfter)
		p.failures++
		p.due = now.Add(wait)
		again = p.failures == 2
	})
	if again {
		r.Receivers.Events.Eventf(receiver, nil, corev1.EventTypeWarning, "RecoveryFailed", "Recover",
			"missed events cannot be looked for: %s: %s", s.Reason, s.Message)
	}
	return ctrl.Result{RequeueAfter: wait}, r.write(ctx, receiver, s)
}

// abandon ends a pass that is not wanted any more. What it found was brought.
func (r *Recovery) abandon(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, s *v1alpha1.RecoveryStatus,
) (ctrl.Result, error) {
	if s.Pass.Asked != "" {
		r.answer(receiver, s, s.Pass.Asked, corev1.EventTypeNormal,
			"given up, because the annotation is gone or another one; "+fetched(s.Pass.Recovered))
	}
	s.Pass, s.Reason, s.Message = nil, "", ""
	r.update(receiver.UID, func(p *progress) { p.failures = 0 })
	return ctrl.Result{RequeueAfter: time.Second}, r.write(ctx, receiver, s)
}

// refuse shows why the annotation's time is not looked at.
func (r *Recovery) refuse(ctx context.Context, receiver *v1alpha1.WebhookReceiver, n next) (ctrl.Result, error) {
	s := r.progress(receiver).status
	r.answer(receiver, s, n.asked, corev1.EventTypeWarning, "refused: "+n.refused)
	return ctrl.Result{RequeueAfter: time.Second}, r.write(ctx, receiver, s)
}

// answer says what came of the annotation, in the status and to whoever looks at the receiver.
func (r *Recovery) answer(
	receiver *v1alpha1.WebhookReceiver, s *v1alpha1.RecoveryStatus, asked, kind, result string,
) {
	s.Asked, s.AskedResult = asked, provider.Truncate(result, maxRecoveryMessage)
	r.Receivers.Events.Eventf(receiver, nil, kind, "RecoveryAsked", "Recover", "%s", s.AskedResult)
}

func fetched(n int64) string {
	if n == 1 {
		return "1 event had not come, and was fetched"
	}
	return fmt.Sprintf("%d events had not come, and were fetched", n)
}

// write keeps a status in mind, and writes it if it tells something new.
func (r *Recovery) write(ctx context.Context, receiver *v1alpha1.WebhookReceiver, s *v1alpha1.RecoveryStatus) error {
	now := metav1.NewTime(r.Receivers.Now())
	s.LastSweep = &now
	r.update(receiver.UID, func(p *progress) { p.status = s })
	if !isNews(receiver.Status.Recovery, s) {
		return nil
	}
	part := struct {
		Recovery *v1alpha1.RecoveryStatus `json:"recovery"`
	}{s}
	return status.ApplyAs(ctx, r.Receivers.Client, v1alpha1.GroupVersion.WithKind("WebhookReceiver"), receiver, &part,
		recoveryManager)
}

// isNews says whether a status is worth a write. That time went by is, once in a while.
func isNews(before, s *v1alpha1.RecoveryStatus) bool {
	return before == nil || before.LastSweep == nil || s.LastSweep.Sub(before.LastSweep.Time) >= recoveryWritten ||
		before.Recovered != s.Recovered || before.Reason != s.Reason || before.Asked != s.Asked ||
		!samePass(before.Pass, s.Pass)
}

func samePass(a, b *v1alpha1.RecoveryPass) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Cursor == b.Cursor && a.Asked == b.Asked && a.From.Equal(b.From)
}
