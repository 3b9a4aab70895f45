package webhookreceiver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/registration"
	"github.com/kassa-dev/kassa/internal/workload"
)

// leftoverRetry is the pause until what a deleted receiver left is looked at again, if no watch tells before.
const leftoverRetry = 2 * time.Second

// signingStore keeps the record of a managed registration in the receiver's Secret. It is read from the API server and
// written only as it was read.
type signingStore struct {
	client   client.Client
	live     client.Reader
	receiver *v1alpha1.WebhookReceiver
	secret   *corev1.Secret
}

// Load implements registration.Store. A Secret of that name which is not the receiver's is left alone.
func (s *signingStore) Load(ctx context.Context) (registration.Record, error) {
	key := types.NamespacedName{
		Namespace: s.receiver.Namespace, Name: reception.ManagedSecret(s.receiver.Name),
	}
	secret := &corev1.Secret{}
	err := s.live.Get(ctx, key, secret)
	switch {
	case apierrors.IsNotFound(err):
		secret = s.fresh(key)
	case err != nil:
		return registration.Record{}, fmt.Errorf("reading Secret %s: %w", key.Name, err)
	case !metav1.IsControlledBy(secret, s.receiver):
		return registration.Record{}, foreignSecret(secret, s.receiver)
	}
	s.secret = secret
	return registration.Decode(secret.Data), nil
}

// errForeignSecret: the Secret is not the receiver's, so the receiver has no record of a registration.
var errForeignSecret = errors.New("a Secret that is not the receiver's")

// foreignSecret says whose the Secret is, as far as that matters. That of a receiver of the same name which was deleted
// just now goes by itself, and Kassa watches it; kubectl replace --force and a reinstalled chart come this fast.
func foreignSecret(secret *corev1.Secret, receiver *v1alpha1.WebhookReceiver) error {
	if workload.IsLeftover(secret, "WebhookReceiver", receiver.Name) {
		return &accounts.Error{
			Reason: v1alpha1.ReasonProgressing, Err: errForeignSecret, RetryAfter: leftoverRetry,
			Message: fmt.Sprintf("Secret %q is of a WebhookReceiver of this name that was deleted; waiting until Kubernetes "+
				"has deleted it too", secret.Name),
		}
	}
	return &accounts.Error{
		Reason: v1alpha1.ReasonUnsupported, Stalled: true, Err: errForeignSecret,
		Message: fmt.Sprintf("Secret %q exists and is not this receiver's; rename one of the two, or use "+
			"registration.manual with it", secret.Name),
	}
}

// Save implements registration.Store.
func (s *signingStore) Save(ctx context.Context, r registration.Record) error {
	next := s.secret.DeepCopy()
	next.Data = registration.Encode(r, next.Data)
	var err error
	if next.ResourceVersion == "" {
		err = s.client.Create(ctx, next)
	} else {
		err = s.client.Update(ctx, next)
	}
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err):
		return &accounts.Error{
			Reason: v1alpha1.ReasonProgressing, Err: err,
			Message: fmt.Sprintf("Secret %q was changed meanwhile; looking again", next.Name),
		}
	case err != nil:
		return fmt.Errorf("storing the signing secret in Secret %s: %w", next.Name, err)
	}
	s.secret = next
	return nil
}

// version of the Secret that was last read or written.
func (s *signingStore) version() string { return s.secret.ResourceVersion }

func (s *signingStore) fresh(key types.NamespacedName) *corev1.Secret {
	yes := true
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace, Name: key.Name,
			Labels: map[string]string{
				"app.kubernetes.io/managed-by": "kassa", v1alpha1.LabelReceiver: s.receiver.Name,
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "WebhookReceiver", Name: s.receiver.Name,
				UID: s.receiver.UID, Controller: &yes, BlockOwnerDeletion: &yes,
			}},
		},
	}
}

func (r *Reconciler) store(receiver *v1alpha1.WebhookReceiver) *signingStore {
	return &signingStore{client: r.Client, live: r.Live, receiver: receiver}
}

// secretValue reads one value of a Secret of the receiver's namespace. problem says in a sentence why there is none.
func (r *Reconciler) secretValue(
	ctx context.Context, namespace string, ref v1alpha1.SecretKeyReference,
) (value, problem string, err error) {
	secret := &corev1.Secret{}
	err = r.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: ref.Name}, secret)
	if apierrors.IsNotFound(err) {
		return "", fmt.Sprintf("Secret %q does not exist; create it with a value under %q", ref.Name, ref.Key), nil
	}
	if err != nil {
		return "", "", fmt.Errorf("reading Secret %s: %w", ref.Name, err)
	}
	value = strings.TrimSpace(string(secret.Data[ref.Key]))
	if value == "" {
		problem = fmt.Sprintf("Secret %q has no value under %q", ref.Name, ref.Key)
	}
	return value, problem, nil
}
