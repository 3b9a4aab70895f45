package webhookserver

import (
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

const (
	// maxChanges is the length of status.catalogChanges. Of a list that is full of news the operator knows that it may
	// have missed some, and looks at everything.
	maxChanges = 64
	// maxProductID is the longest id that the status takes. No provider has one that long.
	maxProductID = 128
)

// catalogChanges are the products of which this replica was told a change that is not in the status yet: one entry for
// each, the latest news last.
//
// They are a hint, and are not made durable before the event is acknowledged: a replica that is killed takes those of
// the last second with it, and the account's next snapshot shows what they were about.
type catalogChanges struct {
	mu   sync.Mutex
	news []v1alpha1.CatalogChange
}

// note takes what an event of the catalogue tells.
func (c *catalogChanges) note(e *billing.Event, now time.Time) {
	if e.CatalogProductID == "" || len(e.CatalogProductID) > maxProductID {
		return
	}
	at := metav1.NewMicroTime(now.Truncate(time.Microsecond))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.news = appendChange(c.news, v1alpha1.CatalogChange{ProductID: e.CatalogProductID, SeenAt: &at})
}

func (c *catalogChanges) take() []v1alpha1.CatalogChange {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.news
	c.news = nil
	return out
}

// appendChange keeps one entry of a product, and the latest of all.
func appendChange(news []v1alpha1.CatalogChange, change v1alpha1.CatalogChange) []v1alpha1.CatalogChange {
	news = slices.DeleteFunc(news, func(c v1alpha1.CatalogChange) bool { return c.ProductID == change.ProductID })
	if len(news) == maxChanges {
		news = slices.Delete(news, 0, 1)
	}
	return append(news, change)
}

// mergeChanges puts news before what the status says, whatever the replicas' clocks say: an entry that is still there
// proves that nothing which was written after it has fallen out. A product that changed again gets a time that differs
// from the one it had. It changes neither argument.
func mergeChanges(known, news []v1alpha1.CatalogChange) []v1alpha1.CatalogChange {
	out := make([]v1alpha1.CatalogChange, 0, len(known)+len(news))
	for _, change := range slices.Backward(news) {
		i := slices.IndexFunc(known, func(c v1alpha1.CatalogChange) bool { return c.ProductID == change.ProductID })
		if i >= 0 && !change.SeenAt.After(known[i].SeenAt.Time) {
			later := metav1.NewMicroTime(known[i].SeenAt.Add(time.Microsecond))
			change.SeenAt = &later
		}
		out = append(out, change)
	}
	for _, c := range known {
		if !slices.ContainsFunc(news, func(n v1alpha1.CatalogChange) bool { return n.ProductID == c.ProductID }) {
			out = append(out, c)
		}
	}
	return out[:min(len(out), maxChanges)]
}

func sameChange(a, b v1alpha1.CatalogChange) bool {
	return a.ProductID == b.ProductID && a.SeenAt.Equal(b.SeenAt)
}
