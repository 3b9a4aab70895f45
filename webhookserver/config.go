package webhookserver

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/serving"
	"github.com/kassa-dev/kassa/internal/store"
)

// config follows the receiver's own resource and the Secrets that it names, and has what they say now, ready to use.
// Only these objects are read, by name.
type config struct {
	client          client.WithWatch
	registry        provider.Registry
	namespace, name string
	log             *slog.Logger
	// seen is called with every version of the receiver.
	seen func(*v1alpha1.WebhookReceiver)
	// changed is called when something was found out, or changed, about sinks; gone when the spec has one no more.
	changed, gone func(sink string)
	// database is told the address that spec.store.postgres leads to.
	database func(store.Address) error

	live serving.Live[settings]

	mu       sync.Mutex
	receiver *v1alpha1.WebhookReceiver
	secrets  map[string]*followedSecret
	lines    *lines
	// databaseKnown: database took an address. unrenewed is why it took no other since, or "".
	databaseKnown bool
	unrenewed     string

	refresher refresher
}

// followedSecret is a Secret that is followed.
type followedSecret struct {
	secretView

	known   bool   // it was read, or found missing or out of reach
	version string // the resource version that was read last, if any
	stop    context.CancelFunc
}

// current is what counts now, or nil and why there is nothing.
func (c *config) current() (*settings, string) {
	s, why := c.live.Load()
	if s == nil && why == "" {
		why = "the WebhookReceiver has not been read yet"
	}
	return s, why
}

// run follows until ctx ends.
func (c *config) run(ctx context.Context) {
	f := serving.Follower{
		Client: c.client, Log: c.log, What: "webhookreceiver",
		List: func() client.ObjectList { return &v1alpha1.WebhookReceiverList{} },
		Opts: serving.Only(c.namespace, c.name),
		Set:  func(o client.Object) { c.setReceiver(ctx, o.(*v1alpha1.WebhookReceiver)) },
		Gone: func(client.Object) { c.setReceiver(ctx, nil) },
		None: func() { c.setReceiver(ctx, nil) },
	}
	f.Run(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.followSecrets(ctx, nil)
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
		c.followSecrets(ctx, secretNames(r))
	}
	c.resolve()
}

// followSecrets changes the Secrets that are followed. c.mu is held.
func (c *config) followSecrets(ctx context.Context, names []string) {
	for name, s := range c.secrets {
		if !slices.Contains(names, name) {
			s.stop()
			delete(c.secrets, name)
		}
	}
	for _, name := range names {
		if c.secrets[name] == nil {
			c.followSecret(ctx, name)
		}
	}
}

// followSecret begins to follow one more Secret. c.mu is held.
func (c *config) followSecret(ctx context.Context, name string) {
	mine := &followedSecret{}
	ctx, mine.stop = context.WithCancel(ctx)
	c.secrets[name] = mine
	set := func(view secretView, version string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.secrets[name] == mine && !mine.newerThan(version) {
			mine.secretView, mine.known, mine.version = view, true, version
			c.resolve()
		}
	}
	missing := func() { set(secretView{err: "does not exist"}, "") }
	f := serving.Follower{
		Client: c.client, Log: c.log, What: "secret",
		List: func() client.ObjectList { return &corev1.SecretList{} },
		Opts: serving.Only(c.namespace, name),
		Set: func(o client.Object) {
			set(secretView{data: reception.Values(o.(*corev1.Secret))}, o.GetResourceVersion())
		},
		Gone: func(client.Object) { missing() },
		None: missing,
		// What was known stays. A Role that does not have the name yet must not keep events from being taken.
		Fail: func(error) {
			c.mu.Lock()
			known := mine.known
			c.mu.Unlock()
			if !known {
				set(secretView{err: "cannot be read"}, "")
			}
		},
	}
	go f.Run(ctx)
}

// secret is a Secret as far as it is known. c.mu is held.
func (c *config) secret(name string) secretView {
	if s := c.secrets[name]; s != nil && s.known {
		return s.secretView
	}
	return secretView{err: "has not been read yet"}
}

// resolve works out the settings. c.mu is held.
func (c *config) resolve() {
	why := c.unread()
	if before, _ := c.live.Load(); why != "" && before != nil {
		return // what was known counts until the new Secret was looked for
	}
	var s *settings
	if why == "" {
		why = c.setDatabase()
	}
	if why == "" {
		s, why = resolve(c.receiver, c.signing(), c.registry)
	}
	if s != nil {
		s.sinks = c.connect(c.receiver.Spec.Delivery)
	}
	before := c.live.Set(c.log, s, why)
	if s != nil {
		c.tell(before, s)
	}
}

// unread says which Secret was not looked for yet, or "". Without it events would be refused, or go into the inbox, for
// want of a Secret that is there. c.mu is held.
func (c *config) unread() string {
	if c.receiver == nil {
		return ""
	}
	for _, name := range secretNames(c.receiver) {
		if s := c.secrets[name]; s == nil || !s.known {
			return "the Secret " + name + " has not been read yet"
		}
	}
	return ""
}

// signing is the data of the Secret with the signing secrets. c.mu is held.
func (c *config) signing() map[string][]byte {
	if c.receiver == nil {
		return nil
	}
	return c.secret(reception.LiveSecret(c.receiver)).data
}

// tell reports the sinks that are not what they were. c.mu is held.
func (c *config) tell(before, now *settings) {
	var old []sink
	if before != nil {
		old = before.sinks
	}
	for _, to := range now.sinks {
		i := slices.IndexFunc(old, func(o sink) bool { return o.name == to.name })
		if i >= 0 && old[i].same(to) {
			continue
		}
		if to.unready != "" {
			c.log.Warn("events cannot be sent", "sink", to.name, "reason", to.unready)
		}
		c.changed(to.name)
	}
	for _, o := range old {
		if !slices.ContainsFunc(now.sinks, func(to sink) bool { return to.name == o.name }) {
			c.changed(o.name)
			c.gone(o.name)
		}
	}
}
