package webhookserver

import (
	"context"
	"log/slog"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/serving"
)

// tlsSecret follows the Secret of spec.tls by its name, and has the certificate that is shown.
type tlsSecret struct {
	client    client.WithWatch
	namespace string
	log       *slog.Logger
	shown     serving.Certificate
	changed   func()

	mu   sync.Mutex
	name string
	why  string // the Secret has no certificate now
	stop context.CancelFunc
}

// follow is told of every version of the receiver; nil is none. A receiver that asks for no TLS any more is about to
// get other replicas: this one goes on with what it has.
func (t *tlsSecret) follow(ctx context.Context, r *v1alpha1.WebhookReceiver) {
	if r == nil || r.Spec.TLS == nil {
		return
	}
	name := r.Spec.TLS.SecretName
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
	f := follower{
		client: t.client, log: t.log, what: "secret of tls",
		list: func() client.ObjectList { return &corev1.SecretList{} },
		opts: only(t.namespace, name),
		set:  func(o client.Object) { t.set(name, o.(*corev1.Secret).Data, true) },
		gone: func(client.Object) { t.set(name, nil, false) },
		none: func() { t.set(name, nil, false) },
	}
	go f.run(ctx)
}

func (t *tlsSecret) set(name string, data map[string][]byte, exists bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.name != name {
		return
	}
	before := t.why
	t.why = ""
	switch err := t.shown.Set(data); {
	case !exists:
		t.why = "does not exist"
	case err != nil:
		t.why = "has no certificate: " + err.Error()
	default:
		expires, _ := t.shown.Expires()
		t.log.Info("certificate", "secret", name, "expires", expires)
		t.changed()
	}
	if t.why != "" && t.why != before {
		t.log.Warn("no certificate; the one before stays", "secret", name, "reason", t.why)
	}
}

// notReady says why no handshake can succeed now; empty when one can.
func (t *tlsSecret) notReady() string {
	if _, ok := t.shown.Expires(); ok {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.name == "" {
		return "spec.tls has not been read yet"
	}
	return "the Secret " + t.name + " of spec.tls " + t.why
}
