package validate

import (
	"slices"
	"strings"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/desired"
	"github.com/kassa-dev/kassa/internal/manifests"
	"github.com/kassa-dev/kassa/internal/provider"
)

var planRules = []Rule{
	{
		ID: "KASSA070", Name: "unsupported-plan", Severity: Error, Docs: "docs/plans.md#what-each-provider-can-do",
		Summary: "A provider cannot sell the Plan as it is",
		Help: "A customer would pay something else than the Plan says, so Kassa refuses it: Ready=False, Unsupported. The " +
			"message says what to write instead.",
		check: func(j *judge) { j.fit(func(adopted bool) bool { return adopted }) },
	},
	{
		ID: "KASSA071", Name: "nothing-to-adopt", Severity: Error, Docs: "docs/adopt.md#lemonsqueezy",
		Summary: "A Plan at LemonSqueezy does not adopt the product, or one of its prices",
		Help:    "LemonSqueezy's API creates no products. Make them in its dashboard and name their ids under adopt.",
		check:   func(j *judge) { j.fit(func(adopted bool) bool { return !adopted }) },
	},
}

// fit holds the Plans against what their providers can sell. A rule takes what is of adoption, or everything else.
func (j *judge) fit(mine func(other bool) bool) {
	for _, p := range j.plans {
		if p.refused {
			continue
		}
		for i := range p.T.Spec.Providers {
			at := &p.T.Spec.Providers[i]
			for _, account := range j.provider(p.key, at.Name, at.Namespace) {
				j.fitAt(&p, at, i, typeOf(account.T), mine)
			}
		}
	}
}

func (j *judge) fitAt(p *plan, at *v1alpha1.PlanProvider, i int, of billing.Provider, mine func(other bool) bool) {
	adapter, err := j.Registry.Adapter(of)
	if err != nil {
		return
	}
	want, err := desired.Plan(billing.Owner{}, &p.T.Spec, at)
	if err == nil {
		_, _, err = provider.Fit(adapter, want)
	}
	for _, why := range each(err) {
		path := fieldPath(p.T, pathIn(why))
		if path == "spec.providers" {
			path = manifests.Index(path, i)
		}
		if mine(path != manifests.Index("spec.providers", i)) {
			j.report(p.Document, path, "%s", why)
		}
	}
}

// each takes apart an error that is several.
func each(err error) []string {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []string{err.Error()}
	}
	var out []string
	for _, e := range joined.Unwrap() {
		out = append(out, e.Error())
	}
	return out
}

// fieldPath puts the number of a price into a path that has its name.
func fieldPath(p *v1alpha1.Plan, path string) string {
	rest, ok := strings.CutPrefix(path, "spec.prices[")
	name, after, closed := strings.Cut(rest, "]")
	i := slices.IndexFunc(p.Spec.Prices, func(price v1alpha1.Price) bool { return price.Name == name })
	if !ok || !closed || i < 0 {
		return path
	}
	return manifests.Index("spec.prices", i) + after
}
