package webhookreceiver

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/recovery"
	"github.com/kassa-dev/kassa/internal/workload"
)

// Recovery finds the events that receivers missed, at their providers, and brings them to the receivers. It has a queue
// and workers of its own: a sweep may take minutes.
type Recovery struct {
	Receivers *Reconciler
	// HTTP reaches the receivers' Services.
	HTTP    *http.Client
	Metrics *RecoveryMetrics

	mu    sync.Mutex
	known map[types.UID]progress
}

// progress of a receiver's recovery.
type progress struct {
	// status is newer than the receiver's, which is written rarely. It is nil before the first sweep of this process.
	status   *v1alpha1.RecoveryStatus
	due      time.Time // of the next sweep; zero: now
	failures int       // in a row
}

// Reconcile sweeps if it is time to.
func (r *Recovery) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	receiver := &v1alpha1.WebhookReceiver{}
	if err := r.Receivers.Client.Get(ctx, req.NamespacedName, receiver); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	switch {
	case !receiver.DeletionTimestamp.IsZero():
		r.forget(receiver.UID)
		return ctrl.Result{}, nil
	case receiver.Spec.Suspend || receiver.Status.Provider == nil:
		return ctrl.Result{}, nil
	case receiver.Status.ReadyReplicas == 0:
		// Its return is seen, and what it missed is then looked for at once.
		r.update(receiver.UID, func(p *progress) { p.due, p.failures = time.Time{}, 0 })
		return ctrl.Result{}, nil
	}
	account, err := r.Receivers.open(ctx, accounts.Resolve, receiver)
	if err != nil {
		return r.failed(ctx, receiver, r.progress(receiver).status, err)
	}
	history, ok := account.Conn.(provider.History)
	if !ok {
		return ctrl.Result{}, nil
	}
	p := r.progress(receiver)
	if isUnwanted(p.status.Pass, receiver, history.HistoryTraits()) {
		return r.abandon(ctx, receiver, p.status)
	}
	next := nextPass(receiver, p, history.HistoryTraits(), r.Receivers.Now())
	switch {
	case next.refused != "":
		return r.refuse(ctx, receiver, next)
	case next.pass == nil:
		return ctrl.Result{RequeueAfter: next.wait}, nil
	}
	return r.sweep(ctx, receiver, account, history, next.pass)
}

// sweep goes on with a pass, and notes how far it came.
func (r *Recovery) sweep(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account, history provider.History,
	pass *v1alpha1.RecoveryPass,
) (ctrl.Result, error) {
	found, failure := r.run(ctx, receiver, account, history, pass)
	if ctx.Err() != nil {
		return ctrl.Result{}, ctx.Err()
	}
	r.Metrics.note(string(account.Adapter.Type()), found, failure)
	if found.Recovered > 0 {
		r.Receivers.Events.Eventf(receiver, nil, corev1.EventTypeNormal, "EventsRecovered", "Recover",
			"%s from %s; they are of the time since %s", fetched(int64(found.Recovered)),
			account.Adapter.Type(), pass.From.UTC().Format(time.RFC3339))
	}
	return r.note(ctx, receiver, pass, found, r.Receivers.noteRefused(receiver, failure))
}

func (r *Recovery) run(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account, history provider.History,
	pass *v1alpha1.RecoveryPass,
) (recovery.Found, error) {
	secret, err := r.signingSecret(ctx, receiver)
	if err != nil {
		return recovery.Found{Next: pass.Cursor}, err
	}
	now := r.Receivers.Now()
	return recovery.Sweep{
		History: history, Span: spanOf(pass, receiver, now), Cursor: pass.Cursor, Settled: pass.Asked == "", Now: now,
		// What a receiver takes note of without remembering it would be brought again and again.
		Records: func(e *billing.Event) bool { return reception.ReachOf(&receiver.Spec, e).Recorded },
		Receiver: &recovery.Client{
			HTTP: r.HTTP, Address: addressOf(receiver), Codec: account.Adapter.Codec(), Secret: secret,
		},
	}.Run(provider.WithBackground(ctx))
}

// addressOf is where the receiver's Service leads to the port of its probes.
func addressOf(receiver *v1alpha1.WebhookReceiver) string {
	return fmt.Sprintf("http://%s.%s.svc:%d", workload.Receiver{Object: receiver}.Name(), receiver.Namespace,
		workload.PortHealth)
}

// progress has a status of the caller's own.
func (r *Recovery) progress(receiver *v1alpha1.WebhookReceiver) progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.known[receiver.UID]
	switch {
	case p.status != nil:
		p.status = p.status.DeepCopy()
	case receiver.Status.Recovery != nil:
		p.status = receiver.Status.Recovery.DeepCopy()
	default:
		p.status = &v1alpha1.RecoveryStatus{}
	}
	return p
}

func (r *Recovery) update(uid types.UID, change func(*progress)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[types.UID]progress{}
	}
	p := r.known[uid]
	change(&p)
	r.known[uid] = p
}

func (r *Recovery) forget(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, uid)
}
