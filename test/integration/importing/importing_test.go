// Package importing lets the plugin import whole accounts of the sandbox, applies what it wrote to a real API server
// with a real operator, and compares.
package importing

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{NoFsync: true}) }

const often = 50 * time.Millisecond

const planReady = "Current True " + v1alpha1.ReasonInSync

// kassa runs the plugin as a user does.
func kassa(t testing.TB, s *stack.Stack, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(t.Context(), s.Plugin(), args...)
	cmd.Env = append(os.Environ(), append([]string{"KUBECONFIG=" + s.Plane.KubeconfigPath()}, env...)...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), problems.String(), cmd.ProcessState.ExitCode()
}

// read are the files of a folder by their names.
func read(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(text)
	}
	return files
}

// apply makes the Plans of a folder. The API server's own rules judge them, and unknown fields are refused.
func apply(t testing.TB, s *stack.Stack, files map[string]string) []*v1alpha1.Plan {
	t.Helper()
	g := NewWithT(t)
	var plans []*v1alpha1.Plan
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		switch {
		case strings.HasPrefix(name, "plan-"):
			p := &v1alpha1.Plan{}
			g.Expect(yaml.UnmarshalStrict([]byte(text), p)).To(Succeed(), name)
			s.Create(p)
			plans = append(plans, p)
		case strings.HasPrefix(name, "paymentprovider-"):
			// The one that is there is what was written.
			u := &unstructured.Unstructured{}
			g.Expect(yaml.Unmarshal([]byte(text), &u.Object)).To(Succeed())
			u.SetNamespace(s.Namespace)
			text, err := u.MarshalJSON()
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(s.Client.Patch(t.Context(), u, client.RawPatch(types.ApplyPatchType, text), client.FieldOwner("test"),
				client.ForceOwnership, client.DryRunAll)).To(Succeed())
		}
	}
	return plans
}

// An account that was never seen is imported, applied and equal; what somebody edits afterwards is shown.
func TestAnAccountIsTakenOver(t *testing.T) {
	for _, shop := range shops {
		t.Run(shop.name, func(t *testing.T) {
			g := NewWithT(t)
			s := stack.New(t, stack.Options{})
			key := shop.fill(t, s)
			pp := shop.provider(s)
			pp.Name = shop.name
			s.Create(stack.Secret(shop.name, "key", key), pp)
			s.Operator()
			before := s.Sandbox.Counts().Writes

			dir := filepath.Join(t.TempDir(), "out")
			importing := []string{"import", shop.name, "-n", s.Namespace}
			out, notices, code := kassa(t, s, nil, append(importing, "--output-dir", dir)...)
			g.Expect(code).To(BeZero(), notices)
			g.Expect(out).To(BeEmpty())
			t.Log(notices)
			for _, text := range shop.leftOut {
				g.Expect(notices).To(ContainSubstring(text))
			}
			files := read(t, dir)
			g.Expect(files).To(HaveKey("kustomization.yaml"))
			for name, text := range files {
				g.Expect(text).NotTo(ContainSubstring(key), name)
			}
			plans := apply(t, s, files)
			g.Expect(plans).To(HaveLen(shop.plans))
			for _, p := range plans {
				g.Eventually(func() string { return s.State(p) }, stack.Patience, often).Should(Equal(planReady),
					"%s\n%s", p.Name, files["plan-"+p.Name+".yaml"])
			}

			report, problems, code := kassa(t, s, nil, "diff", "-n", s.Namespace)
			g.Expect(code).To(BeZero(), report+problems)
			report, problems, code = kassa(t, s, nil, "diff", "-n", s.Namespace, "-f", dir)
			g.Expect(code).To(BeZero(), report+problems)

			// A second import gives the same, and so has nothing to write over.
			_, problems, code = kassa(t, s, nil, append(importing, "--output-dir", dir)...)
			g.Expect(code).To(BeZero(), problems)
			g.Expect(read(t, dir)).To(Equal(files))
			g.Expect(s.Sandbox.Counts().Writes).To(Equal(before), "nothing was written")

			shop.edit(t, s, key, plans)
			report, problems, code = kassa(t, s, nil, "diff", "-n", s.Namespace)
			t.Log(report)
			g.Expect(code).To(Equal(1), report+problems)
			g.Expect(report).To(And(ContainSubstring(shop.edited), ContainSubstring("changed at the provider")))
			if shop.create != "" {
				enforce(t, s, shop, plans)
			}
		})
	}
}

// enforce lets Kassa take the account over: nothing is made anew, and the edit is put right.
func enforce(t testing.TB, s *stack.Stack, shop shop, plans []*v1alpha1.Plan) {
	t.Helper()
	g := NewWithT(t)
	before := s.Sandbox.Counts()
	product := strings.Replace(shop.create, "prices", "products", 1)
	for _, p := range plans {
		patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"management":"Enforce"}}`))
		g.Expect(s.Client.Patch(t.Context(), p, patch)).To(Succeed())
	}
	for _, p := range plans {
		g.Eventually(func() string { return s.State(p) }, stack.Patience, often).Should(Equal(planReady), p.Name)
	}
	out, problems, code := kassa(t, s, nil, "diff", "-n", s.Namespace)
	g.Expect(code).To(BeZero(), out+problems)
	for _, r := range s.Sandbox.Requests() {
		if r.N > before.Reads+before.Writes && r.Write() {
			g.Expect(r.Method + " " + r.Path).NotTo(BeElementOf(shop.create, product))
		}
	}
	// What is Kassa's is imported no more.
	_, notices, code := kassa(t, s, nil, "import", shop.name, "-n", s.Namespace)
	g.Expect(code).To(BeZero())
	g.Expect(notices).To(And(ContainSubstring("0 Plans with 0 prices"), ContainSubstring("belongs to Plan "+s.Namespace)))
}
