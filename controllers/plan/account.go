package plan

import (
	"context"
	"errors"
	"strings"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
)

// finder is accounts.Resolve, or accounts.Find for what is only taken off sale.
type finder func(
	context.Context, client.Reader, string, *v1alpha1.PlanProvider,
) (*v1alpha1.PaymentProvider, error)

// open finds the PaymentProvider and opens its account.
func (r *Reconciler) open(
	ctx context.Context, find finder, plan *v1alpha1.Plan, at *v1alpha1.PlanProvider,
) (*accounts.Account, *v1alpha1.PaymentProvider, error) {
	pp, err := find(ctx, r.Client, plan.Namespace, at)
	if err != nil {
		return nil, nil, err
	}
	account, err := r.Accounts.Open(ctx, pp)
	return account, pp, accounts.NotReady(at.Name, err)
}

// noteRefused makes sure that refused credentials are checked, and shown on the PaymentProvider, at once.
func (s *sale) noteRefused(err error) error {
	var e *provider.Error
	if errors.As(err, &e) && e.KeyRefused() {
		key := accounts.ProviderKey(s.plan.Namespace, s.at)
		s.Accounts.Invalidate(key)
		s.Refused(key)
	}
	return err
}

// settle asks for the account's id, and has it put into the PaymentProvider's status, as soon as an account that had no
// objects has one: from then on the key of another account is told from its own.
func (s *sale) settle(ctx context.Context, out *outcome, have billing.Observed) {
	if !s.account.Info.Provisional || have.Product == nil {
		return
	}
	key := accounts.ProviderKey(s.plan.Namespace, s.at)
	s.Accounts.Settle(key)
	s.Refused(key)
	if settled, err := s.Accounts.Open(ctx, s.provider); err == nil {
		out.account = settled.Identity
	}
}

// executor runs operations for the Plan; done collects those that the provider carried out.
func (s *sale) executor() (catalog.Executor, *[]catalog.Operation) {
	done := &[]catalog.Operation{}
	j := &journal{write: s.writeStatus, plan: s.plan, name: s.at.Name, now: s.Now}
	e := catalog.NewExecutor(s.account.Conn.Catalog(), s.account.Adapter.Traits(), j)
	e.Rules.Record = s.record
	e.Now = s.Now
	e.Done = func(op catalog.Operation) {
		s.account.Mirror.Wrote(s.owner)
		*done = append(*done, op)
	}
	return e, done
}

// announce tells in one Kubernetes Event, and the log, what was changed at the provider.
func (s *sale) announce(done []catalog.Operation) {
	if len(done) == 0 {
		return
	}
	texts := make([]string, len(done))
	for i, op := range done {
		texts[i] = op.String()
	}
	note := provider.Truncate(strings.Join(texts, ", "), 900)
	s.Events.Eventf(s.plan, nil, corev1.EventTypeNormal, "CatalogChanged", "Converge", "%s: %s", s.at.Name, note)
	ctrl.Log.WithName("plan").Info("catalogue changed", "namespace", s.plan.Namespace, "plan", s.plan.Name,
		"provider", s.at.Name, "operations", texts)
}
