package manifests_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/manifests"
)

func readText(t *testing.T, text string) *manifests.Set {
	t.Helper()
	set, err := (&manifests.Reader{Stdin: strings.NewReader(text)}).Read([]string{manifests.Stdin})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func problems(set *manifests.Set) []string {
	var out []string
	for _, p := range set.Problems {
		out = append(out, p.String()+": "+p.Message)
	}
	return out
}

func TestPlaces(t *testing.T) {
	const text = `# a comment
apiVersion: v1
kind: One
metadata:
  name: a
  annotations: {x.y/z: "1"}
spec: &shared
  list:
  - first
  - name: second
    value: 3
---
# another
apiVersion: v1
kind: Two
spec: *shared
`
	g := NewWithT(t)
	set := readText(t, text)
	g.Expect(problems(set)).To(HaveLen(1), "an alias does not reach over documents")

	set = readText(t, strings.Replace(text, "*shared", "{}", 1))
	g.Expect(set.Documents).To(HaveLen(2))
	one, two := set.Documents[0], set.Documents[1]
	for path, want := range map[string]string{
		"": "stdin:2:1", "kind": "stdin:3:1", "metadata.name": "stdin:5:3", "metadata.annotations[x.y/z]": "stdin:6:17",
		"spec.list[0]": "stdin:9:5", "spec.list[1].value": "stdin:11:5", "spec.list[1].missing": "stdin:10:5",
		"spec.list[7]": "stdin:8:3", "nothing.here": "stdin:2:1", "spec.list[x": "stdin:8:3",
	} {
		g.Expect(one.At(path).String()).To(Equal(want), path)
	}
	g.Expect(two.At("spec").String()).To(Equal("stdin:16:1"))
	g.Expect(two.IsObject()).To(BeTrue())
}

func TestLists(t *testing.T) {
	g := NewWithT(t)
	set := readText(t, `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: One
  metadata: {name: a, namespace: b, annotations: {c: d}}
- apiVersion: v1
  kind: Two
`)
	g.Expect(set.Documents).To(HaveLen(2))
	one, two := set.Documents[0], set.Documents[1]
	g.Expect([]string{one.Kind(), one.APIVersion(), one.Name(), one.Namespace(), one.Annotation("c")}).To(
		Equal([]string{"One", "v1", "a", "b", "d"}))
	g.Expect(one.At("metadata.name").String()).To(Equal("stdin:6:14"))
	g.Expect(two.At("kind").String()).To(Equal("stdin:8:3"))
}

func TestJSONWithTabs(t *testing.T) {
	g := NewWithT(t)
	set := readText(t, "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"One\",\n\t\"n\": 12\n}\n")
	g.Expect(problems(set)).To(BeEmpty())
	g.Expect(set.Documents[0].At("kind").String()).To(Equal("stdin:3:2"))
	g.Expect(set.Documents[0].Value["n"]).To(Equal(int64(12)), "numbers as the API server has them")
}

// TestValuesAreKubectls: kubectl reads YAML 1.1.
func TestValuesAreKubectls(t *testing.T) {
	g := NewWithT(t)
	set := readText(t, "a: yes\nb: 010\nc: \"yes\"\nd: 1.0\n")
	g.Expect(set.Documents[0].Value).To(Equal(map[string]any{"a": true, "b": int64(8), "c": "yes", "d": int64(1)}))
}

func TestProblems(t *testing.T) {
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	var bomb strings.Builder
	bomb.WriteString("a: &a [x,x,x,x,x,x,x,x,x,x]\n")
	for c := 'b'; c <= 'k'; c++ {
		fmt.Fprintf(&bomb, "%c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 10))
	}
	for name, c := range map[string]struct{ text, want string }{
		"syntax":         {"a: b\n---\n\na: \"b\n", "stdin:5: this is no YAML: found unexpected end of stream"},
		"tab":            {"a: b\n\tc: d\n", "stdin:2: this is no YAML: found a tab character that violates indentation"},
		"twice":          {"a:\n  b: 1\n  b: 2\n", `stdin:3:3: the key "b" is there twice; remove one of them`},
		"deep":           {"a: " + deep, "stdin:1:104: this is nested more than 100 deep; no object of Kubernetes is"},
		"alias bomb":     {bomb.String(), "stdin:1:1: the document's aliases stand for too much; write it out"},
		"endless alias":  {"x: &a [*a]\n", "stdin:1:1: this is YAML that kubectl cannot read"},
		"unknown anchor": {"---\nx: *a\n", "stdin:2: this is no YAML: unknown anchor"},
		"a list as key":  {"? [a, b]\n: c\n", "stdin:1:1: this is YAML that kubectl cannot read"},
		"no UTF-8":       {"a: \xff\xfe\n", "stdin:1: this is no YAML"},
		"too large":      {strings.Repeat("# large\n", 1<<22), "stdin: the file is larger than 16 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := problems(readText(t, c.text))
			g.Expect(got).To(HaveLen(1))
			g.Expect(got[0]).To(HavePrefix(c.want))
		})
	}
}

// TestTheRestIsRead: one bad document costs no other.
func TestTheRestIsRead(t *testing.T) {
	g := NewWithT(t)
	set := readText(t, "a: 1\n---\nb: [\n---\nc: 3\n--- # and a comment\n\n---\n- d\n---\n")
	g.Expect(set.Problems).To(HaveLen(1))
	g.Expect(set.Documents).To(HaveLen(3))
	g.Expect(set.Documents[1].At("c").Line).To(Equal(5))
	g.Expect(set.Documents[2].Value).To(BeNil(), "a list is no object")
}

func write(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const one = "apiVersion: v1\nkind: One\n"

// kubectl parts a stream at lines of --- alone, and its YAML parser reads the first document of each part.
func TestWhatFollowsADocumentIsNotOverlooked(t *testing.T) {
	for _, text := range []string{
		"kind: A\n...\nkind: B\n", "kind: A\n--- {kind: B}\n", `{"kind": "A"}` + "\n" + `{"kind": "B"}`,
		"kind: A\n...\n}\n",
	} {
		NewWithT(t).Expect(problems(readText(t, text))).To(ConsistOf(ContainSubstring("put a line of ---")), text)
	}
	for _, text := range []string{"kind: A\n...\n", "kind: A\n...\n# the end\n", "kind: A\n...\n---\nkind: B\n...\n"} {
		NewWithT(t).Expect(problems(readText(t, text))).To(BeEmpty(), text)
	}
}

func TestFolders(t *testing.T) {
	g := NewWithT(t)
	t.Chdir(t.TempDir())
	write(t, map[string]string{
		"a.yaml": one, "b/c.yml": one, "b/d.json": "{}", "b/e.txt": "no", ".git/f.yaml": one, "node_modules/g.yaml": one,
		"chart/Chart.yaml": "name: x\n", "chart/values.yaml": "a: 1\n", "chart/templates/h.yaml": "{{ .Values }}\n",
		"templates/i.yaml": one, "j.yaml": "a: {{ .b }}\n",
	})
	var seen []string
	reader := &manifests.Reader{Progress: func(file string) { seen = append(seen, file) }}
	set, err := reader.Read([]string{".", "a.yaml"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(seen).To(Equal([]string{
		"a.yaml", "b/c.yml", "b/d.json", "chart/Chart.yaml", "chart/values.yaml", "j.yaml", "templates/i.yaml",
	}), "each file once, in the order of names")
	g.Expect(problems(set)).To(BeEmpty())
	g.Expect(set.Notices).To(ConsistOf(
		ContainSubstring("helm template chart | kubectl kassa validate -"), HavePrefix("j.yaml: a template")))
	objects := 0
	for _, d := range set.Documents {
		if d.IsObject() {
			objects++
		}
	}
	g.Expect(objects).To(Equal(3))
	_, err = reader.Read([]string{"missing.yaml"})
	g.Expect(err).To(MatchError(ContainSubstring("missing.yaml")))
}

func TestPatchesAreNoObjects(t *testing.T) {
	g := NewWithT(t)
	t.Chdir(t.TempDir())
	write(t, map[string]string{
		"base/one.yaml": one, "prod/kustomization.yaml": "resources: [../base]\npatches: [{path: one.yaml}]\n" +
			"patchesStrategicMerge: [two.yaml]\n", "prod/one.yaml": one, "prod/two.yaml": one, "prod/three.yaml": one,
	})
	set, err := (&manifests.Reader{}).Read([]string{"."})
	g.Expect(err).NotTo(HaveOccurred())
	var objects []string
	for _, d := range set.Documents {
		if d.IsObject() {
			objects = append(objects, d.File)
		}
	}
	g.Expect(objects).To(Equal([]string{"base/one.yaml", "prod/three.yaml"}))
}

func TestTexts(t *testing.T) {
	g := NewWithT(t)
	set := readText(t, "a:\n- b\n- c: |\n    one\n    two\nd: e # a comment, not a#b\n# another\n")
	var got []string
	set.Documents[0].Texts(func(t manifests.Text) {
		got = append(got, fmt.Sprintf("%s=%q at %s", t.Path, t.Value, t.At(max(0, len(t.Value)-2))))
	})
	g.Expect(got).To(Equal([]string{
		`a="a" at stdin:1:1`, `a[0]="b" at stdin:2:3`, `a[1].c="c" at stdin:3:3`, `a[1].c="one\ntwo\n" at stdin:5`,
		`d="d" at stdin:6:1`, `d="e" at stdin:6:4`,
	}))
	var comments []string
	for _, c := range set.Comments {
		comments = append(comments, c.At(2).String()+" "+c.Value)
	}
	g.Expect(comments).To(Equal([]string{"stdin:6:8 # a comment, not a#b", "stdin:7:3 # another"}))
}

// TestSecretsInUnreadableFiles are none the less secrets: all lines of such a file are looked through.
func TestSecretsInUnreadableFiles(t *testing.T) {
	g := NewWithT(t)
	set := readText(t, "a: [\nkey: value\n")
	g.Expect(set.Comments).To(HaveLen(2))
	g.Expect(set.Comments[1].Value).To(Equal("key: value"))
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		one, "a: &b [*b]\n", "? {a: b}\n: c\n---\n- x\n", "a: |\n  b\n #c\n", "{\"a\":\t1}", "%YAML 1.2\n---\n",
	} {
		f.Add(seed, "a[0].b")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		set := readText(t, text)
		for _, d := range set.Documents {
			_ = d.At(path)
			d.Texts(func(t manifests.Text) { _ = t.At(len(t.Value)) })
		}
	})
}
