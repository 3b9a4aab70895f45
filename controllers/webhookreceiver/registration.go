package webhookreceiver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
)

// Keys of the Secret that Kassa keeps for a managed registration. A receiver takes every key that starts with
// signing-secret as a live signing secret.
const (
	keySigningSecret = "signing-secret"
	keyEndpointID    = "endpoint-id"
)

// registration is how the endpoint at the provider is.
type registration struct {
	endpointID string
	manual     bool
	err        error
}

// check remembers what a registration was last compared with, so that a resync costs the provider nothing.
type check struct {
	generation int64
	asked      string // value of the annotation that asks for a reconcile
	secret     string // resource version of the signing Secret
	account    string
	at         time.Time
	endpointID string
}

// register makes sure that the provider has exactly one endpoint of this receiver, that it sends the wanted events,
// and that its signing secret is in the Secret.
//
// Stripe tells the signing secret only in the answer to the create. The endpoint's id is stored next to it, so a
// Secret belongs to an endpoint or it does not. An endpoint with the receiver's marks whose secret is not in the
// Secret is what a crash between create and store leaves behind; nothing that it sends could ever be verified, so
// another is made and it is deleted.
func (r *Reconciler) register(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account,
) registration {
	events, err := wantedEvents(receiver, account)
	if err != nil {
		return registration{err: err}
	}
	if account.Info.Mode == billing.Live && !strings.HasPrefix(receiver.Spec.URL, "https://") {
		return registration{err: unsupported("spec.url must start with https:// because %s is in Live mode",
			receiver.Spec.ProviderRef.Name)}
	}
	if receiver.Spec.Registration.Manual != nil {
		err := r.checkManual(ctx, receiver)
		if err == nil && receiver.Status.EndpointID != "" {
			// The registration was managed before: its endpoint would go on calling with a secret that is not live.
			err = r.noteRefused(receiver, r.unregister(ctx, receiver, account))
		}
		return registration{manual: true, err: err}
	}
	secret, err := r.signingSecret(ctx, receiver)
	if err != nil {
		return registration{err: err}
	}
	if c, ok := r.lastCheck(receiver, account, secret.ResourceVersion); ok {
		return registration{endpointID: c.endpointID}
	}
	id, err := r.converge(ctx, receiver, account, secret, events)
	if err != nil {
		return registration{err: r.noteRefused(receiver, err)}
	}
	r.noteCheck(receiver.UID, check{
		generation: receiver.Generation, asked: receiver.Annotations[v1alpha1.AnnotationReconcileAt],
		secret: secret.ResourceVersion, account: account.Info.ID, at: r.Now(), endpointID: id,
	})
	return registration{endpointID: id}
}

