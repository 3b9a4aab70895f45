// Package paymentprovider checks the credentials of PaymentProviders and keeps the snapshots of their accounts fresh.
package paymentprovider

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
)

// Reconciler reconciles PaymentProviders.
type Reconciler struct {
	Client   client.Client
	Accounts *accounts.Pool
	// Snapshots is told of every PaymentProvider whose account was read anew. It must be drained.
	Snapshots chan<- event.GenericEvent

	asked kubewatch.Asked
	// opened are the accounts as their Plans last heard of them, and announced the times of the snapshots, by the
	// PaymentProvider.
	opened, announced sync.Map
}

// inUseRecheck bounds how long a deletion waits for a reference whose end was not seen.
const inUseRecheck = 30 * time.Second

// +kubebuilder:rbac:groups=billing.kassa.dev,resources=paymentproviders,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=paymentproviders/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;patch

// Reconcile checks the credentials, reads the account's catalogue when that is due, and says in status what came of it.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	pp := &v1alpha1.PaymentProvider{}
	if err := r.Client.Get(ctx, req.NamespacedName, pp); err != nil {
		if apierrors.IsNotFound(err) {
			r.Accounts.Forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !pp.DeletionTimestamp.IsZero() {
		return r.finalize(ctx, pp)
	}
	if pp.Spec.Suspend {
		return ctrl.Result{}, r.condition(ctx, pp, status.Stalled(v1alpha1.ReasonSuspended, "spec.suspend is true"))
	}
	if err := status.Hold(ctx, r.Client, pp); err != nil {
		return ctrl.Result{}, fmt.Errorf("adding the finalizer: %w", err)
	}
	account, err := r.Accounts.Open(ctx, pp)
	if err != nil {
		// What is wrong may have been put right where Kassa does not watch.
		account, err = r.Accounts.Check(ctx, pp)
	}
	if err != nil {
		return r.report(ctx, pp, nil, catalog.Stats{}, err)
	}
	stats, err := r.read(ctx, pp, account)
	return r.report(ctx, pp, account, stats, err)
}

// read reads the account's catalogue if that is due, or the user, or a receiver's news, asked for it. It is also how
// credentials that were revoked are found: a quiet account costs the pages of its catalogue and nothing else.
func (r *Reconciler) read(
	ctx context.Context, pp *v1alpha1.PaymentProvider, account *accounts.Account,
) (catalog.Stats, error) {
	before, err := account.Mirror.Refresh(ctx, forever)
	if err == nil {
		// Slightly less than the interval, so that a reconcile that comes a moment early still reads.
		maxAge := account.DriftCheckInterval * 9 / 10
		if r.asked.Anew(pp) {
			maxAge = 0
		}
		var stats catalog.Stats
		if err = account.Mirror.Renew(ctx); err == nil {
			stats, err = account.Mirror.Refresh(ctx, maxAge)
		}
		if err == nil {
			r.asked.Follow(pp)
			// Plans may have had the account read too.
			last, known := r.announced.Swap(pp.UID, stats.Taken)
			news := known && last != stats.Taken || !known && stats.Taken != before.Taken
			if r.rotated(pp, account) || news {
				r.announce(ctx, pp)
			}
			return stats, nil
		}
	}
	// If the account itself cannot be used either, everybody who opens it hears of it, and one back-off serves all.
	if _, refused := r.Accounts.Check(ctx, pp); refused != nil {
		return before, refused
	}
	return before, accounts.ErrorOf(err)
}

// rotated says whether the account was opened anew, as with another key, since this was last asked: Plans that the key
// could not carry out may go on.
func (r *Reconciler) rotated(pp *v1alpha1.PaymentProvider, account *accounts.Account) bool {
	before, known := r.opened.Swap(pp.UID, account)
	return known && before != account
}

// forever is a maximum age that the first snapshot alone fails.
const forever = time.Duration(1<<63 - 1)

func (r *Reconciler) announce(ctx context.Context, pp *v1alpha1.PaymentProvider) {
	select {
	case r.Snapshots <- event.GenericEvent{Object: pp.DeepCopy()}:
	case <-ctx.Done():
	}
}

// report writes the status and says when to look again.
func (r *Reconciler) report(
	ctx context.Context, pp *v1alpha1.PaymentProvider, account *accounts.Account, stats catalog.Stats, failure error,
) (ctrl.Result, error) {
	var problem *accounts.Error
	if failure != nil && !errors.As(failure, &problem) {
		return ctrl.Result{}, failure
	}
	next := pp.Status.DeepCopy()
	fill(next, pp, account, stats)
	verdict(pp, account, problem).Set(&next.Conditions, pp.Generation)
	err := status.Apply(ctx, r.Client, v1alpha1.GroupVersion.WithKind("PaymentProvider"), pp, &pp.Status, next)
	if err != nil {
		return ctrl.Result{}, err
	}
	switch {
	case problem == nil:
		return ctrl.Result{RequeueAfter: jitter(account.DriftCheckInterval)}, nil
	case problem.Stalled:
		// A watch on spec and Secret wakes the object; a key that the provider refused may be allowed again
		// without either.
		return ctrl.Result{RequeueAfter: jitter(interval(pp))}, nil
	case problem.RetryAfter > 0:
		return ctrl.Result{RequeueAfter: problem.RetryAfter}, nil
	default:
		return ctrl.Result{}, problem
	}
}

func interval(pp *v1alpha1.PaymentProvider) time.Duration {
	if d := pp.Spec.DriftCheckInterval; d != nil {
		return d.Duration
	}
	return accounts.DefaultDriftCheckInterval
}

func jitter(d time.Duration) time.Duration { return d + rand.N(d/10+1) }

func fill(s *v1alpha1.PaymentProviderStatus, pp *v1alpha1.PaymentProvider, a *accounts.Account, stats catalog.Stats) {
	s.ObservedGeneration = pp.Generation
	s.Type = v1alpha1.ProviderType(accounts.TypeOf(&pp.Spec))
	if a == nil {
		return
	}
	s.Account = &v1alpha1.AccountStatus{
		ID: a.Info.ID, Provisional: a.Info.Provisional, Name: provider.Truncate(a.Info.Name, 256),
		Mode: v1alpha1.Mode(a.Info.Mode), DefaultCurrency: string(a.Info.DefaultCurrency),
	}
	s.Capabilities = nil
	for _, c := range a.Adapter.Capabilities() {
		s.Capabilities = append(s.Capabilities, string(c))
	}
	slices.Sort(s.Capabilities)
	if stats.Taken.IsZero() {
		return
	}
	next := &v1alpha1.CatalogStatus{
		Products: figure(stats.Products), Prices: figure(stats.Prices), SnapshotCalls: figure(stats.Calls),
	}
	// The time is kept while the figures are the same: a quiet account costs no write.
	if old := s.Catalog; old != nil && old.Products == next.Products && old.Prices == next.Prices &&
		old.SnapshotCalls == next.SnapshotCalls {
		return
	}
	taken := metav1.NewTime(stats.Taken)
	next.LastSnapshot = &taken
	s.Catalog = next
}

func figure(n int) int32 { return int32(min(n, math.MaxInt32)) } //nolint:gosec // bounded

func verdict(pp *v1alpha1.PaymentProvider, a *accounts.Account, problem *accounts.Error) status.Verdict {
	switch {
	case problem == nil:
		return status.Ready(v1alpha1.ReasonCredentialsValid,
			fmt.Sprintf("key, mode %s and account %s were checked", a.Info.Mode, a.Info.ID))
	case problem.Stalled:
		return status.Stalled(problem.Reason, problem.Message)
	case meta.FindStatusCondition(pp.Status.Conditions, v1alpha1.ConditionReady) != nil &&
		!meta.IsStatusConditionFalse(pp.Status.Conditions, v1alpha1.ConditionReady):
		return status.Unknown(problem.Reason, problem.Message)
	default:
		return status.Waiting(problem.Reason, problem.Message)
	}
}

// condition writes a verdict and leaves the rest of the status as it is.
func (r *Reconciler) condition(ctx context.Context, pp *v1alpha1.PaymentProvider, v status.Verdict) error {
	next := pp.Status.DeepCopy()
	next.ObservedGeneration = pp.Generation
	v.Set(&next.Conditions, pp.Generation)
	return status.Apply(ctx, r.Client, v1alpha1.GroupVersion.WithKind("PaymentProvider"), pp, &pp.Status, next)
}
