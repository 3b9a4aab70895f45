package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/kassa-dev/kassa/internal/manifests"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/validate"
	"github.com/kassa-dev/kassa/internal/validate/report"
)

const bad = "../testdata/bad"

func of(t *testing.T, paths ...string) *report.Report {
	t.Helper()
	set, err := (&manifests.Reader{}).Read(paths)
	if err != nil {
		t.Fatal(err)
	}
	findings, err := validate.Check(t.Context(), set, validate.Options{
		Registry: provider.NewRegistry(stripe.Adapter{}, paddle.Adapter{}, lemonsqueezy.Adapter{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return report.Of(set, findings)
}

func formats(r *report.Report) map[string]string {
	out := map[string]string{}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"people": func(b *bytes.Buffer) error { return r.People(b, false) },
		"color":  func(b *bytes.Buffer) error { return r.People(b, true) },
		"json":   func(b *bytes.Buffer) error { return r.JSON(b) },
		"sarif":  func(b *bytes.Buffer) error { return r.SARIF(b, "v1") },
		"github": func(b *bytes.Buffer) error { return r.GitHub(b) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			panic(err)
		}
		out[name] = b.String()
	}
	return out
}

// secrets are the random parts of what the corpus has in plain text.
var secrets = regexp.MustCompile(`(?:[sr]k_(?:live|test)_|whsec_|pdl_ntfset_|apikey_|eyJ)[\w.-]{12,}` +
	`|k7Qz91Lm|\d{4} \d{4} \d{4} \d{4}|"\d{15,16}"`)

// TestNoSecretIsRepeated: whatever is reported, in whatever format, no secret of the corpus is a part of it, nor is
// the half of one.
func TestNoSecretIsRepeated(t *testing.T) {
	g := NewWithT(t)
	files, err := filepath.Glob(bad + "/*.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	outputs, found := formats(of(t, bad)), 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		for _, secret := range secrets.FindAllString(string(text), -1) {
			found++
			half := strings.Trim(secret[len(secret)/2:], `"`)
			for name, output := range outputs {
				g.Expect(strings.Contains(output, half)).To(BeFalse(), "%s tells a secret of %s", name, file)
			}
		}
	}
	g.Expect(found).To(BeNumerically(">", 20))
}

// TestRefusedSecretIsRedacted: the API server repeats the value that it refuses.
func TestRefusedSecretIsRedacted(t *testing.T) {
	g := NewWithT(t)
	file := filepath.Join(t.TempDir(), "provider.yaml")
	// Scanners of repositories would take them for keys.
	restricted, secret := "rk_live_"+"0aB1cD2eF3gH4iJ5", "sk_live_"+"9zY8xW7vU6tS5rQ4"
	manifest := strings.NewReplacer("RESTRICTED", restricted, "SECRET", secret).Replace(`
apiVersion: billing.kassa.dev/v1alpha1
kind: PaymentProvider
metadata: {name: RESTRICTED}
spec:
  mode: SECRET
  stripe: {apiKeySecretRef: {name: a, key: b}, accountID: RESTRICTED}
  RESTRICTED: 1
`)
	g.Expect(os.WriteFile(file, []byte(manifest), 0o600)).To(Succeed())
	for name, output := range formats(of(t, file)) {
		g.Expect(output).NotTo(Or(ContainSubstring("9zY8xW7v"), ContainSubstring("0aB1cD2e")), name)
		g.Expect(output).To(ContainSubstring("KASSA002"), name)
	}
}

func TestSARIF(t *testing.T) {
	g := NewWithT(t)
	schema, err := os.Open("testdata/sarif-schema-2.1.0.json")
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = schema.Close() }()
	document, err := jsonschema.UnmarshalJSON(schema)
	g.Expect(err).NotTo(HaveOccurred())
	compiler := jsonschema.NewCompiler()
	g.Expect(compiler.AddResource("sarif.json", document)).To(Succeed())
	official, err := compiler.Compile("sarif.json")
	g.Expect(err).NotTo(HaveOccurred())

	for _, paths := range [][]string{{bad}, {"../testdata/good"}} {
		text := formats(of(t, paths...))["sarif"]
		log, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(official.Validate(log)).To(Succeed())
	}

	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID   string
						Help struct{ Text, Markdown string }
					}
				}
			}
			Results []struct {
				RuleID              string
				RuleIndex           int
				PartialFingerprints map[string]string
			}
		}
	}
	g.Expect(json.Unmarshal([]byte(formats(of(t, bad))["sarif"]), &log)).To(Succeed())
	run, prints := log.Runs[0], map[string]bool{}
	g.Expect(len(run.Results)).To(BeNumerically(">", 60))
	for _, r := range run.Results {
		rule := run.Tool.Driver.Rules[r.RuleIndex]
		g.Expect(rule.ID).To(Equal(r.RuleID))
		g.Expect(rule.Help.Text).NotTo(BeEmpty())
		g.Expect(rule.Help.Markdown).NotTo(BeEmpty())
		fingerprint := r.PartialFingerprints["kassa/v1"]
		g.Expect(prints[fingerprint]).To(BeFalse(), "%s twice", fingerprint)
		prints[fingerprint] = true
	}
}