// wantedEvents are the provider's names of the events that the receiver, or a sink with a filter of its own, takes.
func wantedEvents(receiver *v1alpha1.WebhookReceiver, account *accounts.Account) ([]string, error) {
	codec := account.Adapter.Codec()
	names, unknown := codec.NativeEvents(receiver.Spec.Events)
	where := "spec.events"
	if d := receiver.Spec.Delivery; d != nil {
		for _, sink := range d.Sinks {
			if len(sink.Events) == 0 || len(unknown) > 0 {
				continue
			}
			var more []string
			more, unknown = codec.NativeEvents(sink.Events)
			names, where = append(names, more...), fmt.Sprintf("spec.delivery.sinks[%s].events", sink.Name)
		}
	}
	if len(unknown) > 0 {
		return nil, unsupported("%s: %s is no event of %s that Kassa knows", where, strings.Join(unknown, ", "),
			account.Adapter.Type())
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// converge compares the account's endpoints with what is wanted. It returns the id of the one that serves.
func (r *Reconciler) converge(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account, secret *corev1.Secret,
	events []string,
) (string, error) {
	endpoints := account.Conn.Endpoints()
	owner := r.owner(receiver)
	all, err := endpoints.List(ctx)
	if err != nil {
		return "", err
	}
	want := provider.EndpointSpec{Owner: owner, URL: receiver.Spec.URL, Events: events}
	var serving *provider.Endpoint
	var stray []string
	for i := range all {
		switch e := &all[i]; {
		case !e.Owner.Same(owner):
		case serving == nil && e.ID == string(secret.Data[keyEndpointID]) && len(secret.Data[keySigningSecret]) > 0:
			serving = e
		default:
			stray = append(stray, e.ID)
		}
	}
	if serving == nil {
		// A stray endpoint goes when another serves, so that no event falls between the two. More than one means that
		// secrets cannot be stored, which must not use up the account's endpoints; if no other can be made a stray
		// may be what stands in the way.
		if len(stray) > 1 {
			if err := deleteAll(ctx, endpoints, stray[1:]); err != nil {
				return "", err
			}
			stray = stray[:1]
		}
		id, err := r.create(ctx, receiver, endpoints, secret, want)
		if err == nil || provider.ClassOf(err) == provider.ClassTerminal {
			err = errors.Join(err, deleteAll(ctx, endpoints, stray))
		}
		return id, err
	}
	if err := deleteAll(ctx, endpoints, stray); err != nil {
		return "", err
	}
	if !serving.Active || serving.URL != want.URL || !slices.Equal(serving.Events, want.Events) ||
		serving.Owner != want.Owner {
		if _, err := endpoints.Update(ctx, serving.ID, want); err != nil {
			return "", err
		}
		r.notef(receiver, "EndpointUpdated", "updated endpoint %s", serving.ID)
	}
	return serving.ID, nil
}

func deleteAll(ctx context.Context, endpoints provider.Endpoints, ids []string) error {
	for _, id := range ids {
		if err := endpoints.Delete(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// create registers an endpoint and stores its signing secret before anything else happens.
func (r *Reconciler) create(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, endpoints provider.Endpoints, secret *corev1.Secret,
	want provider.EndpointSpec,
) (string, error) {
	made, err := endpoints.Create(ctx, want)
	if err != nil {
		return "", err
	}
	if made.Secret == "" {
		return "", refuseMade(ctx, endpoints, made.ID)
	}
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	secret.Data[keySigningSecret], secret.Data[keyEndpointID] = []byte(made.Secret), []byte(made.ID)
	if secret.ResourceVersion == "" {
		err = r.Client.Create(ctx, secret)
	} else {
		err = r.Client.Update(ctx, secret)
	}
	if err != nil {
		return "", fmt.Errorf("storing the signing secret of endpoint %s: %w", made.ID, err)
	}
	r.notef(receiver, "EndpointRegistered", "registered endpoint %s", made.ID)
	return made.ID, nil
}

// refuseMade takes back an endpoint that came without a signing secret: nothing that it sends could be verified. If
// the deletion fails too, the next attempt finds the endpoint by its marks and deletes it.
func refuseMade(ctx context.Context, endpoints provider.Endpoints, id string) error {
	return &accounts.Error{
		Reason: v1alpha1.ReasonSigningSecretMissing, Err: endpoints.Delete(ctx, id),
		Message: "the provider told no signing secret when the endpoint was registered; the endpoint is taken back, " +
			"and the registration is tried again",
	}
}

// unregister deletes every endpoint of this receiver.
func (r *Reconciler) unregister(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account,
) error {
	endpoints := account.Conn.Endpoints()
	all, err := endpoints.List(ctx)
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.Owner.Same(r.owner(receiver)) {
			if err := endpoints.Delete(ctx, e.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// signingSecret reads the Secret of a managed registration, or makes an empty one that is not stored yet. A Secret of
// that name which Kassa did not make is left alone.
func (r *Reconciler) signingSecret(ctx context.Context, receiver *v1alpha1.WebhookReceiver) (*corev1.Secret, error) {
	key := types.NamespacedName{Namespace: receiver.Namespace, Name: kubewatch.SigningSecretName(receiver)}
	secret := &corev1.Secret{}
	err := r.Live.Get(ctx, key, secret)
	if err == nil {
		if !metav1.IsControlledBy(secret, receiver) {
			return nil, unsupported("Secret %q exists and is not this receiver's; rename one of the two, or use "+
				"registration.manual with it", key.Name)
		}
		return secret, nil
	}
	if !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("reading Secret %s: %w", key.Name, err)
	}
	yes := true
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace, Name: key.Name,
			Labels: map[string]string{
				"app.kubernetes.io/managed-by": "kassa", v1alpha1.LabelReceiver: receiver.Name,
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "WebhookReceiver", Name: receiver.Name,
				UID: receiver.UID, Controller: &yes, BlockOwnerDeletion: &yes,
			}},
		},
	}, nil
}

// checkManual makes sure that a manual registration has a signing secret.
func (r *Reconciler) checkManual(ctx context.Context, receiver *v1alpha1.WebhookReceiver) error {
	ref := receiver.Spec.Registration.Manual.SigningSecretRef
	secret := &corev1.Secret{}
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: receiver.Namespace, Name: ref.Name}, secret)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading Secret %s: %w", ref.Name, err)
	}
	for key, value := range secret.Data {
		if (ref.Key == "" || ref.Key == key) && strings.TrimSpace(string(value)) != "" {
			return nil
		}
	}
	what := fmt.Sprintf("Secret %q has no signing secret", ref.Name)
	if ref.Key != "" {
		what += fmt.Sprintf(" under %q", ref.Key)
	}
	if err != nil {
		what = fmt.Sprintf("Secret %q does not exist", ref.Name)
	}
	return &accounts.Error{
		Reason: v1alpha1.ReasonSigningSecretMissing, Stalled: true,
		Message: what + "; put the endpoint's signing secret there",
	}
}

func (r *Reconciler) lastCheck(
	receiver *v1alpha1.WebhookReceiver, account *accounts.Account, secretVersion string,
) (check, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.checked[receiver.UID]
	return c, ok && c.generation == receiver.Generation && c.secret == secretVersion &&
		c.asked == receiver.Annotations[v1alpha1.AnnotationReconcileAt] &&
		c.account == account.Info.ID && r.Now().Sub(c.at) < account.DriftCheckInterval
}

func (r *Reconciler) noteCheck(uid types.UID, c check) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.checked == nil {
		r.checked = map[types.UID]check{}
	}
	r.checked[uid] = c
}

