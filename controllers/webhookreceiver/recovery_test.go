package webhookreceiver

import (
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/recovery"
)

var (
	noon    = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	forever = provider.HistoryTraits{}
	days30  = provider.HistoryTraits{Kept: 30 * 24 * time.Hour}
)

func at(t time.Time) *metav1.Time { return &metav1.Time{Time: t} }

func receiverOf(age time.Duration) *v1alpha1.WebhookReceiver {
	return &v1alpha1.WebhookReceiver{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: *at(noon.Add(-age))}}
}

// A sweep begins where the one before ended, less an overlap, and never before what the ledger remembers.
func TestSweepFrom(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		why       string
		age       time.Duration
		until     time.Duration // ago; 0: never
		retention time.Duration
		traits    provider.HistoryTraits
		want      time.Duration // ago
	}{
		{"the first of a new one", time.Hour, 0, 0, days30, time.Hour},
		{"the first of an old one", 100 * day, 0, 0, days30, 71 * time.Hour},
		{"the next", 100 * day, 5 * time.Minute, 0, days30, 15 * time.Minute},
		{"the next of a new one", 12 * time.Minute, 5 * time.Minute, 0, days30, 12 * time.Minute},
		{"after a week", 100 * day, 7 * day, 0, days30, 7*day + 10*time.Minute},
		{"after a week that the ledger forgot", 100 * day, 7 * day, 72 * time.Hour, days30, 71 * time.Hour},
		{"after longer than the provider keeps events", 100 * day, 90 * day, 8760 * time.Hour, days30, 30 * day},
		{"where nothing is forgotten", 100 * day, 90 * day, 8760 * time.Hour, forever, 90*day + 10*time.Minute},
	} {
		receiver, p := receiverOf(c.age), progress{status: &v1alpha1.RecoveryStatus{}}
		if c.until > 0 {
			p.status.SweptUntil = at(noon.Add(-c.until))
		}
		if c.retention > 0 {
			receiver.Spec.Ledger = &v1alpha1.LedgerSettings{Retention: &metav1.Duration{Duration: c.retention}}
		}
		NewWithT(t).Expect(noon.Sub(sweepFrom(receiver, p, c.traits, noon))).To(Equal(c.want), c.why)
	}
}

// What was begun is finished first, then what was asked is done once, and then it is time for a sweep or not.
func TestNextPass(t *testing.T) {
	g, receiver := NewWithT(t), receiverOf(time.Hour)
	p := progress{status: &v1alpha1.RecoveryStatus{}}
	do := func() next { return nextPass(receiver, p, days30, noon) }
	g.Expect(do().pass).To(Equal(&v1alpha1.RecoveryPass{From: at(noon.Add(-time.Hour)), StartedAt: at(noon)}))
	p.due = noon.Add(time.Minute)
	g.Expect(do()).To(Equal(next{wait: time.Minute}))

	asked := "2026-11-25T00:00:00Z/2026-11-25T12:00:00Z"
	receiver.Annotations = map[string]string{v1alpha1.AnnotationRecover: asked}
	g.Expect(do().pass).To(And(HaveField("Asked", asked),
		HaveField("From.Time", BeTemporally("==", noon.Add(-36*time.Hour))),
		HaveField("To.Time", BeTemporally("==", noon.Add(-24*time.Hour)))))
	begun := &v1alpha1.RecoveryPass{From: at(noon), Cursor: "x"}
	p.status.Pass = begun
	g.Expect(do().pass).To(Equal(begun))
	p.failures = 1
	g.Expect(do().pass).To(Equal(begun), "what is asked does not wait for what nobody asked")
	p.status.Pass = &v1alpha1.RecoveryPass{From: at(noon), Asked: asked}
	g.Expect(do()).To(Equal(next{wait: time.Minute}), "a failure is given time")
	p.status.Pass, p.failures, p.status.Asked = nil, 0, asked
	g.Expect(do()).To(Equal(next{wait: time.Minute}))

	p.due = time.Time{}
	receiver.Spec.Recovery = &v1alpha1.Recovery{Mode: v1alpha1.RecoveryDisabled}
	g.Expect(do()).To(Equal(next{}))
	receiver.Spec.Recovery = nil
	made := provider.HistoryTraits{FromState: true}
	g.Expect(nextPass(receiver, p, made, noon)).To(Equal(next{}), "facts would be told twice")
	receiver.Spec.Recovery = &v1alpha1.Recovery{Mode: v1alpha1.RecoveryEnabled}
	g.Expect(nextPass(receiver, p, made, noon).pass).NotTo(BeNil())
}