// TestFingerprintsOutliveEdits: a finding that moved is the same one.
func TestFingerprintsOutliveEdits(t *testing.T) {
	g := NewWithT(t)
	t.Chdir(t.TempDir())
	fingerprint := func(text string) string {
		g.Expect(os.WriteFile("app.yaml", []byte(text), 0o600)).To(Succeed())
		return regexp.MustCompile(`"kassa/v1": "(.*)"`).FindStringSubmatch(formats(of(t, "app.yaml"))["sarif"])[1]
	}
	const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata:\n  cvv: \"1\"\n"
	g.Expect(fingerprint("# a new line\n\n" + text)).To(Equal(fingerprint(text)))
	g.Expect(fingerprint(strings.Replace(text, "app", "other", 1))).NotTo(Equal(fingerprint(text)))
}

func TestPeople(t *testing.T) {
	g := NewWithT(t)
	r := of(t, bad+"/live-key-for-test.yaml", bad+"/plan-without-provider.yaml")
	out := formats(r)
	g.Expect(out["people"]).To(HavePrefix("Secret shop/stripe-api\n  ../testdata/bad/live-key-for-test.yaml:32:"))
	g.Expect(out["people"]).To(MatchRegexp(`\[KASSA010\]\n\nPaymentProvider shop/stripe\n(?s:.*)\n\n` +
		`2 errors, 3 warnings in 6 objects of 2 files\n$`))
	g.Expect(out["people"]).NotTo(ContainSubstring("\x1b"))
	g.Expect(out["color"]).To(ContainSubstring("\x1b[31merror\x1b[0m"))
	g.Expect(r.Fails(validate.Error)).To(BeTrue())

	notes := of(t, bad+"/no-guardrails.yaml")
	g.Expect(notes.Fails(validate.Warning)).To(BeFalse())
	g.Expect(notes.Fails(validate.Note)).To(BeTrue())
	g.Expect(formats(of(t, "../testdata/good/plan-alone.yaml"))["people"]).To(
		Equal("nothing found in 1 object of 1 file\n"))
}

// TestNothingSteersTheTerminal: a manifest may be a stranger's.
func TestNothingSteersTheTerminal(t *testing.T) {
	g := NewWithT(t)
	r := &report.Report{Findings: []validate.Finding{{
		Rule: &validate.Rules()[1], Severity: validate.Error, Message: "a\x1b[2Jb\nc\u0085d",
		Place: manifests.Place{File: "a,b:c\n.yaml", Line: 1},
	}}}
	out := formats(r)
	g.Expect(out["people"]).To(ContainSubstring("a[2Jb cd"))
	g.Expect(out["github"]).To(Equal(
		"::error file=a%2Cb%3Ac%0A.yaml,line=1,title=KASSA002 refused-by-the-api-server::a\x1b[2Jb%0Ac\u0085d\n"))
}

func TestIgnoredFindings(t *testing.T) {
	g := NewWithT(t)
	file := filepath.Join(t.TempDir(), "app.yaml")
	g.Expect(os.WriteFile(file, []byte(`apiVersion: v1
kind: ConfigMap
metadata:
  name: app
  annotations:
    kassa.dev/ignore: |
      KASSA016: it is the name of a form's field
      KASSA999 because
      KASSA001 because
      why
data: {cvv: field-7}
`), 0o600)).To(Succeed())
	r := of(t, file)
	out := formats(r)
	g.Expect(out["people"]).To(HaveSuffix("3 warnings in 1 object of 1 file; 1 ignored by annotation\n"))
	g.Expect(out["people"]).NotTo(ContainSubstring("KASSA016]"))
	g.Expect(out["people"]).To(And(ContainSubstring("there is no rule KASSA999"),
		ContainSubstring("KASSA001 cannot be ignored"), ContainSubstring("an entry begins with the id of a rule")))
	g.Expect(out["json"]).To(ContainSubstring(`"ignored": "it is the name of a form's field"`))
	g.Expect(out["sarif"]).To(ContainSubstring(`"justification": "it is the name of a form's field"`))
	g.Expect(out["github"]).NotTo(ContainSubstring("KASSA016"))
	g.Expect(r.Fails(validate.Error)).To(BeFalse())
}
