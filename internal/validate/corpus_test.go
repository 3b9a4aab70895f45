package validate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/manifests"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/validate"
)

func registry() provider.Registry {
	return provider.NewRegistry(stripe.Adapter{}, paddle.Adapter{}, lemonsqueezy.Adapter{})
}

func check(t *testing.T, paths ...string) []validate.Finding {
	t.Helper()
	set, err := (&manifests.Reader{}).Read(paths)
	if err != nil {
		t.Fatal(err)
	}
	findings, err := validate.Check(t.Context(), set, validate.Options{Registry: registry()})
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

var (
	wantHere = regexp.MustCompile(`# want: (KASSA\d{3}(?: KASSA\d{3})*)`)
	wantAt   = regexp.MustCompile(`# want at (\d+): (KASSA\d{3})`)
	goodFor  = regexp.MustCompile(`# good for: (.*)`)
)

// wanted are the lines and ids that a file of testdata/bad names in its comments.
func wanted(text string) []string {
	var out []string
	for i, line := range strings.Split(text, "\n") {
		if m := wantHere.FindStringSubmatch(line); m != nil {
			for _, id := range strings.Fields(m[1]) {
				out = append(out, fmt.Sprintf("%d %s", i+1, id))
			}
		}
		if m := wantAt.FindStringSubmatch(line); m != nil {
			out = append(out, m[1]+" "+m[2])
		}
	}
	return out
}

// corpus is all files of a kind. The keys in them are made up, and shorter than any provider's.
func corpus(t *testing.T, kind string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", kind, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	out := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[file] = string(text)
	}
	return out
}

// TestDefectsAreFound: each file has exactly the findings that its comments name, at their lines.
func TestDefectsAreFound(t *testing.T) {
	for file, text := range corpus(t, "bad") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g := NewWithT(t)
			var got []string
			for _, f := range check(t, file) {
				got = append(got, strconv.Itoa(f.Line)+" "+f.Rule.ID)
				g.Expect(f.Message).NotTo(BeEmpty())
			}
			g.Expect(got).To(ConsistOf(wanted(text)))
		})
	}
}

func TestGoodFilesHaveNoFindings(t *testing.T) {
	for file := range corpus(t, "good") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			NewWithT(t).Expect(messages(check(t, file))).To(BeEmpty())
		})
	}
}

func messages(findings []validate.Finding) []string {
	var out []string
	for i := range findings {
		f := &findings[i]
		out = append(out, fmt.Sprintf("%s: %s: %s [%s]", f.Place, f.Severity, f.Message, f.Rule.ID))
	}
	return out
}

// TestEveryRuleHasItsCases: a rule that nothing in the corpus breaks, or keeps, is one that nobody knows to work.
func TestEveryRuleHasItsCases(t *testing.T) {
	bad, good := map[string]bool{}, map[string]bool{}
	for _, text := range corpus(t, "bad") {
		for _, w := range wanted(text) {
			bad[strings.Fields(w)[1]] = true
		}
	}
	for file, text := range corpus(t, "good") {
		m := goodFor.FindStringSubmatch(text)
		if m == nil {
			t.Errorf("%s does not say what it is good for", file)
			continue
		}
		for _, id := range strings.Fields(m[1]) {
			good[id] = true
		}
	}
	last := ""
	for _, r := range validate.Rules() {
		t.Run(r.ID, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(bad[r.ID]).To(BeTrue(), "no file of testdata/bad wants it")
			g.Expect(good[r.ID]).To(BeTrue(), "no file of testdata/good is good for it")
			g.Expect(r.ID > last).To(BeTrue(), "the order of ids")
			g.Expect([]string{r.Name, r.Summary, r.Help, r.Docs}).NotTo(ContainElement(""))
			page, heading, _ := strings.Cut(r.Docs, "#")
			text, err := os.ReadFile(filepath.Join("..", "..", page))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(heading == "" || slices.Contains(headings(string(text)), heading)).To(BeTrue(), "heading %s", r.Docs)
		})
		last = r.ID
	}
}

// headings are the anchors that GitHub gives to a page's headings.
func headings(page string) []string {
	var out []string
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "#") {
			text := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
			text = regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(text, "")
			out = append(out, strings.ReplaceAll(text, " ", "-"))
		}
	}
	return out
}

// TestSamplesAreGood: each set as it is meant to be applied, and all folders at once.
func TestSamplesAreGood(t *testing.T) {
	const samples = "../../config/samples"
	g := NewWithT(t)
	base, err := filepath.Glob(samples + "/*.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(base).NotTo(BeEmpty())
	for name, set := range map[string][]string{
		"base": base, "with the catalogue": append(slices.Clone(base), samples+"/catalogue"),
		"with receivers": append(slices.Clone(base), samples+"/catalogue", samples+"/receivers"),
		"all":            {samples},
	} {
		g.Expect(messages(check(t, set...))).To(BeEmpty(), name)
	}
	g.Expect(messages(check(t, "../../config/default", "../../config/crd", "../../charts"))).To(BeEmpty())
}
