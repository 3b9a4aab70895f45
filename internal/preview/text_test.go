package preview

import (
	"testing"

	. "github.com/onsi/gomega"
)

// Whoever reviews a price must see what is written.
func TestTextThatMisleadsIsQuoted(t *testing.T) {
	g := NewWithT(t)
	g.Expect(text("Pro \u202e00.92")).To(Equal(`"Pro \u202e00.92"`))
	g.Expect(text("Pro\x1b[2J")).To(Equal(`"Pro\x1b[2J"`))
	g.Expect(text("Größe 🚀")).To(Equal("Größe 🚀"))
}
