package checkoutserver

import (
	"context"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/serving"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// config follows the endpoint's own resource, its storefront and the Secrets that these name, and has what they say
// now, ready to use. Only these objects are read, by name.
type config struct {
	client          client.WithWatch
	namespace, name string
	log             *slog.Logger
	// seen is called with every version of the endpoint.
	seen func(*v1alpha1.CheckoutEndpoint)

	live serving.Live[settings]

	mu          sync.Mutex
	endpoint    *v1alpha1.CheckoutEndpoint
	doc         *storefront.Document // the last one that could be read
	docOwner    types.UID            // of the CheckoutEndpoint that it was written for
	docWhy      string               // why there is none
	secrets     map[types.NamespacedName]*followedSecret
	connections connections
	kept        keptGuards
	told        map[string]string // what the log said last of each provider
}

// secretPatience is how long a Secret that cannot be read is waited for: what counted until then goes on, and a new
// server is not ready, as the API server may hear of a right a moment after it was given.
const secretPatience = 5 * time.Second

// unreadable is why there is no data of a Secret that may not be read, or not now.
const unreadable = "cannot be read"

// followedSecret is a Secret that is followed.
type followedSecret struct {
	data  map[string][]byte
	why   string // there is no data: "does not exist", unreadable
	known bool   // it was read, or found missing or out of reach
	stop  context.CancelFunc
}

// current is what counts now, or nil and why there is nothing.
func (c *config) current() (*settings, string) {
	s, why := c.live.Load()
	if s == nil && why == "" {
		why = "the CheckoutEndpoint has not been read yet"
	}
	return s, why
}

// run follows until ctx ends.
func (c *config) run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { c.followEndpoint(ctx) })
	wg.Go(func() { c.followStorefront(ctx) })
	wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.followSecrets(ctx, nil)
}

func (c *config) followEndpoint(ctx context.Context) {
	set := func(e *v1alpha1.CheckoutEndpoint) {
		if e != nil {
			e.ManagedFields = nil
			c.seen(e)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.endpoint = e
		c.resolve(ctx)
	}
	f := serving.Follower{
		Client: c.client, Log: c.log, What: "checkoutendpoint",
		List: func() client.ObjectList { return &v1alpha1.CheckoutEndpointList{} },
		Opts: serving.Only(c.namespace, c.name),
		Set:  func(o client.Object) { set(o.(*v1alpha1.CheckoutEndpoint)) },
		Gone: func(client.Object) { set(nil) },
		None: func() { set(nil) },
	}
	f.Run(ctx)
}

// followStorefront keeps the last document that could be read: the operator writes one that is missing again. It is
// in a Secret because it decides where keys are sent: whoever may write Secrets is trusted with the keys. A name alone
// proves nothing, so it has to be the CheckoutEndpoint's own.
func (c *config) followStorefront(ctx context.Context) {
	name := storefront.SecretName(c.name)
	set := func(doc *storefront.Document, owner types.UID, why string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if why != "" {
			c.log.Warn("no storefront; the one before stays", "secret", name, "reason", why)
			c.docWhy = why
		}
		if doc != nil {
			c.doc, c.docOwner = doc, owner
		}
		c.resolve(ctx)
	}
	f := serving.Follower{
		Client: c.client, Log: c.log, What: "storefront",
		List: func() client.ObjectList { return &corev1.SecretList{} },
		Opts: serving.Only(c.namespace, name),
		Set: func(o client.Object) {
			owner := c.ownerOf(o)
			if owner == "" {
				set(nil, "", "it is not the CheckoutEndpoint's own")
				return
			}
			doc, err := storefront.Decode(string(o.(*corev1.Secret).Data[storefront.DocumentKey]))
			if err != nil {
				set(nil, "", "it cannot be read")
				return
			}
			set(doc, owner, "")
		},
		Gone: func(client.Object) { set(nil, "", "it does not exist") },
		None: func() { set(nil, "", "it does not exist") },
	}
	f.Run(ctx)
}

// ownerOf is the UID of the CheckoutEndpoint of this name that controls an object, or empty. Whether it is the present
// one, missing says: which of the two objects is seen first is not known.
func (c *config) ownerOf(o client.Object) types.UID {
	owner := metav1.GetControllerOf(o)
	if owner == nil || owner.Kind != "CheckoutEndpoint" || owner.Name != c.name ||
		schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind).Group != v1alpha1.GroupVersion.Group {
		return ""
	}
	return owner.UID
}

// followSecrets changes the Secrets that are followed. c.mu is held.
func (c *config) followSecrets(ctx context.Context, names map[types.NamespacedName]bool) {
	for name, s := range c.secrets {
		if !names[name] {
			s.stop()
			delete(c.secrets, name)
		}
	}
	for name := range names {
		if c.secrets[name] == nil {
			c.followSecret(ctx, name)
		}
	}
}

// followSecret begins to follow one more Secret. c.mu is held.
func (c *config) followSecret(ctx context.Context, name types.NamespacedName) {
	began, mine := time.Now(), &followedSecret{}
	follow, stop := context.WithCancel(ctx)
	mine.stop = stop
	c.secrets[name] = mine
	set := func(data map[string][]byte, why string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.secrets[name] == mine {
			mine.data, mine.why, mine.known = data, why, true
			c.resolve(ctx)
		}
	}
	missing := func() { set(nil, "does not exist") }
	f := serving.Follower{
		Client: c.client, Log: c.log, What: "secret",
		List: func() client.ObjectList { return &corev1.SecretList{} },
		Opts: serving.Only(name.Namespace, name.Name),
		Set:  func(o client.Object) { set(o.(*corev1.Secret).Data, "") },
		Gone: func(client.Object) { missing() },
		None: missing,
		// What was known stays. A Role that does not have the name must not keep other providers from selling.
		Fail: func(error) {
			c.mu.Lock()
			known := mine.known
			c.mu.Unlock()
			if !known && time.Since(began) > secretPatience {
				set(nil, unreadable)
			}
		},
	}
	go f.Run(follow)
}
