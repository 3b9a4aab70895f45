package providertest

import (
	"strconv"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// endpointURL is where a receiver is called. number tells endpoints of one receiver apart where their URLs have to
// differ.
func (f Fixture) endpointURL(path, number string) string {
	url := "https://hooks.example.com/" + path
	if f.Adapter.EndpointTraits().UniqueURL && number != "" {
		url += "?endpoint=" + number
	}
	return url
}

func (f Fixture) endpoints(t *testing.T) {
	g := NewWithT(t)
	traits := f.Adapter.EndpointTraits()
	endpoints := f.Connect(t).Endpoints()
	names, unknown := f.Adapter.Codec().NativeEvents([]string{"payment.*", "subscription.*"})
	g.Expect(unknown).To(BeEmpty())
	g.Expect(len(names)).To(BeNumerically(">", 2))
	receiver := billing.Owner{Cluster: "cluster-1", Namespace: "shop", Name: "hooks", UID: "uid-9"}
	spec := provider.EndpointSpec{Owner: receiver, URL: f.endpointURL("a", ""), Events: names[:2]}
	if traits.Secrets == provider.SecretChosen {
		_, err := endpoints.Create(t.Context(), spec)
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal), "the provider makes no secret: %v", err)
		spec.Secret = "chosen-by-kassa-0123456789"
	}
	// as is what an endpoint of the spec looks like, beside its secret.
	as := func(id string) provider.Endpoint {
		e := provider.Endpoint{ID: id, URL: spec.URL, Events: spec.Events, Active: true, Mode: f.Mode}
		if traits.Marks {
			e.Owner = spec.Owner
		}
		return e
	}
	same := func(e, want provider.Endpoint, why string) {
		want.Secret = e.Secret // what it is, is checked apart
		if e.Mode == "" {
			want.Mode = ""
		}
		g.ExpectWithOffset(1, e).To(Equal(want), why)
	}

	first, err := endpoints.Create(t.Context(), spec)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(first.ID).NotTo(BeEmpty())
	same(first, as(first.ID), "created")
	again := spec
	again.URL = f.endpointURL("a", "2")
	second, err := endpoints.Create(t.Context(), again)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(second.ID).NotTo(Equal(first.ID))
	if traits.Secrets == provider.SecretChosen {
		g.Expect(first.Secret + second.Secret).To(BeEmpty())
	} else {
		g.Expect(first.Secret).NotTo(BeEmpty())
		g.Expect(second.Secret).NotTo(Equal(first.Secret))
	}

	spec.URL, spec.Events, spec.Secret = f.endpointURL("b", ""), names[1:], ""
	spec.Owner.Name = "renamed"
	updated, err := endpoints.Update(t.Context(), first.ID, spec)
	g.Expect(err).NotTo(HaveOccurred())
	same(updated, as(first.ID), "updated")

	g.Expect(endpoints.Delete(t.Context(), second.ID)).To(Succeed())
	g.Expect(endpoints.Delete(t.Context(), second.ID)).To(Succeed(), "gone already")
	list, err := endpoints.List(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(HaveLen(1))
	same(list[0], as(first.ID), "listed")
	if traits.Secrets == provider.SecretTold {
		g.Expect([]string{updated.Secret, list[0].Secret}).To(HaveEach(first.Secret))
	} else {
		g.Expect(updated.Secret + list[0].Secret).To(BeEmpty())
	}

	_, err = endpoints.Update(t.Context(), second.ID, spec)
	g.Expect(provider.IsNotFound(err)).To(BeTrue(), "%v", err)
}

// endpointEvents checks which events an endpoint can be registered for, and that it can be made quiet and loud again.
func (f Fixture) endpointEvents(t *testing.T) {
	g := NewWithT(t)
	traits, codec := f.Adapter.EndpointTraits(), f.Adapter.Codec()
	endpoints := f.Connect(t).Endpoints()
	made := 0
	of := func(events ...string) provider.EndpointSpec {
		made++
		spec := provider.EndpointSpec{
			Owner: billing.Owner{Cluster: "cluster-1", Namespace: "shop", Name: "hooks", UID: "uid-9"},
			URL:   f.endpointURL("made-"+strconv.Itoa(made), ""), Events: events,
		}
		if traits.Secrets == provider.SecretChosen {
			spec.Secret = "chosen-by-kassa-0123456789"
		}
		return spec
	}
	all, _ := codec.NativeEvents([]string{"*"})
	e, err := endpoints.Create(t.Context(), of(all...))
	g.Expect(err).NotTo(HaveOccurred(), "every event can be registered for")
	g.Expect(e.Events).To(Equal(all))

	named, _ := codec.NativeEvents(nil)
	g.Expect(all).To(ContainElement(traits.QuietEvent))
	g.Expect(named).NotTo(ContainElement(traits.QuietEvent), "an app would be told of it")
	spec := of(traits.QuietEvent)
	e, err = endpoints.Create(t.Context(), spec)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Events).To(Equal([]string{traits.QuietEvent}))
	spec.Secret = ""
	for _, events := range [][]string{named, {traits.QuietEvent}, {named[0]}} {
		spec.Events = events
		e, err = endpoints.Update(t.Context(), e.ID, spec)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.Events).To(Equal(events), "the list replaces the one before")
		g.Expect(e.Active).To(BeTrue())
	}

	for _, events := range [][]string{nil, {"no.such_event"}, {named[0], "no.such_event"}} {
		unknown := of(events...)
		_, err = endpoints.Create(t.Context(), unknown)
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal), "%v: %v", events, err)
		if events != nil {
			g.Expect(err).To(MatchError(ContainSubstring("no.such_event")), "it is named")
		}
		unknown.Secret = ""
		_, err = endpoints.Update(t.Context(), e.ID, unknown)
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal), "%v: %v", events, err)
	}
	list, err := endpoints.List(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(HaveLen(2), "what was refused has made nothing")
	for _, other := range list {
		if other.ID == e.ID {
			g.Expect(other.Events).To(Equal(e.Events), "and changed nothing")
		}
	}
}
