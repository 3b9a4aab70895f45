// Package overview tells how the payments of a cluster, or of a namespace, are: what is wrong first, with what to do
// about it, and then everything that there is. It is a pure function of objects.
package overview

import (
	"cmp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Objects are what a report is made of.
type Objects struct {
	Now       time.Time
	Operators []appsv1.Deployment // none where they cannot be seen
	Providers []v1alpha1.PaymentProvider
	Plans     []v1alpha1.Plan
	Checkouts []v1alpha1.CheckoutEndpoint
	Receivers []v1alpha1.WebhookReceiver
}

// Report is how everything is.
type Report struct {
	// Now is what times are told from.
	Now       time.Time  `json:"now"`
	Healthy   bool       `json:"healthy"`
	Problems  []Problem  `json:"problems"`
	Notices   []string   `json:"notices,omitempty"`
	Operators []Operator `json:"operators"`
	Providers []Provider `json:"providers"`
	Plans     Plans      `json:"plans"`
	Checkouts []Checkout `json:"checkouts"`
	Receivers []Receiver `json:"receivers"`
}

// Named is the name of an object.
type Named struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func (n Named) String() string { return n.Namespace + "/" + n.Name }

// Operator is a Deployment of Kassa's operator.
type Operator struct {
	Named
	Version   string `json:"version,omitempty"`
	Replicas  int32  `json:"replicas"`
	Available int32  `json:"available"`
}

// Provider is a PaymentProvider.
type Provider struct {
	Named
	Type         string   `json:"type,omitempty"`
	Mode         string   `json:"mode"`
	Account      string   `json:"account,omitempty"`
	AccountName  string   `json:"accountName,omitempty"`
	Ready        string   `json:"ready"`
	Capabilities []string `json:"capabilities"`
}

// Plans are the numbers of Plans.
type Plans struct {
	Total   int `json:"total"`
	Ready   int `json:"ready"`
	Drifted int `json:"drifted"` // at a provider, and left so
	Pending int `json:"pending"` // changes are still to be made
}

// Checkout is a CheckoutEndpoint.
type Checkout struct {
	Named
	URL       string   `json:"url"`
	Ready     string   `json:"ready"`
	Replicas  int32    `json:"replicas"`
	Plans     int32    `json:"plans"`
	Providers []string `json:"providers"`
}

// Receiver is a WebhookReceiver.
type Receiver struct {
	Named
	URL       string     `json:"url"`
	Ready     string     `json:"ready"`
	Replicas  int32      `json:"replicas"`
	Received  int64      `json:"received"`
	PerHour   float64    `json:"perHour"` // lately
	Pending   int32      `json:"pending"`
	Oldest    *time.Time `json:"oldest,omitempty"`
	Dead      int32      `json:"dead"`
	LastEvent *time.Time `json:"lastEvent,omitempty"`
	Database  bool       `json:"database"`
	Recovery  Recovery   `json:"recovery"`
	Dunning   *Dunning   `json:"dunning,omitempty"`
}

// Recovery is how far missed events were looked for.
type Recovery struct {
	Disabled   bool       `json:"disabled,omitempty"`
	SweptUntil *time.Time `json:"sweptUntil,omitempty"`
	Recovered  int64      `json:"recovered"`
	Reason     string     `json:"reason,omitempty"`
}

// Dunning is what is done about failed payments.
type Dunning struct {
	After   int32  `json:"afterFailedPayments"`
	Action  string `json:"action"`
	Actions int64  `json:"actions"`
}

// Of makes a report.
func Of(o Objects) *Report {
	r := &Report{
		Now: o.Now.UTC(), Problems: []Problem{}, Operators: []Operator{}, Providers: []Provider{}, Checkouts: []Checkout{},
		Receivers: []Receiver{},
	}
	for i := range o.Operators {
		r.operator(&o.Operators[i])
	}
	for i := range o.Providers {
		r.provider(&o.Providers[i])
	}
	for i := range o.Plans {
		r.plan(&o.Plans[i])
	}
	for i := range o.Checkouts {
		r.checkout(&o.Checkouts[i])
	}
	for i := range o.Receivers {
		r.receiver(&o.Receivers[i])
	}
	slices.SortStableFunc(r.Problems, byWeight)
	r.Healthy = len(r.Problems) == 0
	return r
}

func (r *Report) operator(d *appsv1.Deployment) {
	out := Operator{
		Named: Named{d.Namespace, d.Name}, Version: d.Labels["app.kubernetes.io/version"], Replicas: 1,
		Available: d.Status.AvailableReplicas,
	}
	if d.Spec.Replicas != nil {
		out.Replicas = *d.Spec.Replicas
	}
	if c := d.Spec.Template.Spec.Containers; out.Version == "" && len(c) > 0 {
		_, out.Version, _ = strings.Cut(c[0].Image[strings.LastIndex(c[0].Image, "/")+1:], ":")
	}
	r.Operators = append(r.Operators, out)
	if out.Available == 0 {
		r.Problems = append(r.Problems, Problem{
			Kind: "Deployment", Named: out.Named, Reason: "OperatorUnavailable",
			Message: "no replica of the operator is available",
			Advice:  "kubectl -n " + d.Namespace + " describe deployment " + d.Name, grave: true,
		})
	}
}

func (r *Report) provider(p *v1alpha1.PaymentProvider) {
	of := object{kind: "PaymentProvider", meta: &p.ObjectMeta, observed: p.Status.ObservedGeneration,
		conditions: p.Status.Conditions}
	out := Provider{
		Named: of.named(), Type: string(p.Status.Type), Mode: string(p.Spec.Mode), Ready: of.ready(),
		Capabilities: short(p.Status.Capabilities),
	}
	if a := p.Status.Account; a != nil {
		out.Account, out.AccountName = a.ID, a.Name
	}
	r.Providers = append(r.Providers, out)
	r.look(of)
}

// short are the capabilities that people ask for, in a word each.
func short(all []string) []string {
	out := []string{}
	for _, known := range []struct{ capability, word string }{
		{"CatalogWrite", "catalogue"}, {"Catalog", "catalogue (read)"}, {"Checkouts", "checkouts"},
		{"Subscriptions", "subscriptions"}, {"WebhookEndpoints", "webhooks"}, {"History", "recovery"}, {"Dunning", "dunning"},
	} {
		both := known.capability == "Catalog" && slices.Contains(all, "CatalogWrite")
		if slices.Contains(all, known.capability) && !both {
			out = append(out, known.word)
		}
	}
	return out
}

func (r *Report) plan(p *v1alpha1.Plan) {
	of := object{kind: "Plan", meta: &p.ObjectMeta, observed: p.Status.ObservedGeneration, conditions: p.Status.Conditions}
	r.Plans.Total++
	if of.ready() == "True" {
		r.Plans.Ready++
	}
	at := p.Status.Providers
	if slices.ContainsFunc(at, func(s v1alpha1.PlanProviderStatus) bool { return len(s.Drift) > 0 }) {
		r.Plans.Drifted++
	}
	if slices.ContainsFunc(at, func(s v1alpha1.PlanProviderStatus) bool { return len(s.Pending) > 0 }) {
		r.Plans.Pending++
	}
	r.look(of)
}

func (r *Report) checkout(e *v1alpha1.CheckoutEndpoint) {
	of := object{kind: "CheckoutEndpoint", meta: &e.ObjectMeta, observed: e.Status.ObservedGeneration,
		conditions: e.Status.Conditions}
	out := Checkout{
		Named: of.named(), URL: e.Spec.URL, Ready: of.ready(), Replicas: e.Status.ReadyReplicas,
		Plans: e.Status.PlansServed, Providers: []string{},
	}
	for _, p := range e.Status.Providers {
		out.Providers = append(out.Providers, p.Name)
	}
	r.Checkouts = append(r.Checkouts, out)
	r.look(of)
}

func (r *Report) receiver(w *v1alpha1.WebhookReceiver) {
	of := object{kind: "WebhookReceiver", meta: &w.ObjectMeta, observed: w.Status.ObservedGeneration,
		conditions: w.Status.Conditions}
	out := Receiver{
		Named: of.named(), URL: cmp.Or(w.Status.URL, w.Spec.URL), Ready: of.ready(), Replicas: w.Status.ReadyReplicas,
		Database: w.Spec.Store != nil, PerHour: perHour(w.Status.RecentEvents, r.Now),
	}
	if e := w.Status.Events; e != nil {
		out.Received = e.Received
	}
	if p := w.Status.Pending; p != nil {
		out.Pending, out.Dead = p.Count, p.Dead
		if p.Oldest != nil {
			out.Oldest = new(p.Oldest.UTC())
		}
	}
	if e := w.Status.RecentEvents; len(e) > 0 {
		out.LastEvent = new(e[0].ReceivedAt.UTC())
	}
	out.Recovery.Disabled = w.Spec.Recovery != nil && w.Spec.Recovery.Mode == v1alpha1.RecoveryDisabled
	if s := w.Status.Recovery; s != nil {
		out.Recovery.Recovered, out.Recovery.Reason = s.Recovered, s.Reason
		if s.SweptUntil != nil {
			out.Recovery.SweptUntil = new(s.SweptUntil.UTC())
		}
	}
	if d := w.Spec.Dunning; d != nil {
		out.Dunning = &Dunning{After: d.AfterFailedPayments, Action: string(d.Action)}
		if s := w.Status.Dunning; s != nil {
			out.Dunning.Actions = s.Actions
		}
	}
	r.Receivers = append(r.Receivers, out)
	r.look(of)
	r.recovery(of, w.Status.Recovery)
}

// perHour is how often events came lately: since the oldest of the last ones.
func perHour(recent []v1alpha1.RecentEvent, now time.Time) float64 {
	if len(recent) == 0 {
		return 0
	}
	since := max(now.Sub(recent[len(recent)-1].ReceivedAt.Time), time.Second)
	return float64(len(recent)) / since.Hours()
}
