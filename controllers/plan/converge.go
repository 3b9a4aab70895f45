package plan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
)

// forever is a maximum age that only a mirror without any snapshot fails.
const forever = time.Duration(1<<63 - 1)

// converge makes one provider's catalogue equal to the Plan. When the account's mirror already is, nothing is asked of
// the provider, unless the user asked to look.
func (r *Reconciler) converge(ctx context.Context, plan *v1alpha1.Plan, name string, asked bool) outcome {
	out := outcome{name: name, known: knownStatus(plan, name)}
	account, err := r.open(ctx, plan.Namespace, name)
	if err != nil {
		return out.failed(err)
	}
	if !slices.Contains(account.Adapter.Capabilities(), provider.CapabilityCatalog) {
		return out.failed(unsupported(fmt.Errorf("%s lets no API change its catalogue", account.Adapter.Type())))
	}
	owner := r.owner(plan)
	want, err := desired(owner, &plan.Spec)
	if err != nil {
		return out.failed(unsupported(err))
	}
	executor, done := r.executor(plan, name, account)
	if _, err := account.Mirror.Refresh(ctx, forever); err != nil {
		return out.failed(r.noteRefused(plan.Namespace, name, err))
	}
	have := account.Mirror.Get(owner, out.known.ProductID)
	if op, err := executor.Rules.Next(want, have); err == nil && op == nil && !asked {
		return out.inSync(r.Now(), want, have)
	}
	if err := r.enlist(ctx, plan, name); err != nil {
		return out.failed(err)
	}
	have, err = account.Conn.Catalog().Observe(ctx, owner, knownIDs(out.known))
	if err != nil {
		return out.failed(r.noteRefused(plan.Namespace, name, err))
	}
	have, err = executor.Converge(ctx, want, have)
	account.Mirror.Put(owner, have)
	r.announce(plan, name, *done)
	if err != nil {
		return out.partly(r.Now(), want, have, r.noteRefused(plan.Namespace, name, err))
	}
	return out.inSync(r.Now(), want, have)
}

// enlist puts the provider into the status before the first object is made there: should the spec name another by the
// time of the next status, what was made is still retired.
func (r *Reconciler) enlist(ctx context.Context, plan *v1alpha1.Plan, name string) error {
	if slices.ContainsFunc(plan.Status.Providers, func(s v1alpha1.PlanProviderStatus) bool { return s.Name == name }) {
		return nil
	}
	next := plan.Status.DeepCopy()
	v := status.Waiting(v1alpha1.ReasonProgressing, "creating the product and its prices")
	next.Providers = append(next.Providers, v1alpha1.PlanProviderStatus{
		Name: name, Ready: v.Ready, Reason: v.Reason, Message: v.Message,
	})
	err := status.Apply(ctx, r.Client, v1alpha1.GroupVersion.WithKind("Plan"), plan, &plan.Status, next)
	if err == nil {
		plan.Status = *next
	}
	return err
}

// retire archives everything that the Plan has at one provider.
func (r *Reconciler) retire(ctx context.Context, plan *v1alpha1.Plan, name string) outcome {
	out := outcome{name: name, known: knownStatus(plan, name), retiring: true}
	if plan.Spec.DeletionPolicy == v1alpha1.DeletionOrphan {
		out.gone = true
		return out
	}
	account, err := r.open(ctx, plan.Namespace, name)
	if err != nil {
		return out.failed(err)
	}
	owner := r.owner(plan)
	executor, done := r.executor(plan, name, account)
	have, err := account.Conn.Catalog().Observe(ctx, owner, knownIDs(out.known))
	if err != nil {
		return out.failed(r.noteRefused(plan.Namespace, name, err))
	}
	have, err = executor.Retire(ctx, owner, have)
	account.Mirror.Put(owner, have)
	r.announce(plan, name, *done)
	if another := (catalog.OwnedByAnotherError{}); err != nil && !errors.As(err, &another) {
		return out.failed(r.noteRefused(plan.Namespace, name, err))
	}
	out.gone = true
	return out
}

// open finds the PaymentProvider and opens its account.
func (r *Reconciler) open(ctx context.Context, namespace, name string) (*accounts.Account, error) {
	pp := &v1alpha1.PaymentProvider{}
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, pp)
	if apierrors.IsNotFound(err) {
		return nil, &accounts.Error{
			Reason: v1alpha1.ReasonReferenceNotFound, Stalled: true,
			Message: fmt.Sprintf("PaymentProvider %q does not exist in namespace %q", name, namespace),
		}
	}
	if err != nil {
		return nil, err
	}
	account, err := r.Accounts.Open(ctx, pp)
	var problem *accounts.Error
	if errors.As(err, &problem) {
		return nil, &accounts.Error{
			Reason: v1alpha1.ReasonProviderNotReady, Stalled: problem.Stalled, RetryAfter: problem.RetryAfter, Err: problem,
			Message: fmt.Sprintf("PaymentProvider %q: %s: %s", name, problem.Reason, problem.Message),
		}
	}
	return account, err
}

func unsupported(err error) error {
	return &accounts.Error{Reason: v1alpha1.ReasonUnsupported, Stalled: true, Message: err.Error(), Err: err}
}

// noteRefused makes sure that refused credentials are checked, and shown on the PaymentProvider, at once.
func (r *Reconciler) noteRefused(namespace, name string, err error) error {
	var e *provider.Error
	if errors.As(err, &e) && e.Class == provider.ClassCredentials && e.Status == http.StatusUnauthorized {
		key := types.NamespacedName{Namespace: namespace, Name: name}
		r.Accounts.Invalidate(key)
		r.Refused(key)
	}
	return err
}

// executor runs operations for a Plan; done collects those that the provider carried out.
func (r *Reconciler) executor(
	plan *v1alpha1.Plan, name string, a *accounts.Account,
) (catalog.Executor, *[]catalog.Operation) {
	done := &[]catalog.Operation{}
	j := &journal{client: r.Client, plan: plan, name: name, now: r.Now}
	e := catalog.NewExecutor(a.Conn.Catalog(), a.Adapter.Traits(), j)
	e.Now = r.Now
	e.Done = func(op catalog.Operation) { *done = append(*done, op) }
	return e, done
}

// announce tells in one Kubernetes Event, and the log, what was changed at a provider.
func (r *Reconciler) announce(plan *v1alpha1.Plan, name string, done []catalog.Operation) {
	if len(done) == 0 {
		return
	}
	texts := make([]string, len(done))
	for i, op := range done {
		texts[i] = op.String()
	}
	note := provider.Truncate(strings.Join(texts, ", "), 900)
	r.Events.Eventf(plan, nil, corev1.EventTypeNormal, "CatalogChanged", "Converge", "%s: %s", name, note)
	ctrl.Log.WithName("plan").Info("catalogue changed", "namespace", plan.Namespace, "plan", plan.Name, "provider", name,
		"operations", texts)
}

func knownIDs(s v1alpha1.PlanProviderStatus) provider.Known {
	known := provider.Known{ProductID: s.ProductID}
	for _, p := range s.Prices {
		known.PriceIDs = append(known.PriceIDs, p.ID)
	}
	return known
}

func knownStatus(plan *v1alpha1.Plan, name string) v1alpha1.PlanProviderStatus {
	for _, s := range plan.Status.Providers {
		if s.Name == name {
			return s
		}
	}
	return v1alpha1.PlanProviderStatus{Name: name}
}
