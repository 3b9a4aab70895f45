package webhookserver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// laggingClient brings nothing of Secrets that changed by a watch, and counts what is read of them one by one.
type laggingClient struct {
	client.WithWatch
	reads atomic.Int64
	fail  atomic.Bool
}

func (c *laggingClient) Watch(
	ctx context.Context, list client.ObjectList, opts ...client.ListOption,
) (watch.Interface, error) {
	w, err := c.WithWatch.Watch(ctx, list, opts...)
	if _, secrets := list.(*corev1.SecretList); !secrets || err != nil {
		return w, err
	}
	return watch.Filter(w, func(e watch.Event) (watch.Event, bool) { return e, e.Type == watch.Bookmark }), nil
}

func (c *laggingClient) Get(
	ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption,
) error {
	if _, secret := o.(*corev1.Secret); secret {
		c.reads.Add(1)
		if c.fail.Load() {
			return errors.New("switched off")
		}
	}
	return c.WithWatch.Get(ctx, key, o, opts...)
}

func (c *laggingClient) Scheme() *runtime.Scheme { return c.WithWatch.Scheme() }

// An event that is signed with a secret which the watch has not brought yet is taken, and a wrong one is refused only
// by what the API server says now.
func TestLaggingWatchRefusesNoGoodEvent(t *testing.T) {
	f := newFixture(t, nil)
	lagging := &laggingClient{WithWatch: f.client}
	r := f.start(func(o *Options) { o.Client = lagging })
	signed := func(id, secret string) int {
		body := eventBody(id, "invoice.paid")
		return r.post(strings.NewReader(body), sign(secret, time.Now(), []byte(body))).StatusCode
	}
	for _, secret := range []string{"second", "third"} {
		f.secret.Data["signing-secret"] = []byte(secret)
		f.g.Expect(f.client.Update(t.Context(), f.secret)).To(Succeed())
		f.g.Expect(signed("evt_"+secret, secret)).To(Equal(http.StatusOK))
	}
	f.g.Expect(lagging.reads.Load()).To(Equal(int64(2)))
	f.g.Expect(signed("evt_4", "third")).To(Equal(http.StatusOK), "what is known needs no read")
	f.g.Expect(lagging.reads.Load()).To(Equal(int64(2)))

	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if got := signed("evt_wrong", "wrong"); got != http.StatusBadRequest {
				t.Errorf("status %d", got)
			}
		})
	}
	all.Wait()
	f.g.Expect(lagging.reads.Load()).To(BeNumerically("<=", 4), "reads are shared")

	lagging.fail.Store(true)
	f.g.Expect(signed("evt_5", "fourth")).To(Equal(http.StatusServiceUnavailable), "it may be right")
	f.g.Expect(signed("evt_6", "third")).To(Equal(http.StatusOK))
}

// However many signatures are wrong, few requests wait.
func TestFewWaitForARead(t *testing.T) {
	g := NewWithT(t)
	var f refresher
	begun, release := make(chan struct{}), make(chan struct{})
	read := func(ctx context.Context) error {
		close(begun)
		<-release
		return ctx.Err()
	}
	var certain, refused atomic.Int64
	var all sync.WaitGroup
	count := func() {
		if f.wait(t.Context(), read) {
			certain.Add(1)
		} else {
			refused.Add(1)
		}
	}
	f.last = time.Now() // so that the next read has to wait
	for range maxDoubtful + 10 {
		all.Go(count)
	}
	<-begun
	g.Eventually(refused.Load, patience, often).Should(Equal(int64(10)))
	close(release)
	all.Wait()
	g.Expect(certain.Load()).To(Equal(int64(maxDoubtful)))
}
