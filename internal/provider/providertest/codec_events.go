package providertest

import (
	"maps"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

func (f CodecFixture) nativeEvents(t *testing.T) {
	g := NewWithT(t)
	tidy := func(names []string, why string) {
		g.Expect(slices.IsSorted(names)).To(BeTrue(), why)
		g.Expect(slices.Compact(slices.Clone(names))).To(Equal(names), why)
	}
	whole, unknown := f.Codec.NativeEvents(nil)
	g.Expect(unknown).To(BeEmpty())
	g.Expect(whole).NotTo(BeEmpty())
	tidy(whole, "the taxonomy")
	all, unknown := f.Codec.NativeEvents([]string{"*"})
	g.Expect(unknown).To(BeEmpty())
	g.Expect(all).To(ContainElements(whole))
	tidy(all, "everything")

	union := map[string]bool{}
	groups := map[string][]string{}
	for _, e := range billing.EventTypes() {
		names, unknown := f.Codec.NativeEvents([]string{string(e)})
		g.Expect(len(names) == 0).To(Equal(slices.Contains(unknown, string(e))), string(e))
		tidy(names, string(e))
		group := group(e)
		groups[group] = append(groups[group], names...)
		for _, n := range names {
			union[n] = true
		}
	}
	g.Expect(slices.Sorted(maps.Keys(union))).To(Equal(whole), "no patterns select what all normalised names select")
	for group, names := range groups {
		got, unknown := f.Codec.NativeEvents([]string{group, group})
		slices.Sort(names) // an event with several types is there several times
		g.Expect(got).To(ContainElements(slices.Compact(names)), group)
		g.Expect(len(got) == 0).To(Equal(len(unknown) > 0), group)
		tidy(got, group)
	}
	for _, native := range all {
		names, unknown := f.Codec.NativeEvents([]string{native})
		g.Expect(unknown).To(BeEmpty())
		g.Expect(names).To(ContainElement(native))
	}
	names, unknown := f.Codec.NativeEvents([]string{"no.such_event", "no.*", whole[0], "", "No.Such", whole[0] + "x"})
	g.Expect(names).To(ContainElement(whole[0]))
	g.Expect(unknown).To(Equal([]string{"no.such_event", "no.*", "", "No.Such", whole[0] + "x"}))
}

// group is the pattern of a type's group: "payment.*".
func group(t billing.EventType) string {
	for i := range t {
		if t[i] == '.' {
			return string(t[:i+1]) + "*"
		}
	}
	return string(t)
}

// taxonomy checks that what an endpoint is registered for, and what is made of an event when it comes, agree: else a
// receiver would wait for events that never come, or refuse those that do.
func (f CodecFixture) taxonomy(t *testing.T) {
	g := NewWithT(t)
	seen := map[string][]billing.EventType{} // native name → the types that its examples get
	for _, x := range f.Examples {
		e, err := f.Codec.Parse(x.Body)
		g.Expect(err).NotTo(HaveOccurred(), x.Why)
		seen[e.NativeType] = append(seen[e.NativeType], e.Type)
		if e.Type == "" {
			continue
		}
		names, _ := f.Codec.NativeEvents([]string{string(e.Type)})
		g.Expect(names).To(ContainElement(e.NativeType), "%s: an endpoint for %s would not get it", x.Why, e.Type)
	}
	for _, want := range billing.EventTypes() {
		names, _ := f.Codec.NativeEvents([]string{string(want)})
		for _, native := range names {
			pattern := []string{string(want)}
			g.Expect(slices.ContainsFunc(seen[native], func(t billing.EventType) bool {
				return billing.MatchesEvent(pattern, t, native)
			})).To(BeTrue(), "%s is selected by %s, but no example of it is one", native, want)
		}
	}
}
