package validate

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/manifests"
	"github.com/kassa-dev/kassa/internal/provider"
)

var receiverRules = []Rule{
	{
		ID: "KASSA060", Name: "one-url-for-two", Severity: Error, Docs: "docs/receivers.md#registration",
		Summary: "Two WebhookReceivers have one URL",
		Help: "Events of the one reach the other, which cannot verify them, and only the older one is exposed. Give each a " +
			"path of its own.",
		check: sharedURLs,
	},
	{
		ID: "KASSA061", Name: "forgotten-while-retried", Severity: Warning, Docs: "docs/receivers.md#what-is-remembered",
		Summary: "Events are forgotten while they may still be retried",
		Help: "An event that the provider repeats, or that is fetched again, after it was forgotten is processed again. " +
			"Let ledger.retention be longer than delivery.retry.maxAge.",
		check: retention,
	},
	{
		ID: "KASSA062", Name: "one-replica-in-live", Severity: Warning, Docs: "docs/receivers.md#scaling",
		Summary: "A server of a PaymentProvider in Live mode has fewer than two replicas",
		Help:    "Nothing can be bought, or no event is taken, while its node is drained. Leave replicas out, or write 2.",
		check:   oneReplica,
	},
	{
		ID: "KASSA063", Name: "no-guardrails", Severity: Note, Docs: "docs/plans.md#a-brake-for-mistakes",
		Summary: "A PaymentProvider in Live mode does not say how many prices may be replaced within an hour",
		Help: "The default of 20 holds. Write guardrails.maxReplacementsPerHour, as many as a release of yours changes, so " +
			"that a reviewer sees it. More than 1000 is no brake.",
		check: guardrails,
	},
	{
		ID: "KASSA064", Name: "unsupported-dunning", Severity: Error, Docs: "docs/dunning.md",
		Summary: "The provider cannot do what dunning asks",
		Help:    "The receiver would not become Ready. The message says what to write instead.",
		check:   dunning,
	},
	{
		ID: "KASSA065", Name: "events-for-nobody", Severity: Warning, Docs: "docs/receivers.md#delivery",
		Summary: "A WebhookReceiver has neither sinks nor a store",
		Help:    "Its events are verified and remembered, and nobody is told. Write delivery.sinks or store.postgres.",
		check:   nobodyTold,
	},
	{
		ID: "KASSA066", Name: "unsigned-sink", Severity: Warning, Docs: "docs/events.md",
		Summary: "A sink outside of the cluster gets events that it cannot tell from anybody else's",
		Help:    "Whoever knows its URL could say that a customer paid. Write signingSecretRef, or at least tokenSecretRef.",
		check:   unsignedSinks,
	},
}

func sharedURLs(j *judge) {
	first := map[string]*receiver{}
	for i := range j.receivers {
		r := &j.receivers[i]
		if r.T.Spec.URL == "" {
			continue
		}
		address := sameAddress(r.T.Spec.URL)
		other, ok := first[address]
		switch {
		case !ok:
			first[address] = r
		case other.key != r.key:
			j.report(r.Document, "spec.url", "WebhookReceiver %q at %s has the same URL; give each a path of its own",
				other.Name(), other.At("spec.url"))
		}
	}
}

// The defaults of the receiver.
const (
	defaultRetention = 744 * time.Hour
	defaultMaxAge    = 72 * time.Hour
)

func or(d *metav1.Duration, otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return d.Duration
}

func retention(j *judge) {
	for _, r := range j.receivers {
		if r.refused {
			continue
		}
		kept, retried := defaultRetention, defaultMaxAge
		if l := r.T.Spec.Ledger; l != nil {
			kept = or(l.Retention, kept)
		}
		path := "spec.ledger.retention"
		if d := r.T.Spec.Delivery; d != nil && d.Retry != nil {
			retried = or(d.Retry.MaxAge, retried)
		}
		if kept < retried {
			j.report(r.Document, path, "an event is forgotten after %s and retried for %s; let ledger.retention be longer "+
				"than delivery.retry.maxAge", hours(kept), hours(retried))
		}
	}
}

func hours(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

func oneReplica(j *judge) {
	for _, r := range j.receivers {
		ref := r.T.Spec.ProviderRef
		if live(j.provider(r.key, ref.Name, ref.Namespace)) {
			j.fewReplicas(r.Document, r.T.Spec.Workload)
		}
	}
	for _, e := range j.endpoints {
		if live(j.sellers(&e)) {
			j.fewReplicas(e.Document, e.T.Spec.Workload)
		}
	}
}

func (j *judge) fewReplicas(d *manifests.Document, w *v1alpha1.Workload) {
	const instead = "in Live mode leave it out, or write 2 or more, so that a drained node stops nothing"
	switch {
	case w == nil:
	case w.Replicas != nil && *w.Replicas < 2:
		j.report(d, "spec.workload.replicas", "replicas is %d; %s", *w.Replicas, instead)
	case w.Autoscaling != nil && w.Autoscaling.MinReplicas != nil && *w.Autoscaling.MinReplicas < 2:
		j.report(d, "spec.workload.autoscaling.minReplicas", "minReplicas is %d; %s", *w.Autoscaling.MinReplicas, instead)
	}
}

// noBrake is a number of replacements that stops no mistake.
const noBrake = 1000

func guardrails(j *judge) {
	for _, p := range j.providers {
		bound := p.T.Spec.Guardrails.MaxReplacementsPerHour
		switch {
		case p.T.Spec.Mode != v1alpha1.ModeLive:
		case bound == nil:
			j.report(p.Document, "spec.mode", "nothing says how many prices may be replaced within an hour, so that 20 is the "+
				"bound; write guardrails: {maxReplacementsPerHour: 20}, or what a release of yours needs")
		case *bound > noBrake:
			f := j.report(p.Document, "spec.guardrails.maxReplacementsPerHour", "%d replaced prices within an hour is no brake "+
				"for a mistake; write what a release of yours needs", *bound)
			f.Severity = Warning
		}
	}
}

func dunning(j *judge) {
	for _, r := range j.receivers {
		d, ref := r.T.Spec.Dunning, r.T.Spec.ProviderRef
		if d == nil {
			continue
		}
		for _, p := range j.provider(r.key, ref.Name, ref.Namespace) {
			collector, ok := j.Registry[typeOf(p.T)].(provider.Collector)
			if !ok {
				continue
			}
			why := collector.DunningTraits().Refusal(typeOf(p.T), billing.DunningAction(d.Action), int(d.AfterFailedPayments))
			if why != "" {
				j.report(r.Document, pathIn(why), "%s", why)
			}
		}
	}
}

func nobodyTold(j *judge) {
	for _, r := range j.receivers {
		if (r.T.Spec.Delivery == nil || len(r.T.Spec.Delivery.Sinks) == 0) && r.T.Spec.Store == nil && !r.refused {
			j.report(r.Document, "spec", "no sink and no store takes these events; write delivery.sinks or store.postgres")
		}
	}
}

func unsignedSinks(j *judge) {
	for _, r := range j.receivers {
		if r.T.Spec.Delivery == nil {
			continue
		}
		for i := range r.T.Spec.Delivery.Sinks {
			s := &r.T.Spec.Delivery.Sinks[i]
			if s.HTTP.TokenSecretRef == nil && s.HTTP.SigningSecretRef == nil && abroad(s.HTTP.URI) {
				j.report(r.Document, manifests.Index("spec.delivery.sinks", i)+".http", "sink %q is outside of the cluster and "+
					"cannot tell who sends; write signingSecretRef, or at least tokenSecretRef", s.Name)
			}
		}
	}
}
