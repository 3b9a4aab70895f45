// Package readonly opens accounts for programs on somebody's machine. It is the same guard as the operator's, and no
// way to write: whatever is not a GET is refused before it is sent.
package readonly

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
)

// Options of a Desk.
type Options struct {
	Registry provider.Registry
	// Secrets has the API keys. It may be nil where all of them are given.
	Secrets client.Reader
	// Key gives the key of a PaymentProvider, and says whether it goes before the Secret's, or is for want of one. It may
	// be nil.
	Key func(name string) (key string, first bool)
	// URL replaces the address of a PaymentProvider, where it is not empty. It may be nil.
	URL func(name string) string
	// Forward leads to a port of a Service in the cluster. Without one no such address is reached.
	Forward Forward
}

// Desk opens accounts, one after the other.
type Desk struct {
	options Options
	pool    *accounts.Pool
	vault   *vault
	calls   atomic.Int64
}

// New makes a desk. What it keeps open ends with the program.
func New(o Options) *Desk {
	d := &Desk{options: o, vault: &vault{secrets: o.Secrets, given: map[types.NamespacedName]*corev1.Secret{}}}
	d.pool = &accounts.Pool{
		Registry: o.Registry, Metadata: d.vault, Live: d.vault, Now: time.Now,
		Clients: &instrument.Buckets{Base: &getOnly{next: transport(o.Forward), calls: &d.calls}},
	}
	return d
}

// Open opens the account that pp declares, at the rate that is the operator's by default. The error is an
// *accounts.Error, or a failure to read from Kubernetes.
func (d *Desk) Open(ctx context.Context, pp *v1alpha1.PaymentProvider) (*accounts.Account, error) {
	pp = pp.DeepCopy()
	if pp.Spec.Paddle != nil {
		pp.Spec.Paddle.ClientTokenSecretRef = nil // it opens checkouts, and nothing is read by it
	}
	if d.options.URL != nil {
		if url := d.options.URL(pp.Name); url != "" {
			pp.Spec.BaseURL = url
		}
	}
	if err := d.give(ctx, pp); err != nil {
		return nil, err
	}
	return d.pool.Open(ctx, pp)
}

// Calls is how many requests were sent to providers.
func (d *Desk) Calls() int { return int(d.calls.Load()) }

// give puts a key that was given in the place of the Secret's.
func (d *Desk) give(ctx context.Context, pp *v1alpha1.PaymentProvider) error {
	if d.options.Key == nil {
		return nil
	}
	key, first := d.options.Key(pp.Name)
	if key == "" {
		return nil
	}
	ref := accounts.KeyRef(&pp.Spec)
	if !first {
		err := d.vault.Get(ctx, types.NamespacedName{Namespace: pp.Namespace, Name: ref.Name}, &corev1.Secret{})
		if !apierrors.IsNotFound(err) {
			return err
		}
	}
	// A name that no Secret can have.
	*ref = v1alpha1.SecretKeyReference{Name: "given/" + pp.Name, Key: "key"}
	d.vault.given[types.NamespacedName{Namespace: pp.Namespace, Name: ref.Name}] = &corev1.Secret{
		Data: map[string][]byte{ref.Key: []byte(key)},
	}
	return nil
}

// vault reads Secrets, and has those that were given.
type vault struct {
	client.Reader

	secrets client.Reader
	given   map[types.NamespacedName]*corev1.Secret
}

// Get implements client.Reader for Secrets, and their metadata.
func (v *vault) Get(ctx context.Context, key types.NamespacedName, o client.Object, opts ...client.GetOption) error {
	given, ok := v.given[key]
	switch {
	case ok:
		switch o := o.(type) {
		case *corev1.Secret:
			given.DeepCopyInto(o)
		case *metav1.PartialObjectMetadata:
			given.ObjectMeta.DeepCopyInto(&o.ObjectMeta)
		}
		return nil
	case v.secrets == nil:
		return apierrors.NewNotFound(corev1.Resource("secrets"), key.Name)
	}
	return v.secrets.Get(ctx, key, o, opts...)
}

// writeError is of a request that would have changed something.
type writeError struct{ method, path string }

func (e writeError) Error() string {
	return "not sent, because this program only reads: " + e.method + " " + e.path
}

// getOnly sends nothing but GET.
type getOnly struct {
	next  http.RoundTripper
	calls *atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (t *getOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper always closes it; nothing was read
		}
		return nil, writeError{req.Method, req.URL.Path}
	}
	t.calls.Add(1)
	return t.next.RoundTrip(req)
}
