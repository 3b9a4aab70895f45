package webhookreceiver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/registration"
	"github.com/kassa-dev/kassa/internal/status"
)

// registered is how the endpoint at the provider is.
type registered struct {
	record registration.Record
	manual bool
	// due is when the registration changes by itself; zero: never.
	due time.Time
	err error
}

// register makes sure that the provider has exactly one endpoint of this receiver that serves, that it sends the wanted
// events, and that its signing secret is in the Secret.
func (r *Reconciler) register(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account,
) registered {
	events, err := wantedEvents(receiver, account)
	if err == nil {
		err = checkDunning(receiver, account)
	}
	if err != nil {
		return registered{err: err}
	}
	if account.Info.Mode == billing.Live && !strings.HasPrefix(receiver.Spec.URL, "https://") {
		return registered{err: unsupported("spec.url must start with https:// because %s is in Live mode",
			receiver.Spec.ProviderRef.Name)}
	}
	if receiver.Spec.Registration.Manual != nil {
		return r.registerManually(ctx, receiver, account)
	}
	record, err := r.keepRegistered(ctx, receiver, account, events)
	if err != nil {
		return registered{err: r.noteRefused(receiver, err)}
	}
	return registered{record: record, due: record.Due(interval(receiver))}
}

func (r *Reconciler) keepRegistered(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account, events []string,
) (registration.Record, error) {
	endpoints := account.Conn.Endpoints()
	if endpoints == nil {
		return registration.Record{}, unsupported("%s lets no endpoint be registered by its API; register it by hand, and "+
			"set spec.registration.manual", account.Adapter.Type())
	}
	traits := account.Adapter.EndpointTraits()
	if err := r.checkRivals(ctx, receiver, account, traits); err != nil {
		return registration.Record{}, err
	}
	store := r.store(receiver)
	if _, err := store.Load(ctx); err != nil {
		return registration.Record{}, err
	}
	if record, ok := r.lastCheck(receiver, account, store.version()); ok {
		return record, nil
	}
	if err := r.announce(ctx, receiver); err != nil {
		return registration.Record{}, err
	}
	state := r.stateOf(receiver, account)
	state.Events = events
	if err := r.readAdoption(ctx, receiver, &state); err != nil {
		return registration.Record{}, err
	}
	record, err := registration.Converge(ctx, endpoints, store, state, func(n registration.Note) {
		r.Events.Eventf(receiver, nil, corev1.EventTypeNormal, n.Reason, "Register", "%s", n.Text)
	})
	if err != nil {
		return registration.Record{}, err
	}
	c := checkOf(receiver, account, store.version())
	c.at, c.record = r.Now(), record
	r.noteCheck(receiver.UID, c)
	return record, nil
}

// stateOf is what a decision depends on, but for the events and what is at the provider and in the Secret.
func (r *Reconciler) stateOf(receiver *v1alpha1.WebhookReceiver, account *accounts.Account) registration.State {
	s := registration.State{
		Provider: account.Adapter.Type(), Traits: account.Adapter.EndpointTraits(), Owner: r.owner(receiver),
		URL: receiver.Spec.URL, Now: r.Now(), Known: registration.Known{EndpointID: receiver.Status.EndpointID},
		Rotate:   registration.Token(receiver.Annotations[v1alpha1.AnnotationRotateSecret]),
		Interval: interval(receiver), Overlap: overlap(receiver),
	}
	for _, e := range receiver.Status.RetiringEndpoints {
		if e.Until != nil {
			s.Known.Retiring = append(s.Known.Retiring, registration.Held{ID: e.ID, Until: e.Until.Time})
		}
	}
	return s
}

// readAdoption reads the Secret of an endpoint that is to be taken over.
func (r *Reconciler) readAdoption(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, state *registration.State,
) error {
	adopt := receiver.Spec.Registration.Managed.Adopt
	if adopt == nil {
		return nil
	}
	state.Adopt = &registration.Adoption{ID: adopt.EndpointID}
	if adopt.SigningSecretRef == nil {
		return nil
	}
	var err error
	state.Adopt.Secret, state.Adopt.Problem, err = r.secretValue(ctx, receiver.Namespace, *adopt.SigningSecretRef)
	return err
}

func rotation(receiver *v1alpha1.WebhookReceiver) v1alpha1.SecretRotation {
	if m := receiver.Spec.Registration.Managed; m != nil && m.Rotation != nil {
		return *m.Rotation
	}
	return v1alpha1.SecretRotation{}
}

// interval between rotations; 0: only when asked for.
func interval(receiver *v1alpha1.WebhookReceiver) time.Duration {
	if d := rotation(receiver).Interval; d != nil {
		return d.Duration
	}
	return 0
}

// overlap is how long a replaced secret stays good.
func overlap(receiver *v1alpha1.WebhookReceiver) time.Duration {
	every := interval(receiver)
	switch d := rotation(receiver).Overlap; {
	case d != nil:
		return d.Duration
	case every > 0:
		return min(registration.DefaultOverlap, every/2)
	default:
		return registration.DefaultOverlap
	}
}

// unregister deletes every endpoint of this receiver, and forgets the secrets.
func (r *Reconciler) unregister(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account,
) error {
	endpoints := account.Conn.Endpoints()
	if endpoints == nil {
		return nil
	}
	return registration.Leave(ctx, endpoints, r.store(receiver), r.stateOf(receiver, account))
}

// noteRefused makes sure that refused credentials are checked, and shown on the PaymentProvider, at once.
func (r *Reconciler) noteRefused(receiver *v1alpha1.WebhookReceiver, err error) error {
	var e *provider.Error
	if errors.As(err, &e) && e.KeyRefused() {
		key := accounts.ReceiverProvider(receiver)
		r.Accounts.Invalidate(key)
		r.Refused(key)
	}
	return err
}

// verdict says how the registration is.
func (g registered) verdict() (status.Verdict, time.Duration) {
	if g.err == nil {
		if g.manual {
			return status.Ready(v1alpha1.ReasonManual, "the signing secret is there; the endpoint is registered by hand"), 0
		}
		message := "the provider calls " + g.record.Serving.ID
		if n := len(g.record.Retiring); n > 0 {
			message += fmt.Sprintf("; %d replaced signing secrets are still good", n)
		}
		return status.Ready(v1alpha1.ReasonRegistered, message), 0
	}
	problem := problemOf(g.err)
	if problem.Stalled {
		return status.Stalled(problem.Reason, problem.Message), 0
	}
	return status.Waiting(problem.Reason, problem.Message), problem.RetryAfter
}
