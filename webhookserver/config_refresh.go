package webhookserver

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/serving"
)

const (
	// refreshPause is how long a read of the signing Secret comes at least after the one before.
	refreshPause = time.Second
	refreshLimit = 2 * time.Second
	// maxDoubtful is how many requests wait for such a read.
	maxDoubtful = 64
)

// refresher reads the signing Secret from the API server when a signature fits no secret that is known: a watch may be
// behind. However many ask, it reads once a second at most. The zero value is ready.
type refresher struct {
	mu   sync.Mutex
	last time.Time // when the last read began
	next *refresh
}

// refresh is a read that has not begun.
type refresh struct {
	waiting int
	done    chan struct{}
	certain bool // it went well
}

// wait joins the next read. It is true when one that began after the call went well.
func (f *refresher) wait(ctx context.Context, read func(context.Context) error) bool {
	next := f.join(read) //nolint:contextcheck // the read is for all who wait
	if next == nil {
		return false
	}
	select {
	case <-next.done:
		return next.certain
	case <-ctx.Done():
		return false
	}
}

// join returns nil when too many wait already.
func (f *refresher) join(read func(context.Context) error) *refresh {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next == nil {
		f.next = &refresh{done: make(chan struct{})}
		go f.run(f.next, time.Until(f.last.Add(refreshPause)), read)
	}
	if f.next.waiting >= maxDoubtful {
		return nil
	}
	f.next.waiting++
	return f.next
}

func (f *refresher) run(r *refresh, pause time.Duration, read func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), refreshPause+refreshLimit)
	defer cancel()
	serving.Sleep(ctx, pause)
	f.mu.Lock()
	f.next, f.last = nil, time.Now()
	f.mu.Unlock()
	r.certain = read(ctx) == nil
	close(r.done)
}

// reread reads the signing Secret afresh. It is true when what current says now is not older than the call.
func (c *config) reread(ctx context.Context) bool { return c.refresher.wait(ctx, c.readSigning) }

func (c *config) readSigning(ctx context.Context) error {
	c.mu.Lock()
	receiver := c.receiver
	c.mu.Unlock()
	if receiver == nil {
		return nil
	}
	name := reception.LiveSecret(receiver)
	secret := &corev1.Secret{}
	err := c.client.Get(ctx, types.NamespacedName{Namespace: c.namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return nil // the watch tells
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if mine := c.secrets[name]; mine != nil && !mine.newerThan(secret.ResourceVersion) {
		mine.secretView, mine.known = secretView{data: reception.Values(secret)}, true
		mine.version = secret.ResourceVersion
		c.resolve()
	}
	return nil
}

// newerThan says that a version is behind the one that is known, as one that a watch brings may be after a read.
func (s *followedSecret) newerThan(version string) bool {
	if s.version == "" || version == "" {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(s.version, version)
	return err == nil && order > 0
}