// A pass that goes on after a long time does not look for what the ledger has forgotten meanwhile.
func TestSpanOfAnOldPass(t *testing.T) {
	g, receiver := NewWithT(t), receiverOf(time.Hour)
	pass := &v1alpha1.RecoveryPass{From: at(noon.Add(-time.Hour)), To: at(noon)}
	g.Expect(spanOf(pass, receiver, noon)).To(Equal(provider.Span{From: noon.Add(-time.Hour), To: noon}))
	late := noon.Add(744 * time.Hour)
	g.Expect(spanOf(pass, receiver, late)).To(Equal(provider.Span{From: noon.Add(time.Hour), To: noon}))
	pass.To = nil
	g.Expect(spanOf(pass, receiver, noon).To).To(BeZero())
}

func TestAskedIsRefused(t *testing.T) {
	for asked, want := range map[string]string{
		"yesterday":                                 "two times in RFC 3339",
		"2026-11-25T00:00:00Z":                      "two times in RFC 3339",
		"2026-11-25/2026-11-26":                     "two times in RFC 3339",
		"2026-11-25T00:00:00Z/2026-11-25T00:00:00Z": "does not end after it begins",
		"2026-11-26T00:00:00Z/2026-11-25T00:00:00Z": "does not end after it begins",
		"2028-11-27T00:00:00Z/9999-12-31T23:59:59Z": "begins in the future",
		"2026-10-20T00:00:00Z/2026-11-25T00:00:00Z": "begins before 2026-10-26T13:00:00Z, since when the receiver remembers",
		"2026-10-26T14:00:00Z/2026-11-25T00:00:00Z": "begins before 2026-10-27T12:00:00Z, since when the provider keeps",
	} {
		receiver := receiverOf(time.Hour)
		receiver.Annotations = map[string]string{v1alpha1.AnnotationRecover: asked}
		n := nextPass(receiver, progress{status: &v1alpha1.RecoveryStatus{}}, days30, noon)
		g := NewWithT(t)
		g.Expect(n.pass).To(BeNil(), asked)
		g.Expect(n.refused).To(ContainSubstring(want), asked)
		g.Expect(n.asked).To(Equal(asked))
	}
}

// No time is later than can be written.
func TestAskedEndsSomewhen(t *testing.T) {
	receiver := receiverOf(time.Hour)
	receiver.Annotations = map[string]string{
		v1alpha1.AnnotationRecover: "2026-11-25T00:00:00Z/9999-12-31T23:59:59.5-01:00",
	}
	n := nextPass(receiver, progress{status: &v1alpha1.RecoveryStatus{}}, days30, noon)
	NewWithT(t).Expect(n.pass.To.Time).To(BeTemporally("~", noon.Add(farFuture), time.Second))
}

// A pass goes on as long as somebody wants it.
func TestUnwantedPass(t *testing.T) {
	const asked = "2026-11-25T00:00:00Z/2026-11-25T12:00:00Z"
	off := &v1alpha1.Recovery{Mode: v1alpha1.RecoveryDisabled}
	for _, c := range []struct {
		why        string
		pass       *v1alpha1.RecoveryPass
		annotation string
		recovery   *v1alpha1.Recovery
		want       bool
	}{
		{"none", nil, "", off, false},
		{"its own", &v1alpha1.RecoveryPass{}, asked, nil, false},
		{"its own, and none is wanted", &v1alpha1.RecoveryPass{}, asked, off, true},
		{"asked", &v1alpha1.RecoveryPass{Asked: asked}, asked, off, false},
		{"not asked any more", &v1alpha1.RecoveryPass{Asked: asked}, "", nil, true},
		{"another is asked", &v1alpha1.RecoveryPass{Asked: asked}, "x", nil, true},
	} {
		receiver := receiverOf(time.Hour)
		receiver.Annotations = map[string]string{v1alpha1.AnnotationRecover: c.annotation}
		receiver.Spec.Recovery = c.recovery
		NewWithT(t).Expect(isUnwanted(c.pass, receiver, days30)).To(Equal(c.want), c.why)
	}
}

