package providertest

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func (f Fixture) endpoints(t *testing.T) {
	g := NewWithT(t)
	endpoints := f.Connect(t).Endpoints()
	names, unknown := f.Adapter.Codec().NativeEvents([]string{"payment.*", "subscription.*"})
	g.Expect(unknown).To(BeEmpty())
	g.Expect(len(names)).To(BeNumerically(">", 2))
	receiver := billing.Owner{Cluster: "cluster-1", Namespace: "shop", Name: "hooks", UID: "uid-9"}
	spec := provider.EndpointSpec{Owner: receiver, URL: "https://hooks.example.com/a", Events: names[:2]}

	first, err := endpoints.Create(t.Context(), spec)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(first.Secret).NotTo(BeEmpty())
	want := provider.Endpoint{
		ID: first.ID, URL: spec.URL, Owner: receiver, Events: names[:2], Active: true, Mode: f.Mode, Secret: first.Secret,
	}
	g.Expect(first).To(Equal(want))
	spare := spec
	if f.Adapter.EndpointTraits().UniqueURL {
		spare.URL += "?kassa=2"
	}
	second, err := endpoints.Create(t.Context(), spare)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(second.ID).NotTo(Equal(first.ID))
	g.Expect(second.Secret).NotTo(Equal(first.Secret))

	spec.URL, spec.Events = "https://hooks.example.com/b", names[1:]
	spec.Owner.Name = "renamed"
	updated, err := endpoints.Update(t.Context(), first.ID, spec)
	g.Expect(err).NotTo(HaveOccurred())
	want.URL, want.Events, want.Owner, want.Secret = spec.URL, spec.Events, spec.Owner, updated.Secret
	g.Expect(updated).To(Equal(want))

	g.Expect(endpoints.Delete(t.Context(), second.ID)).To(Succeed())
	g.Expect(endpoints.Delete(t.Context(), second.ID)).To(Succeed(), "gone already")
	list, err := endpoints.List(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(HaveLen(1))
	want.Secret = list[0].Secret
	g.Expect(list[0]).To(Equal(want))

	_, err = endpoints.Update(t.Context(), second.ID, spec)
	g.Expect(provider.IsNotFound(err)).To(BeTrue(), "%v", err)
	spec.Events = []string{"no.such_event"}
	_, err = endpoints.Create(t.Context(), spec)
	g.Expect(err).To(MatchError(ContainSubstring("no.such_event")))
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal))
}
