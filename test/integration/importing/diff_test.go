package importing

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/preview"
	"github.com/kassa-dev/kassa/test/stack"
)

// manifest writes objects into a file, without what the cluster added.
func manifest(t testing.TB, objects ...client.Object) string {
	t.Helper()
	var texts []string
	for _, o := range objects {
		o = o.DeepCopyObject().(client.Object) //nolint:forcetypeassert // a copy of one
		kind := "Plan"
		switch o := o.(type) {
		case *v1alpha1.Plan:
			o.Status = v1alpha1.PlanStatus{}
		case *v1alpha1.PaymentProvider:
			kind, o.Status = "PaymentProvider", v1alpha1.PaymentProviderStatus{}
		}
		o.SetUID("")
		o.SetResourceVersion("")
		o.SetManagedFields(nil)
		o.GetObjectKind().SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	file := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(file, []byte(strings.Join(texts, "---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// diff runs kubectl kassa diff and reads its report.
func diff(t testing.TB, s *stack.Stack, want int, args ...string) preview.Report {
	t.Helper()
	out, problems, code := kassa(t, s, nil, append([]string{"diff", "-n", s.Namespace, "-o", "json"}, args...)...)
	r := preview.Report{}
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != want {
		t.Fatal(err, code, out, problems)
	}
	return r
}

func steps(r preview.Report) (list []string) {
	for _, sale := range r.Plans {
		for _, op := range sale.Operations {
			list = append(list, string(op.Action)+" "+op.Operation+" "+op.Target)
		}
	}
	return list
}

// Diff tells beforehand exactly what the operator would do, and then what it did.
func TestWhatPlansWouldChange(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.CreateProvider()
	s.Operator()
	pro := stack.Plan("pro")
	s.Create(pro)
	ready := func(name string) {
		t.Helper()
		p := &v1alpha1.Plan{}
		p.Name, p.Namespace = name, s.Namespace
		g.Eventually(func() string { return s.State(p) }, stack.Patience, often).Should(Equal(planReady))
	}
	ready("pro")
	g.Expect(diff(t, s, 0, "pro").Summary).To(Equal(preview.Counts{Plans: 1, Equal: 1}))

	changed := pro.DeepCopy()
	changed.Spec.Description, changed.Spec.Prices[0].Amount = "New", "39.00"
	team := stack.Plan("team")
	team.Spec.Prices = team.Spec.Prices[:1]
	team.Namespace = s.Namespace
	file := manifest(t, changed, team)
	r := diff(t, s, 1, "-f", file)
	g.Expect(steps(r)).To(Equal([]string{
		"change UpdateProduct ", "replace CreatePrice monthly", "change SetDefault monthly", "archive ArchivePrice monthly",
		"create CreateProduct ", "create CreatePrice monthly", "change SetDefault monthly",
	}))
	g.Expect(r.Summary).To(Equal(preview.Counts{Plans: 2, Create: 2, Change: 3, Replace: 1, Archive: 1}))
	g.Expect(r.Plans[0].Differences).To(ContainElement(preview.Difference{
		Field: "prices[monthly].amount", Have: "29.00 USD", Want: "39.00 USD",
	}), "what the file changes is no drift")
	g.Expect(r.Plans[1].Operations[1].Detail).To(ContainSubstring("kassa:<new>:monthly"))

	// The operator's own preview is the same.
	look := &v1alpha1.Plan{}
	g.Expect(s.Client.Get(t.Context(), s.Key("pro"), look)).To(Succeed())
	look.Spec = changed.Spec
	look.Spec.Management = v1alpha1.ManagementPreview
	g.Expect(s.Client.Update(t.Context(), look)).To(Succeed())
	var pending []v1alpha1.PendingOperation
	g.Eventually(func() []v1alpha1.PendingOperation {
		g.Expect(s.Client.Get(t.Context(), s.Key("pro"), look)).To(Succeed())
		pending = look.Status.Providers[0].Pending
		return pending
	}, stack.Patience, often).ShouldNot(BeEmpty())
	g.Expect(pending).To(HaveLen(len(r.Plans[0].Operations)))
	for i, op := range r.Plans[0].Operations {
		g.Expect([]string{pending[i].Operation, pending[i].Target, pending[i].Detail}).To(
			Equal([]string{op.Operation, op.Target, op.Detail}))
	}
	g.Expect(steps(diff(t, s, 1, "pro"))).To(HaveLen(4))

	look.Spec.Management = v1alpha1.ManagementEnforce
	g.Expect(s.Client.Update(t.Context(), look)).To(Succeed())
	team.ResourceVersion = ""
	s.Create(team)
	ready("pro")
	ready("team")
	diff(t, s, 0, "-f", file)
	diff(t, s, 0)

	// Without a cluster, marks of the Plans' names tell which objects are theirs.
	pp := s.Provider()
	pp.Namespace = s.Namespace
	declared := manifest(t, pp)
	nowhere := []string{"KUBECONFIG=/dev/null", "KASSA_API_KEY=" + s.APIKey()}
	out, problems, code := kassa(t, s, nowhere, "diff", "--offline", "-n", s.Namespace, "-f", file, "-f", declared,
		"--provider-url", s.SandboxURL)
	g.Expect(code).To(BeZero(), out+problems)
	g.Expect(out).To(And(ContainSubstring("taken for its own"), ContainSubstring("2 Plans: 2 equal")))
	_, problems, code = kassa(t, s, nowhere, "diff", "-n", s.Namespace, "-f", file)
	g.Expect(code).To(Equal(2))
	g.Expect(problems).To(ContainSubstring("the cluster"))
}

// What Kassa would refuse is said, and what it would take off sale.
func TestWhatPlansWouldBeRefused(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.CreateProvider()
	second := s.Provider()
	second.Name = "second"
	second.Spec.Stripe.APIKeySecretRef.Name = "second-api"
	s.Create(stack.Secret("second-api", "api-key", s.APIKey()+"2"), second)
	s.Operator()
	pro := stack.Plan("pro")
	s.Create(pro)
	state := func() string { return s.State(pro.DeepCopy()) }
	g.Eventually(state, stack.Patience, often).Should(Equal(planReady))

	// A provider less.
	moved := pro.DeepCopy()
	moved.Spec.Providers = []v1alpha1.PlanProvider{{Name: "second"}}
	r := diff(t, s, 1, "-f", manifest(t, moved))
	g.Expect(steps(r)).To(HaveLen(8))
	g.Expect(steps(r)[:5]).To(Equal([]string{
		"create CreateProduct ", "create CreatePrice monthly", "change SetDefault monthly", "create CreatePrice yearly",
		"retire ArchiveProduct ",
	}))
	g.Expect(r.Summary.Retire).To(Equal(4))
	g.Expect(r.Plans[1].Notices).To(ContainElement(ContainSubstring("stays on sale there until")))
	moved.Spec.DeletionPolicy = v1alpha1.DeletionOrphan
	r = diff(t, s, 1, "-f", manifest(t, moved))
	g.Expect(r.Summary.Retire).To(BeZero())

	// Guard rails that files tighten.
	raised := pro.DeepCopy()
	raised.Spec.Prices[0].Amount = "39.00"
	tight := s.Provider()
	tight.Namespace, tight.Spec.Guardrails.MaxReplacementsPerHour = s.Namespace, new(int32)
	r = diff(t, s, 1, "-f", manifest(t, raised, tight))
	g.Expect(r.Plans[0].Refused.Reason).To(Equal(v1alpha1.ReasonBudgetExhausted))
	g.Expect(r.Plans[0].Operations).NotTo(BeEmpty())

	// Objects that are not there, another's, or two Plans'.
	adopting := func(name, product string) *v1alpha1.Plan {
		p := stack.Plan(name)
		p.Namespace = s.Namespace
		p.Spec.Providers[0].Adopt = &v1alpha1.Adopt{ProductID: product}
		return p
	}
	look := &v1alpha1.Plan{}
	g.Expect(s.Client.Get(t.Context(), s.Key("pro"), look)).To(Succeed())
	product := look.Status.Providers[0].ProductID
	form(t, s, s.APIKey(), "products", query(t, "name=Free\nid=prod_free"))
	odd := stack.Plan("e")
	odd.Namespace, odd.Spec.Prices[0].Amount, odd.Spec.Prices[0].Currency = s.Namespace, "5.125", "KWD"
	r = diff(t, s, 1, "-f", manifest(t,
		adopting("a", "prod_none"), adopting("b", product), adopting("c", "prod_free"), adopting("d", "prod_free"), odd))
	var reasons []string
	for _, sale := range r.Plans {
		if sale.Refused != nil {
			reasons = append(reasons, sale.Plan+" "+sale.Refused.Reason)
		}
	}
	g.Expect(reasons).To(Equal([]string{
		"a " + v1alpha1.ReasonMissing, "b " + v1alpha1.ReasonOwnedByAnother, "d " + v1alpha1.ReasonOwnedByAnother,
		"e " + v1alpha1.ReasonUnsupported,
	}))
	lost := stack.Plan("lost")
	lost.Namespace, lost.Spec.Providers[0].Name = s.Namespace, "nobody"
	r = diff(t, s, 2, "-f", manifest(t, lost))
	g.Expect(r.Plans[0].Failed).To(ContainSubstring("does not exist"))

	// A Plan that went and left its objects, and comes back under its name.
	g.Expect(s.Client.Get(t.Context(), s.Key("pro"), look)).To(Succeed())
	look.Spec.DeletionPolicy = v1alpha1.DeletionOrphan
	g.Expect(s.Client.Update(t.Context(), look)).To(Succeed())
	g.Expect(s.Client.Delete(t.Context(), look)).To(Succeed())
	g.Eventually(state, stack.Patience, often).Should(Equal("NotFound"))
	r = diff(t, s, 1, "-f", manifest(t, pro))
	g.Expect(r.Plans[0].Notices).To(ContainElement(ContainSubstring("name it under adopt.productID")))
	again := pro.DeepCopy()
	again.Spec.Providers[0].Adopt = &v1alpha1.Adopt{ProductID: product}
	r = diff(t, s, 1, "-f", manifest(t, again))
	g.Expect(r.Plans[0].Differences).To(BeEmpty())
	g.Expect(r.Summary).To(And(HaveField("Create", 0), HaveField("Replace", 0), HaveField("Refused", 0)))
}

// Without a cluster, flags say which account it is.
func TestAnAccountWithoutACluster(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	key := s.APIKey()
	product := form(t, s, key, "products", query(t, "name=Pro"))
	form(t, s, key, "prices", query(t, "currency=usd\nunit_amount=2900\nrecurring[interval]=month\nproduct="+product))
	nowhere := []string{"KUBECONFIG=/dev/null", "KASSA_API_KEY=" + key}
	args := []string{"import", "--provider", "stripe", "--mode", "Test", "--base-url", s.SandboxURL}
	out, problems, code := kassa(t, s, nowhere, args...)
	g.Expect(code).To(BeZero(), problems)
	g.Expect(out).To(And(ContainSubstring("name: stripe-api"), ContainSubstring("accountID: acct_"),
		ContainSubstring("baseURL: "+s.SandboxURL), ContainSubstring("productID: "+product), Not(ContainSubstring(key))))
	g.Expect(problems).NotTo(ContainSubstring(key))

	file := filepath.Join(t.TempDir(), "out.yaml")
	g.Expect(os.WriteFile(file, []byte(out), 0o600)).To(Succeed())
	_, problems, code = kassa(t, s, nowhere, "diff", "--offline", "-n", "shop", "-f", file)
	g.Expect(code).To(Equal(2))
	g.Expect(problems).To(ContainSubstring("not known"))
	out, problems, code = kassa(t, s, nowhere, "diff", "--offline", "-n", "shop", "-f", file,
		"--provider-url", s.SandboxURL)
	g.Expect(code).To(BeZero(), out+problems)

	args[4] = "Live"
	_, problems, code = kassa(t, s, nowhere, args...)
	g.Expect(code).To(Equal(2))
	g.Expect(problems).To(ContainSubstring("mode"))

	// Files of other content are not written over.
	dir := t.TempDir()
	args[4] = "Test"
	args = append(args, "--output-dir", dir)
	_, _, code = kassa(t, s, nowhere, args...)
	g.Expect(code).To(BeZero())
	plan := filepath.Join(dir, "plan-pro.yaml")
	g.Expect(os.WriteFile(plan, []byte("mine"), 0o600)).To(Succeed())
	_, problems, code = kassa(t, s, nowhere, args...)
	g.Expect(code).To(Equal(2))
	g.Expect(problems).To(ContainSubstring("--overwrite"))
	_, _, code = kassa(t, s, nowhere, append(args, "--overwrite")...)
	g.Expect(code).To(BeZero())
	g.Expect(os.ReadFile(plan)).NotTo(Equal([]byte("mine")))
}