// Whoever asked, and whoever looks at a receiver, hears of it without reading the status. Of a failure that goes away
// by itself nobody does.
func TestRecoveryIsShown(t *testing.T) {
	g, told := NewWithT(t), events.NewFakeRecorder(10)
	r := &Recovery{Receivers: &Reconciler{Events: told, Now: func() time.Time { return noon }}}
	receiver, s := receiverOf(time.Hour), &v1alpha1.RecoveryStatus{}
	r.answer(receiver, s, "x", corev1.EventTypeNormal, fetched(1))
	g.Expect(told.Events).To(Receive(Equal("Normal RecoveryAsked 1 event had not come, and was fetched")))
	g.Expect([]string{s.Asked, s.AskedResult}).To(Equal([]string{"x", "1 event had not come, and was fetched"}))

	g.Expect(leftOut(recovery.Found{Recovered: 1})).To(BeEmpty())
	g.Expect(leftOut(recovery.Found{Malformed: 2})).To(Equal("left out what is no event: 2"))
	g.Expect(leftOut(recovery.Found{Refused: 3, Problem: "mode"})).To(HaveSuffix("what the receiver refuses: 3 (mode)"))

	away := &recovery.UnavailableError{Status: 503}
	receiver.Status.Recovery = &v1alpha1.RecoveryStatus{LastSweep: at(noon), Reason: reasonReceiverAway}
	for range 3 {
		_, err := r.failed(t.Context(), receiver, receiver.Status.Recovery.DeepCopy(), away)
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Expect(told.Events).To(Receive(And(HavePrefix("Warning RecoveryFailed "), ContainSubstring("HTTP 503"))))
	g.Expect(told.Events).NotTo(Receive())
}

// Time alone is written once an hour.
func TestStatusIsWrittenRarely(t *testing.T) {
	g := NewWithT(t)
	pass := func(cursor string) *v1alpha1.RecoveryPass {
		return &v1alpha1.RecoveryPass{From: at(noon), Cursor: cursor}
	}
	before := &v1alpha1.RecoveryStatus{
		LastSweep: at(noon), SweptUntil: at(noon), Recovered: 1, Reason: "Unreachable", Message: "request 1", Pass: pass("a"),
	}
	changed := func(change func(*v1alpha1.RecoveryStatus)) bool {
		s := before.DeepCopy()
		s.LastSweep = at(noon.Add(59 * time.Minute))
		change(s)
		return isNews(before, s)
	}
	g.Expect(isNews(nil, before)).To(BeTrue())
	g.Expect(changed(func(s *v1alpha1.RecoveryStatus) {
		s.SweptUntil, s.Calls, s.Message = at(noon.Add(time.Hour)), 7, "request 2"
	})).To(BeFalse())
	for name, change := range map[string]func(*v1alpha1.RecoveryStatus){
		"an hour":   func(s *v1alpha1.RecoveryStatus) { s.LastSweep = at(noon.Add(time.Hour)) },
		"recovered": func(s *v1alpha1.RecoveryStatus) { s.Recovered++ },
		"reason":    func(s *v1alpha1.RecoveryStatus) { s.Reason = "" },
		"asked":     func(s *v1alpha1.RecoveryStatus) { s.Asked = "x" },
		"cursor":    func(s *v1alpha1.RecoveryStatus) { s.Pass.Cursor = "b" },
		"pass":      func(s *v1alpha1.RecoveryStatus) { s.Pass = nil },
	} {
		g.Expect(changed(change)).To(BeTrue(), name)
	}
}

// A pass that failed goes on where it was, unless it would fail there for ever.
func TestPassAfterFailure(t *testing.T) {
	away := &provider.Error{Class: provider.ClassUnavailable}
	gone := &provider.Error{Class: provider.ClassNotFound}
	for _, c := range []struct {
		why           string
		asked, cursor string
		reached       string
		failure       error
		ends          bool
		want          string
	}{
		{"a sweep at its begin", "", "", "", away, true, ""},
		{"a sweep that came further", "", "", "b", away, false, "b"},
		{"a sweep that went on", "", "a", "a", away, false, "a"},
		{"a sweep whose page is gone", "", "a", "a", gone, true, ""},
		{"an endless list", "", "a", "a", recovery.ErrEndless, true, ""},
		{"what was asked", "x", "", "", away, false, ""},
		{"what was asked, and its page is gone", "x", "a", "a", gone, false, ""},
		{"what was asked, and cannot be had", "x", "", "", gone, true, ""},
		{"anything else", "x", "", "", errors.New("broken"), false, ""},
	} {
		pass := &v1alpha1.RecoveryPass{Asked: c.asked, Cursor: c.cursor, Recovered: 1}
		left := passAfter(pass, recovery.Found{Next: c.reached, Recovered: 2}, c.failure)
		g := NewWithT(t)
		g.Expect(left == nil).To(Equal(c.ends), c.why)
		if left != nil {
			g.Expect([]any{left.Cursor, left.Asked, left.Recovered}).To(Equal([]any{c.want, c.asked, int64(3)}), c.why)
		}
	}
}
