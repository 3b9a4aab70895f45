package dashboard_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// trouble is what happens at an hour of the second day, for so many hours.
type trouble struct {
	from, hours float64
	begin, end  func()
}

func (b *buyers) troubles() []trouble {
	stripe := b.Sandbox.Stripe().Account(b.APIKey())
	emits := func(kinds ...string) func() {
		return func() {
			for _, kind := range kinds {
				_, err := stripe.Emit(kind, nil, nil)
				b.g.Expect(err).NotTo(HaveOccurred())
			}
		}
	}
	slow := traffic.Fault{Path: "/v1/checkout", Times: -1, DelayMillis: 700}
	down := traffic.Fault{Path: "/v1/", Method: http.MethodPost, Times: 30, Status: http.StatusServiceUnavailable}
	return []trouble{
		{2, 2, func() { b.Create(tooSoon()) }, func() { b.Create(b.later()...) }},
		{5, 1.5, b.forge, nil},
		{6, 0, emits("charge.refunded"), nil},
		{7.5, 1.5, func() { b.app.Answer(away) }, func() { b.app.Answer(nil) }},
		{9, 0, emits("charge.refunded", "charge.dispute.created"), nil},
		{10, 1, func() { b.Sandbox.Webhooks().Hold() }, func() { b.Sandbox.Webhooks().Lose() }},
		{12, 0, emits("charge.refunded"), nil},
		{13, 1.5, b.fault(slow), b.Sandbox.Faults().Clear},
		{15, 2.5, b.edit, b.revert},
		{15.5, 0, emits("charge.refunded", "charge.refunded"), nil},
		{17, 0.6, b.fault(down), b.Sandbox.Faults().Clear},
		{18.5, 0, emits("charge.dispute.created", "charge.refunded"), nil},
		{20, 0.1, func() { b.crm.Answer(gone) }, func() { b.crm.Answer(nil) }},
		{21.5, 1.2, b.forge, nil},
		{22.5, 0, emits("charge.refunded"), nil},
	}
}

// happen does what is due, until the run ends.
func (b *buyers) happen(now func() time.Time, midnight time.Time, done <-chan struct{}) {
	type moment struct {
		at time.Time
		do func()
	}
	var moments []moment
	after := func(hours float64) time.Time { return midnight.Add(time.Duration(hours * float64(time.Hour))) }
	for _, x := range b.troubles() {
		moments = append(moments, moment{after(x.from), x.begin})
		if x.end != nil {
			moments = append(moments, moment{after(x.from + x.hours), x.end})
		}
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		for i := range moments {
			if m := &moments[i]; m.do != nil && !now().Before(m.at) {
				m.do()
				m.do = nil
			}
		}
	}
}

// away is an application that restarts for long, gone one that will never take the event.
func away(string, int) int { return http.StatusServiceUnavailable }
func gone(string, int) int { return http.StatusGone }

func (b *buyers) fault(f traffic.Fault) func() {
	return func() { b.g.Expect(b.Sandbox.Faults().Add(f)).To(Succeed()) }
}

// forge is somebody without the secret who sends events.
func (b *buyers) forge() {
	pause := time.NewTicker(200 * time.Millisecond)
	defer pause.Stop()
	for i := range 25 {
		body := stack.Event(fmt.Sprintf("evt_forged_%d", i))
		_, err := b.stripe.Send(b.stripe.URL(), body, "whsec_"+strings.Repeat("0", 32))
		b.g.Expect(err).NotTo(HaveOccurred())
		<-pause.C
	}
}

// tooSoon is a Plan that is applied before its account.
func tooSoon() *v1alpha1.Plan {
	p := stack.Plan("team")
	p.Spec.Providers = []v1alpha1.PlanProvider{{Name: "europe"}}
	return p
}

// later is its account.
func (b *buyers) later() []client.Object {
	p := paddlePeer().Provider("europe", b.SandboxURL)
	return []client.Object{stack.Secret("europe", "key", paddlePeer().Key("europe")), p}
}

// edit is somebody who renames a product in the dashboard of Paddle, which a Plan that only observes tells.
func (b *buyers) edit() {
	b.observe(v1alpha1.ManagementObserve)
	account := b.Sandbox.Paddle().Account(paddlePeer().Key(b.Namespace))
	for _, p := range account.Products() {
		b.g.Expect(account.EditProduct(p.ID, func(p *paddle.Product) { p.Name += " (50 % off!)" })).To(Succeed())
	}
}

// revert lets Kassa put the name right.
func (b *buyers) revert() { b.observe(v1alpha1.ManagementEnforce) }

func (b *buyers) observe(m v1alpha1.Management) {
	for _, name := range []string{"pro", "lifetime"} {
		p := &v1alpha1.Plan{}
		p.Name = name
		b.Change(p, func() { p.Spec.Management = m })
	}
}
