package serving

import (
	"context"
	"log/slog"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// FollowedCertificate follows the Secret of spec.tls by its name, and has the certificate that is shown.
type FollowedCertificate struct {
	Client    client.WithWatch
	Namespace string
	Log       *slog.Logger
	Shown     Certificate
	Changed   func() // another certificate is shown

	mu   sync.Mutex
	name string
	why  string // the Secret has no certificate now
	stop context.CancelFunc
}

// Follow is told of spec.tls of every version of the server's resource. One that asks for no TLS any more is about to
// get other replicas: this one goes on with what it has.
func (t *FollowedCertificate) Follow(ctx context.Context, spec *v1alpha1.ServerTLS) {
	if spec == nil {
		return
	}
	name := spec.SecretName
	t.mu.Lock()
	defer t.mu.Unlock()
	if name == t.name {
		return
	}
	if t.stop != nil {
		t.stop()
	}
	ctx, t.stop = context.WithCancel(ctx)
	t.name, t.why = name, "has not been read yet"
	f := Follower{
		Client: t.Client, Log: t.Log, What: "secret of tls",
		List: func() client.ObjectList { return &corev1.SecretList{} },
		Opts: Only(t.Namespace, name),
		Set:  func(o client.Object) { t.set(name, o.(*corev1.Secret).Data, true) },
		Gone: func(client.Object) { t.set(name, nil, false) },
		None: func() { t.set(name, nil, false) },
	}
	go f.Run(ctx)
}

func (t *FollowedCertificate) set(name string, data map[string][]byte, exists bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.name != name {
		return
	}
	before := t.why
	t.why = ""
	switch err := t.Shown.Set(data); {
	case !exists:
		t.why = "does not exist"
	case err != nil:
		t.why = "has no certificate: " + err.Error()
	default:
		expires, _ := t.Shown.Expires()
		t.Log.Info("certificate", "secret", name, "expires", expires)
		t.Changed()
	}
	if t.why != "" && t.why != before {
		t.Log.Warn("no certificate; the one before stays", "secret", name, "reason", t.why)
	}
}

// NotReady says why no handshake can succeed now; empty when one can.
func (t *FollowedCertificate) NotReady() string {
	if _, ok := t.Shown.Expires(); ok {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.name == "" {
		return "spec.tls has not been read yet"
	}
	return "the Secret " + t.name + " of spec.tls " + t.why
}
