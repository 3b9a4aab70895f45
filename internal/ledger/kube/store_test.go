package kube

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/controlplane"
)

func storeOn(t *testing.T, config *rest.Config, namespace string) (store, *Ledger) {
	t.Helper()
	client, err := ClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(Options{Client: client, Namespace: namespace, Receiver: "r", Replica: "a",
		Retention: func() time.Duration { return time.Hour }})
	if err != nil {
		t.Fatal(err)
	}
	return l.store, l
}

// The API server has the properties on which the proof in the package comment stands.
func TestStoreOnAPIServer(t *testing.T) {
	g := NewWithT(t)
	cp := controlplane.Shared(t)
	s, l := storeOn(t, cp.Config(), cp.Namespace(t))
	ctx := t.Context()

	_, err := s.Get(ctx, l.names.of(1))
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "Get of nothing: %v", err)
	_, err = s.Update(ctx, stamped(l.blank(1), stamp{uid: "x", version: "1"}))
	g.Expect(apierrors.IsNotFound(err) || apierrors.IsConflict(err)).To(BeTrue(), "Update of nothing: %v", err)

	first, err := s.Create(ctx, l.blank(1))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(first.uid).NotTo(BeEmpty())
	_, err = s.Create(ctx, l.blank(1))
	g.Expect(apierrors.IsAlreadyExists(err)).To(BeTrue(), "second Create: %v", err)

	o := stamped(l.blank(1), first)
	o.Status.Entries = []v1alpha1.LedgerEntry{{ID: "evt_1", Type: "invoice.paid", State: v1alpha1.EntryClaimed}}
	o.Status.Entries[0].ReceivedAt.Time = time.Unix(1_700_000_000, 0)
	mark := claimMark{by: l.me, at: micros(time.Unix(1_700_000_000, 123_456_000))}
	setMark(&o.Status.Entries[0], mark)
	second, err := s.Update(ctx, o)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(newer(second.version, first.version)).To(BeTrue())

	_, err = s.Update(ctx, o)
	g.Expect(apierrors.IsConflict(err)).To(BeTrue(), "Update from an old version: %v", err)
	_, err = s.Update(ctx, stamped(o, stamp{uid: "another", version: second.version}))
	g.Expect(apierrors.IsConflict(err)).To(BeTrue(), "Update of another object: %v", err)

	got, err := s.Get(ctx, o.Name)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(stampOf(&got.ObjectMeta)).To(Equal(second))
	g.Expect(got.Status.Entries).To(HaveLen(1))
	g.Expect(markOf(&got.Status.Entries[0]).equal(mark)).To(BeTrue(), "the mark did not survive")

	err = s.Delete(ctx, o.Name, first)
	g.Expect(apierrors.IsConflict(err)).To(BeTrue(), "Delete of an old version: %v", err)
	g.Expect(s.Delete(ctx, o.Name, second)).To(Succeed())
	err = s.Delete(ctx, o.Name, second)
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "second Delete: %v", err)
	third, err := s.Create(ctx, l.blank(1))
	g.Expect(err).NotTo(HaveOccurred())
	_, err = s.Update(ctx, stamped(o, stamp{uid: first.uid, version: third.version}))
	g.Expect(apierrors.IsConflict(err)).To(BeTrue(), "Update of the object's predecessor: %v", err)
}

func stamped(o *v1alpha1.EventLedger, at stamp) *v1alpha1.EventLedger {
	o = o.DeepCopy()
	o.UID, o.ResourceVersion = at.uid, at.version
	return o
}

// What a proxy says, or an API server that does not serve the kind, tells nothing of an object.
func TestAnswerThatIsNotTheAPIs(t *testing.T) {
	for _, code := range []int{http.StatusNotFound, http.StatusConflict, http.StatusGone} {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "page not found", code)
		}))
		s, l := storeOn(t, &rest.Config{Host: proxy.URL}, "ns")
		for name, call := range map[string]func(context.Context) error{
			"Get":    func(ctx context.Context) error { _, err := s.Get(ctx, "r"); return err },
			"List":   func(ctx context.Context) error { _, err := s.List(ctx, 1, ""); return err },
			"Create": func(ctx context.Context) error { _, err := s.Create(ctx, l.blank(1)); return err },
			"Update": func(ctx context.Context) error { _, err := s.Update(ctx, l.blank(1)); return err },
			"Delete": func(ctx context.Context) error { return s.Delete(ctx, "r", stamp{}) },
		} {
			err := call(t.Context())
			if err == nil || apierrors.ReasonForError(err) != "" {
				t.Errorf("%s, %d: %v has a meaning", name, code, err)
			}
		}
		proxy.Close()
	}
}

// A write that was answered with something else is one whose outcome is not known.
func TestWriteWithoutAStamp(t *testing.T) {
	for _, answer := range []string{
		`{}`, `{"metadata":{"name":"r-0-0000000001","uid":"u"}}`,
		`{"metadata":{"name":"r-0-0000000001","resourceVersion":"7"}}`,
		`{"metadata":{"name":"other","uid":"u","resourceVersion":"7"}}`, `<html>`,
	} {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(answer))
		}))
		s, l := storeOn(t, &rest.Config{Host: proxy.URL}, "ns")
		if at, err := s.Create(t.Context(), l.blank(1)); err == nil {
			t.Errorf("%s: made %v", answer, at)
		}
		proxy.Close()
	}
}
