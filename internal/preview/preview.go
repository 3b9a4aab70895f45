// Package preview says what Plans would change at their providers, and changes nothing. It decides by what the operator
// decides by: internal/desired and internal/catalog.
package preview

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/desired"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Plan is what is compared.
type Plan struct {
	// Wanted has the spec that is compared, and the UID and status of the Plan in the cluster, if there is one.
	Wanted *v1alpha1.Plan
	// Applied is the Plan in the cluster; nil if there is none.
	Applied *v1alpha1.Plan
}

// Comparer compares Plans with their accounts.
type Comparer struct {
	// Reader has PaymentProviders, and namespaces' metadata.
	Reader client.Reader
	// Open opens an account.
	Open func(context.Context, *v1alpha1.PaymentProvider) (*accounts.Account, error)
	// Cluster is the UID of the kube-system namespace; empty where there is no cluster.
	Cluster string

	opened  map[string]*opened
	adopted map[string]string // account and product → the Plan that adopts it
	sold    map[string]bool   // Plan, account and product, of providers of a spec
}

// Compare compares all Plans. Each account is read once.
func (c *Comparer) Compare(ctx context.Context, plans []Plan) *Report {
	c.opened = map[string]*opened{}
	c.adopted, c.sold = map[string]string{}, map[string]bool{}
	r := &Report{Plans: []Sale{}}
	plans = slices.Clone(plans)
	slices.SortStableFunc(plans, func(a, b Plan) int {
		return cmp.Or(cmp.Compare(a.Wanted.Namespace, b.Wanted.Namespace), cmp.Compare(a.Wanted.Name, b.Wanted.Name))
	})
	for _, p := range plans {
		r.Plans = append(r.Plans, c.plan(ctx, p)...)
	}
	r.count()
	return r
}

func (c *Comparer) sale(p Plan, at *v1alpha1.PlanProvider) *sale {
	return &sale{comparer: c, plan: p, at: at, Sale: Sale{
		Namespace: p.Wanted.Namespace, Plan: p.Wanted.Name, Provider: at.Name,
		Management: string(cmp.Or(p.Wanted.Spec.Management, v1alpha1.ManagementEnforce)),
	}}
}

// sale is a Plan at a provider, while it is compared.
type sale struct {
	Sale

	comparer *Comparer
	plan     Plan
	at       *v1alpha1.PlanProvider

	provider *v1alpha1.PaymentProvider
	account  *accounts.Account
	all      []billing.Observed // of the account
	owner    billing.Owner
	rules    catalog.Rules
	have     billing.Observed
}

func (s *sale) noticef(format string, args ...any) {
	s.Notices = append(s.Notices, fmt.Sprintf(format, args...))
}

// open reads the account, and finds the Plan's part of it.
func (s *sale) open(ctx context.Context, find purpose) error {
	o := s.comparer.open(ctx, find, s.Namespace, s.at)
	if o.provider != nil {
		s.provider, s.Mode = o.provider, string(o.provider.Spec.Mode)
	}
	if o.err != nil {
		return o.err
	}
	s.account, s.all, s.Account = o.account, o.all, o.account.Info.ID
	status := s.status()
	s.own()
	s.rules = catalog.NewRules(s.account.Conn.Catalog(), s.account.Adapter.Traits())
	s.rules.Record = desired.Record(status, s.at)
	have := s.account.Mirror.Get(s.owner, desired.Known(status, s.at))
	s.have = desired.OwnTwins(s.plan.Wanted, s.at.Name, have)
	return nil
}

// status is what the Plan's status has of the provider.
func (s *sale) status() v1alpha1.PlanProviderStatus {
	if i := desired.StatusIndex(s.plan.Wanted, s.at.Name); i >= 0 {
		return s.plan.Wanted.Status.Providers[i]
	}
	return v1alpha1.PlanProviderStatus{}
}

