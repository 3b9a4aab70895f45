package kube

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

const onlyAnchor = `{"apiVersion":"billing.kassa.dev/v1alpha1","kind":"EventLedgerList",` +
	`"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"r-0-0000000000","uid":"a","resourceVersion":"7",` +
	`"annotations":{"billing.kassa.dev/floor":"1"}}}]}`

// Watches that come to nothing, such as a proxy's answers, are not asked for again and again without a pause, and the
// ledger is not listed so either.
func TestWatchesThatComeToNothing(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":                   "",
		"a page":                    "<html>\n<p>Sign in</p>\n</html>\n",
		"a page that has no end":    "<html>",
		"a version that is too old": `{"type":"ERROR","object":` + expiredStatus + "}\n",
		"another kind":              strings.Replace(watched(watch.Added, 8), `"EventLedger"`, `"Pod"`, 1) + "\n",
		"a version that is none":    strings.Replace(watched(watch.Bookmark, 8), `"8"`, `""`, 1) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lists, watches atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text := onlyAnchor
				if r.URL.Query().Get("watch") == "true" {
					text = answer
					watches.Add(1)
				} else {
					lists.Add(1)
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, text)
			}))
			defer server.Close()
			_, l := storeOn(t, &rest.Config{Host: server.URL}, "ns")
			go func() { _ = l.Run(t.Context()) }()
			g := NewWithT(t)
			g.Eventually(l.Ready, "20s").Should(Succeed())
			requests := func() int32 { return watches.Load() + lists.Load() }
			g.Consistently(requests, 1500*time.Millisecond, "50ms").Should(BeNumerically("<", 40))
			g.Expect(watches.Load()).To(BeNumerically(">", 1))
		})
	}
}
