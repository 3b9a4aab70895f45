package providertest

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
)

// ReadHistory reads a span to its end: the events' ids, and how many calls it took.
func ReadHistory(t *testing.T, h provider.History, span provider.Span) (ids []string, calls int) {
	t.Helper()
	g, cursor := NewWithT(t), ""
	for {
		page, err := h.Events(t.Context(), span, cursor)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(page.Malformed).To(BeZero())
		calls++
		for _, e := range page.Events {
			ids = append(ids, e.ID)
		}
		if page.Next == "" {
			return ids, calls
		}
		g.Expect(page.Next).NotTo(Equal(cursor))
		g.Expect(calls).To(BeNumerically("<", 1000))
		cursor = page.Next
	}
}
