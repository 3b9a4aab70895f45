package page

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// pairs are text and ground wherever the style puts one on the other.
var pairs = [][2]string{
	{"text", "page"}, {"text", "card"}, {"soft", "page"}, {"soft", "card"}, {"good", "card"}, {"on-accent", "accent"},
	{"on-test", "test"},
}

func TestContrast(t *testing.T) {
	light, dark := properties(t, ":root"), properties(t, "dark")
	for name, scheme := range map[string]map[string]string{"light": light, "dark": dark} {
		for _, pair := range pairs {
			ratio := contrast(t, scheme[pair[0]], scheme[pair[1]])
			NewWithT(t).Expect(ratio).To(BeNumerically(">=", 4.5), "%s: %s on %s", name, pair[0], pair[1])
		}
		for _, ground := range []string{"page", "card"} {
			ratio := contrast(t, scheme["focus"], scheme[ground])
			NewWithT(t).Expect(ratio).To(BeNumerically(">=", 3), "%s: focus on %s", name, ground)
		}
	}
}

func TestEveryColourIsAProperty(t *testing.T) {
	g := NewWithT(t)
	_, rules, _ := strings.Cut(string(style), "*, ::before")
	g.Expect(regexp.MustCompile(`#[0-9a-fA-F]{3}`).FindString(rules)).To(BeEmpty(), "so that both schemes have it")
	for _, name := range regexp.MustCompile(`var\(--([a-z-]+)\)`).FindAllStringSubmatch(rules, -1) {
		g.Expect(properties(t, "dark")).To(HaveKey(name[1]))
	}
	g.Expect(rules).To(And(ContainSubstring(":focus-visible"), ContainSubstring("prefers-reduced-motion")))
}

// properties are the custom properties that follow the words.
func properties(t *testing.T, after string) map[string]string {
	t.Helper()
	_, block, _ := strings.Cut(string(style), after)
	block, _, _ = strings.Cut(block, "}")
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]+)`).FindAllStringSubmatch(block, -1) {
		out[m[1]] = m[2]
	}
	NewWithT(t).Expect(out).NotTo(BeEmpty())
	return out
}

// contrast is WCAG's.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	hex := strings.TrimPrefix(colour, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	sum := 0.0
	for i, weight := range []float64{.2126, .7152, .0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		c := float64(n) / 255
		if c <= .04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+.055)/1.055, 2.4)
		}
	}
	return sum
}