// sell compares with a provider of the spec.
func (s *sale) sell(ctx context.Context) error {
	if len(s.plan.Wanted.Spec.Prices) == 0 {
		return errors.New("spec.prices is empty")
	}
	if err := s.open(ctx, selling); err != nil {
		return err
	}
	if s.have.Product != nil {
		s.comparer.sold[s.product()] = true
	}
	want, err := s.want(s.plan.Wanted)
	if err != nil {
		return &refusedError{v1alpha1.ReasonUnsupported, err}
	}
	if err := s.claim(); err != nil {
		return err
	}
	differences, err := s.rules.Compare(want, s.have)
	if err != nil {
		return err
	}
	s.differ(differences)
	traits := s.account.Adapter.Traits()
	switch {
	case traits.ReadOnly:
		if len(differences) > 0 {
			s.noticef("no API changes %s's catalogue: change it in the dashboard, or change the Plan", s.account.Adapter.Type())
		}
		return nil
	case s.plan.Wanted.Spec.Management == v1alpha1.ManagementObserve:
		return nil
	}
	steps, err := s.rules.Steps(want, s.have)
	s.Operations = operations(steps, false)
	if err != nil {
		return err
	}
	return s.spend(steps)
}

// want is what a Plan asks of the provider.
func (s *sale) want(plan *v1alpha1.Plan) (billing.Plan, error) {
	want, err := desired.Plan(s.owner, &plan.Spec, s.at)
	if err != nil {
		return want, err
	}
	want, s.Omitted, err = provider.Fit(s.account.Adapter, want)
	return want, err
}

// differ notes differences, and which of them are drift.
func (s *sale) differ(differences []catalog.Difference) {
	drifted := map[string]bool{}
	if status := s.status(); s.plan.Applied != nil && (s.have.Product != nil || desired.MayExist(&status)) {
		omitted := s.Omitted
		if applied, err := s.want(s.plan.Applied); err == nil {
			list, _ := s.rules.Compare(applied, s.have)
			for _, d := range list {
				drifted[d.Field+"="+d.Want] = true
			}
		}
		s.Omitted = omitted
	}
	for _, d := range differences {
		s.Differences = append(s.Differences, Difference{
			Field: d.Field, Have: d.Got, Want: d.Want, Drift: drifted[d.Field+"="+d.Want],
		})
	}
}

// product is what tells a Plan's product apart from every other one.
func (s *sale) product() string {
	return strings.Join([]string{s.Namespace, s.Plan, s.account.Identity, s.have.Product.ID}, " ")
}

// claim refuses a product that two Plans adopt.
func (s *sale) claim() error {
	if s.at.Adopt == nil {
		return nil
	}
	me, key := s.Namespace+"/"+s.Plan, cmp.Or(s.account.Identity, s.Provider)+" "+s.at.Adopt.ProductID
	if other, taken := s.comparer.adopted[key]; taken && other != me {
		return &refusedError{v1alpha1.ReasonOwnedByAnother, fmt.Errorf("%s is adopted by Plan %s as well",
			s.at.Adopt.ProductID, other)}
	}
	s.comparer.adopted[key] = me
	return nil
}

// spend refuses more replacements than the account's guardrails admit, those of the Plans before it counted in.
func (s *sale) spend(steps []catalog.Operation) error {
	budget, n := accounts.ReplacementBudget(s.provider), catalog.Replacements(steps)
	if n == 0 || budget < 0 {
		return nil
	}
	// New Plans have no UID to be told apart by.
	by := s.owner
	by.UID += " " + s.Namespace + "/" + s.Plan
	return s.account.Mirror.Spend(by, n, budget)
}

// refusedError is what Kassa would not do.
type refusedError struct {
	reason string
	err    error
}

func (e *refusedError) Error() string { return strings.ReplaceAll(e.err.Error(), "\n", "; ") }

// Unwrap gives the cause.
func (e *refusedError) Unwrap() error { return e.err }

// end tells what is refused from what failed.
func (s *sale) end(err error) {
	var refused *refusedError
	switch {
	case err == nil:
	case errors.As(err, &refused):
		s.Refused = &Refusal{refused.reason, refused.Error()}
	case errors.As(err, new(catalog.OwnedByAnotherError)):
		s.Refused = &Refusal{v1alpha1.ReasonOwnedByAnother, err.Error()}
	case errors.As(err, new(catalog.MissingError)):
		s.Refused = &Refusal{v1alpha1.ReasonMissing, err.Error()}
	case errors.As(err, new(catalog.BudgetError)):
		s.Refused = &Refusal{v1alpha1.ReasonBudgetExhausted, err.Error()}
	default:
		s.Failed = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
}

// Refusal is why Kassa would not do what a Plan asks for.
type Refusal struct {
	// Reason is that of the Plan's condition.
	Reason  string `json:"reason"`
	Message string `json:"message"`
}
