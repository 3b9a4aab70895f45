package webhookserver

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
)

// config follows the receiver's own resource and its Secret, and has what they say now, ready to use. Only these
// two objects are read, by name.
type config struct {
	client          client.WithWatch
	registry        provider.Registry
	namespace, name string
	log             *slog.Logger
	// seen is called with every version of the receiver.
	seen func(*v1alpha1.WebhookReceiver)

	live   atomic.Pointer[settings]
	reason atomic.Pointer[string]

	mu       sync.Mutex
	receiver *v1alpha1.WebhookReceiver
	secret   map[string][]byte
	// secretName is the Secret that is followed; stop ends that.
	secretName string
	stop       context.CancelFunc
}

// current is what counts now, or nil and why there is nothing.
func (c *config) current() (*settings, string) {
	if s := c.live.Load(); s != nil {
		return s, ""
	}
	if why := c.reason.Load(); why != nil {
		return nil, *why
	}
	return nil, "the WebhookReceiver has not been read yet"
}

// run follows until ctx ends.
func (c *config) run(ctx context.Context) {
	f := follower{
		client: c.client, log: c.log, what: "webhookreceiver",
		list: func() client.ObjectList { return &v1alpha1.WebhookReceiverList{} },
		opts: only(c.namespace, c.name),
		set:  func(o client.Object) { c.setReceiver(ctx, o.(*v1alpha1.WebhookReceiver)) },
		gone: func(client.Object) { c.setReceiver(ctx, nil) },
		none: func() { c.setReceiver(ctx, nil) },
	}
	f.run(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil {
		c.stop()
	}
}

func (c *config) setReceiver(ctx context.Context, r *v1alpha1.WebhookReceiver) {
	if r != nil {
		r.ManagedFields = nil
		c.seen(r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.receiver = r
	if r != nil {
		c.followSecret(ctx, signingSecretName(r))
	}
	c.resolve()
}

// followSecret changes the Secret that is followed. c.mu is held.
func (c *config) followSecret(ctx context.Context, name string) {
	if name == c.secretName {
		return
	}
	if c.stop != nil {
		c.stop()
	}
	ctx, c.stop = context.WithCancel(ctx)
	c.secretName, c.secret = name, nil
	set := func(data map[string][]byte) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.secretName == name {
			c.secret = data
			c.resolve()
		}
	}
	f := follower{
		client: c.client, log: c.log, what: "secret",
		list: func() client.ObjectList { return &corev1.SecretList{} },
		opts: only(c.namespace, name),
		set:  func(o client.Object) { set(o.(*corev1.Secret).Data) },
		gone: func(client.Object) { set(nil) },
		none: func() { set(nil) },
	}
	go f.run(ctx)
}

// resolve works out the settings. c.mu is held.
func (c *config) resolve() {
	s, why := resolve(c.receiver, c.secret, c.registry)
	if before := c.reason.Swap(&why); before == nil || *before != why {
		if why == "" {
			c.log.Info("configured")
		} else {
			c.log.Info("not configured", "reason", why)
		}
	}
	c.live.Store(s)
}