func (r *Reconciler) forgetCheck(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.checked, uid)
}

// noteRefused makes sure that refused credentials are checked, and shown on the PaymentProvider, at once.
func (r *Reconciler) noteRefused(receiver *v1alpha1.WebhookReceiver, err error) error {
	var e *provider.Error
	if errors.As(err, &e) && e.KeyRefused() {
		key := types.NamespacedName{Namespace: receiver.Namespace, Name: receiver.Spec.ProviderRef.Name}
		r.Accounts.Invalidate(key)
		r.Refused(key)
	}
	return err
}

func (r *Reconciler) notef(receiver *v1alpha1.WebhookReceiver, reason, format string, args ...any) {
	r.Events.Eventf(receiver, nil, corev1.EventTypeNormal, reason, "Register", format, args...)
}

// verdict says how the registration is.
func (g registration) verdict() (status.Verdict, time.Duration) {
	if g.err == nil {
		if g.manual {
			return status.Ready(v1alpha1.ReasonManual, "the signing secret is there; the endpoint is registered by hand"), 0
		}
		return status.Ready(v1alpha1.ReasonRegistered, "the provider calls "+g.endpointID), 0
	}
	var problem *accounts.Error
	if !errors.As(g.err, &problem) {
		problem = accounts.ErrorOf(g.err)
	}
	if problem.Stalled {
		return status.Stalled(problem.Reason, problem.Message), 0
	}
	return status.Waiting(problem.Reason, problem.Message), problem.RetryAfter
}
