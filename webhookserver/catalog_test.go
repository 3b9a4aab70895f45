package webhookserver

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

func change(product string, at int) v1alpha1.CatalogChange {
	seen := metav1.NewMicroTime(noon.Add(time.Duration(at) * time.Microsecond))
	return v1alpha1.CatalogChange{ProductID: product, SeenAt: &seen}
}

func TestMergeChanges(t *testing.T) {
	type list = []v1alpha1.CatalogChange
	full := func(name string) (out list) {
		for i := range maxChanges {
			out = append(out, change(fmt.Sprint(name, maxChanges-i), 1000-i))
		}
		return out
	}
	for _, c := range []struct {
		reason            string
		known, news, want list // news come oldest first
	}{
		{"first", nil, list{change("a", 1), change("b", 2)}, list{change("b", 2), change("a", 1)}},
		{"one entry of a product", list{change("b", 2), change("a", 1)}, list{change("a", 3)},
			list{change("a", 3), change("b", 2)}},
		{"a replica whose clock is behind is first all the same", list{change("b", 9), change("a", 8)},
			list{change("c", 1)}, list{change("c", 1), change("b", 9), change("a", 8)}},
		{"a change never has the time of the one before", list{change("a", 9)}, list{change("a", 1)},
			list{change("a", 10)}},
		{"the oldest falls out", full("x"), list{change("a", 1)}, append(list{change("a", 1)}, full("x")[:maxChanges-1]...)},
		{"of too many only news are left", list{change("a", 1)}, full("x"), func() (out list) {
			for i := range maxChanges {
				out = append(out, full("x")[maxChanges-1-i])
			}
			return out
		}()},
	} {
		t.Run(c.reason, func(t *testing.T) {
			known := append(list(nil), c.known...)
			if diff := cmp.Diff(c.want, mergeChanges(c.known, c.news)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(known, c.known); diff != "" {
				t.Errorf("the argument was changed: %s", diff)
			}
		})
	}
}

func TestCatalogChangesAreBounded(t *testing.T) {
	g := NewWithT(t)
	var c catalogChanges
	for i := range 10 * maxChanges {
		c.note(&billing.Event{CatalogProductID: fmt.Sprint("prod_", i)}, noon)
		c.note(&billing.Event{CatalogProductID: "prod_often"}, noon.Add(time.Duration(i)*time.Second))
	}
	c.note(&billing.Event{}, noon)
	c.note(&billing.Event{CatalogProductID: strings.Repeat("x", maxProductID+1)}, noon)
	got := c.take()
	g.Expect(got).To(HaveLen(maxChanges))
	g.Expect(got[maxChanges-1].ProductID).To(Equal("prod_often"))
	g.Expect(got[maxChanges-2].ProductID).To(Equal(fmt.Sprint("prod_", 10*maxChanges-1)))
	g.Expect(c.take()).To(BeEmpty())
}

// An event of the catalogue that nobody wants costs the ledger nothing, and is told all the same: also when another
// replica, or the operator, writes the status at the same time.
func TestCatalogChangesAreToldWithoutTheLedger(t *testing.T) {
	f := newFixture(t, nil, func(r *v1alpha1.WebhookReceiver) { r.Spec.Events = []string{"payment.*"} })
	replicas := []*replica{f.start(), f.start()}
	for i := range 20 {
		body := fmt.Sprintf(`{"id":"evt_%d","type":"price.updated","product":"prod_%d"}`, i, i/2)
		f.g.Expect(replicas[i%2].send(body).StatusCode).To(Equal(200))
	}
	f.g.Eventually(func() []v1alpha1.CatalogChange { return f.read().Status.CatalogChanges }, patience, often).
		Should(HaveLen(10))
	f.g.Expect(f.ledger.claims).To(BeZero())
	got := f.read().Status
	f.g.Expect(got.URL).To(Equal(f.receiver.Spec.URL))
	f.g.Expect(got.RecentEvents).To(BeEmpty())
}

// The longest list fits into the share of a status that it may have.
func TestCatalogChangesAreSmall(t *testing.T) {
	var c catalogChanges
	for i := range maxChanges {
		c.note(&billing.Event{CatalogProductID: fmt.Sprintf("%0*d", maxProductID, i)}, noon.Add(time.Microsecond))
	}
	text, err := json.Marshal(mergeChanges(nil, c.take()))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(len(text)).To(BeNumerically("<", 16<<10))
}
