package kube

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/controlplane"
)

// next is the next event of a watch, or none when it has ended.
func next(t *testing.T, w watch.Interface) (watch.Event, bool) {
	t.Helper()
	select {
	case e, open := <-w.ResultChan():
		return e, open
	case <-time.After(20 * time.Second):
		t.Fatal("the watch shows nothing")
		return watch.Event{}, false
	}
}

// shown is what the watch shows next, in a word.
func shown(t *testing.T, w watch.Interface) string {
	t.Helper()
	e, open := next(t, w)
	switch o := e.Object.(type) {
	case *v1alpha1.EventLedger:
		return fmt.Sprintf("%s %s", e.Type, o.ResourceVersion)
	case *metav1.Status:
		return fmt.Sprintf("%s %s", e.Type, o.Reason)
	}
	if open {
		t.Fatalf("%+v", e)
	}
	return "end"
}

func watched(kind watch.EventType, version int) string {
	return fmt.Sprintf(`{"type":"%s","object":{"apiVersion":"billing.kassa.dev/v1alpha1","kind":"EventLedger",`+
		`"metadata":{"name":"r-0-%010d","resourceVersion":"%[2]d"}}}`, kind, version)
}

const expiredStatus = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}`

// A watch shows what came whole, and then ends or says that it has lost its place.
func TestWatchOf(t *testing.T) {
	added, modified := watched(watch.Added, 1), watched(watch.Modified, 2)
	deleted, bookmark := watched(watch.Deleted, 3), watched(watch.Bookmark, 4)
	all := []string{"ADDED 1", "MODIFIED 2", "DELETED 3", "BOOKMARK 4", "end"}
	gone := `{"type":"ERROR","object":` + expiredStatus + `}`
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"nothing":      {"", []string{"end"}},
		"all kinds":    {strings.Join([]string{added, modified, deleted, bookmark, ""}, "\n"), all},
		"white space":  {strings.Join([]string{"", added, modified + " ", "\r", " " + deleted, bookmark, ""}, "\r\n"), all},
		"expired":      {added + "\n" + gone + "\n", []string{"ADDED 1", "ERROR Expired", "end"}},
		"cut off":      {added + "\n" + modified[:50], []string{"ADDED 1", "end"}},
		"not ended":    {added + "\n" + modified, []string{"ADDED 1", "end"}},
		"no JSON":      {added + "\n<html>\n" + modified + "\n", []string{"ADDED 1", "ERROR InternalError", "end"}},
		"two in one":   {added + modified + "\n", []string{"ERROR InternalError", "end"}},
		"over two":     {added[:50] + "\n" + added[50:] + "\n", []string{"ERROR InternalError", "end"}},
		"other kind":   {strings.Replace(added, `"EventLedger"`, `"Plan"`, 1) + "\n", []string{"ERROR InternalError", "end"}},
		"a long one":   {strings.Repeat(" ", longestLine-2*usualLine) + added + "\n", []string{"ADDED 1", "end"}},
		"too long one": {strings.Repeat(" ", longestLine) + added + "\n", []string{"ERROR InternalError", "end"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := watchOf(io.NopCloser(strings.NewReader(tc.text)))
			defer w.Stop()
			for _, want := range tc.want {
				NewWithT(t).Expect(shown(t, w)).To(Equal(want))
			}
		})
	}
}

// Stop ends a watch that waits, and closes its connection.
func TestWatchStops(t *testing.T) {
	g := NewWithT(t)
	left := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, watched(watch.Added, 1)+"\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(left)
	}))
	defer server.Close()
	s, _ := storeOn(t, &rest.Config{Host: server.URL}, "ns")
	w, err := s.Watch(t.Context(), "1")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(shown(t, w)).To(Equal("ADDED 1"))
	w.Stop()
	w.Stop()
	_, open := next(t, w)
	g.Expect(open).To(BeFalse())
	g.Eventually(left, "20s").Should(BeClosed())
}

// A watch that the API server refuses says why.
func TestWatchRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") != "true" || r.Header.Get("Accept") != "application/json" {
			t.Errorf("%s, %s", r.URL, r.Header)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusGone)
		_, _ = io.WriteString(w, expiredStatus)
	}))
	defer server.Close()
	s, _ := storeOn(t, &rest.Config{Host: server.URL}, "ns")
	_, err := s.Watch(t.Context(), "1")
	NewWithT(t).Expect(apierrors.IsResourceExpired(err)).To(BeTrue(), "%v", err)
}

// The API server shows changes as the decoder expects them.
func TestWatchOnAPIServer(t *testing.T) {
	g := NewWithT(t)
	cp := controlplane.Shared(t)
	s, l := storeOn(t, cp.Config(), cp.Namespace(t))
	ctx := t.Context()
	list, err := s.List(ctx, 1, "")
	g.Expect(err).NotTo(HaveOccurred())
	w, err := s.Watch(ctx, list.ResourceVersion)
	g.Expect(err).NotTo(HaveOccurred())
	defer w.Stop()

	o := fullSegment(300)
	o.ObjectMeta = l.blank(1).ObjectMeta
	o.Annotations = map[string]string{AnnotationWriter: "x"}
	o.Finalizers = []string{"example.com/held"}
	made, err := s.Create(ctx, o)
	g.Expect(err).NotTo(HaveOccurred())
	changed := stamped(o, made)
	changed.Finalizers = nil
	changed.Status.Entries = changed.Status.Entries[:7]
	updated, err := s.Update(ctx, changed)
	g.Expect(err).NotTo(HaveOccurred())
	got, err := s.Get(ctx, o.Name)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Delete(ctx, o.Name, updated)).To(Succeed())

	e, _ := next(t, w)
	first := e.Object.(*v1alpha1.EventLedger)
	g.Expect(e.Type).To(Equal(watch.Added))
	g.Expect(stampOf(&first.ObjectMeta)).To(Equal(made))
	g.Expect(first.Finalizers).To(Equal(o.Finalizers))
	g.Expect(first.Status.Entries).To(HaveLen(300))
	e, _ = next(t, w)
	g.Expect(e.Type).To(Equal(watch.Modified))
	g.Expect(e.Object).To(Equal(got), "a watch shows what Get answers")
	g.Expect(got.Status.Entries[6]).To(BeComparableTo(o.Status.Entries[6]))
	e, _ = next(t, w)
	g.Expect(e.Type).To(Equal(watch.Deleted))
	g.Expect(e.Object.(*v1alpha1.EventLedger).Status.Entries).To(Equal(got.Status.Entries))

	expired(ctx, t, s)
	short(ctx, t, s.(*apiStore))
}

// expired watches from a version that is long forgotten, which the API server may say in an answer or in the watch.
func expired(ctx context.Context, t *testing.T, s store) {
	t.Helper()
	w, err := s.Watch(ctx, "1")
	if err != nil {
		NewWithT(t).Expect(apierrors.IsResourceExpired(err) || apierrors.IsGone(err)).To(BeTrue(), "%v", err)
		return
	}
	defer w.Stop()
	NewWithT(t).Expect(shown(t, w)).To(Equal("ERROR Expired"))
}

// short watches for a second, with a bookmark that the API server sends at once.
func short(ctx context.Context, t *testing.T, s *apiStore) {
	t.Helper()
	g := NewWithT(t)
	list, err := s.List(ctx, 1, "")
	g.Expect(err).NotTo(HaveOccurred())
	body, err := s.client.Get().Namespace(s.namespace).Resource(resource).Param("watch", "true").
		Param("allowWatchBookmarks", "true").Param("sendInitialEvents", "true").
		Param("resourceVersionMatch", "NotOlderThan").Param("resourceVersion", list.ResourceVersion).
		Param("timeoutSeconds", "1").Stream(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	w := watchOf(body)
	defer w.Stop()
	e, _ := next(t, w)
	g.Expect(e.Type).To(Equal(watch.Bookmark))
	version := e.Object.(*v1alpha1.EventLedger).ResourceVersion
	g.Expect(newer(list.ResourceVersion, version)).To(BeFalse(), "a bookmark at %s", version)
	g.Expect(shown(t, w)).To(Equal("end"))
}
