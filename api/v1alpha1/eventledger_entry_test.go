package v1alpha1_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	sigsjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

var (
	received = metav1.Time{Time: time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)}
	claimed  = metav1.MicroTime{Time: time.Date(2026, 1, 31, 10, 0, 0, 123456000, time.UTC)}
)

func TestLedgerEntryIsALine(t *testing.T) {
	for line, e := range map[string]v1alpha1.LedgerEntry{
		"evt_1 invoice.paid 2026-01-31T10:00:00Z Processed": {
			ID: "evt_1", Type: "invoice.paid", ReceivedAt: received, State: v1alpha1.EntryProcessed,
		},
		"evt_1 - 2026-01-31T10:00:00Z Claimed shop-receiver-0/7 2026-01-31T10:00:00.123456Z": {
			ID: "evt_1", ReceivedAt: received, State: v1alpha1.EntryClaimed,
			ClaimedBy: "shop-receiver-0/7", ClaimedAt: &claimed,
		},
		"a%20b%25%22%5C%3C%C3%A9 %2D 2026-01-31T10:00:00Z Dead": {
			ID: `a b%"\<é`, Type: "-", ReceivedAt: received, State: v1alpha1.EntryDead,
		},
	} {
		t.Run(line, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(json.Marshal(e)).To(BeEquivalentTo(`"` + line + `"`))
			var back v1alpha1.LedgerEntry
			g.Expect(json.Unmarshal([]byte(`"`+line+`"`), &back)).To(Succeed())
			g.Expect(back).To(Equal(e))
		})
	}
}

func TestLedgerEntryRefusesOtherLines(t *testing.T) {
	for _, raw := range []string{
		`null`, `7`, `{}`, `""`, `"evt_1"`, `"evt_1 t 2026-01-31T10:00:00Z"`, `"evt_1 t yesterday Claimed"`,
		`"evt_1  2026-01-31T10:00:00Z Claimed"`, `"evt_1 t 2026-01-31T10:00:00Z Claimed me"`,
		`"evt_1 t 2026-01-31T10:00:00Z Claimed me now"`, `"evt_1 t 2026-01-31T10:00:00Z Dead a b c"`,
	} {
		t.Run(raw, func(t *testing.T) {
			var e v1alpha1.LedgerEntry
			err := json.Unmarshal([]byte(`[`+raw+`]`), &[]*v1alpha1.LedgerEntry{&e})
			if raw == "null" { // a null leaves a pointer alone
				err = e.UnmarshalJSON([]byte(raw))
			}
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring("not a ledger entry")))
		})
	}
}

// A line that the API server takes, and the reader does not, would leave a receiver without its ledger. So what a
// person may write is read, and is written again as something that the API server takes.
func TestLedgerEntryReadsWhatTheSchemaAdmits(t *testing.T) {
	admitted := regexp.MustCompile(entrySchema(t).Pattern).MatchString
	for line, read := range map[string]bool{
		"evt_1 t 2026-02-31T10:00:00Z Dead":                                         true,
		"evt_1 t 0000-01-01T00:00:00Z Dead":                                         true,
		"evt_1 t 9999-12-31T23:59:59Z Claimed":                                      true,
		"evt_1 t 2026-01-31T10:00:00Z Claimed me 2026-11-31T00:00:00.000000Z":       true,
		"evt_1 % 2026-01-31T10:00:00Z Processed %zz%4 2026-01-31T10:00:00.1234567Z": false,
		"%zz%4 % 2026-01-31T10:00:00Z Processed":                                    true,
		"evt_1 t 2026-99-99T10:00:00Z Dead":                                         false,
		"evt_1 t 2026-01-00T10:00:00Z Dead":                                         false,
		"evt_1 t 2026-01-01T24:00:00Z Dead":                                         false,
		"evt_1 t 2026-01-01T00:00:60Z Dead":                                         false,
		"evt_1 t 2026-01-01T00:00:00+02:00 Dead":                                    false,
		"evt_1 t T:-Z Dead":                                                         false,
		"evt_1 t 2026-01-31T10:00:00Z Claimed me ...":                               false,
		"evt_1 t 2026-01-31T10:00:00Z Claimed me 2026-01-31T10:00:00Z":              false,
	} {
		t.Run(line, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(admitted(line)).To(Equal(read))
			if !read {
				return
			}
			var e, again v1alpha1.LedgerEntry
			g.Expect(e.UnmarshalJSON([]byte(`"` + line + `"`))).To(Succeed())
			raw, err := json.Marshal(e)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(admitted(strings.Trim(string(raw), `"`))).To(BeTrue(), "%s", raw)
			g.Expect(again.UnmarshalJSON(raw)).To(Succeed())
			g.Expect(again).To(Equal(e))
		})
	}
}

func FuzzLedgerEntryLine(f *testing.F) {
	pattern := regexp.MustCompile(entrySchema(f).Pattern)
	f.Add("evt_1 t 2026-02-31T10:00:00Z Claimed me 2026-11-31T00:00:00.000000Z")
	f.Fuzz(func(t *testing.T, line string) {
		if !pattern.MatchString(line) {
			t.Skip()
		}
		quoted, err := json.Marshal(line)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		var e v1alpha1.LedgerEntry
		NewWithT(t).Expect(json.Unmarshal(quoted, &e)).To(Succeed())
	})
}

// entrySchema is what the API server checks an entry by.
func entrySchema(tb testing.TB) apiextensionsv1.JSONSchemaProps {
	tb.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	text, err := os.ReadFile("../../config/crd/bases/billing.kassa.dev_eventledgers.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &crd)
	}
	if err != nil {
		tb.Fatal(err)
	}
	status := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["status"]
	return *status.Properties["entries"].Items.Schema
}

func FuzzLedgerEntry(f *testing.F) {
	schema := entrySchema(f)
	pattern := regexp.MustCompile(schema.Pattern)
	f.Add("evt_1", "invoice.paid", int64(1769853600), "me/1", int64(1))
	f.Add("a b\x00\xff%41", "-", int64(0), "", int64(0))
	f.Fuzz(func(t *testing.T, id, kind string, at int64, by string, micro int64) {
		if id == "" || len(id) > 128 || len(kind) > 100 || len(by) > 63 {
			t.Skip()
		}
		g := NewWithT(t)
		const years = 200 << 30 // below the year 10000
		e := v1alpha1.LedgerEntry{
			ID: id, Type: kind, State: v1alpha1.EntryClaimed,
			ReceivedAt: metav1.Time{Time: time.Unix(max(at, -at, 0)%years, 0).UTC()},
		}
		if by != "" {
			e.ClaimedBy = by
			e.ClaimedAt = &metav1.MicroTime{Time: time.UnixMicro(max(micro, -micro, 0) % (years * 1000)).UTC()}
		}
		raw, err := json.Marshal(e)
		g.Expect(err).NotTo(HaveOccurred())
		line := strings.Trim(string(raw), `"`)
		g.Expect(len(line)).To(BeNumerically("<=", *schema.MaxLength))
		g.Expect(pattern.MatchString(line)).To(BeTrue(), "the API server takes %s", line)
		var back v1alpha1.LedgerEntry
		g.Expect(sigsjson.UnmarshalCaseSensitivePreserveInts(raw, &back)).To(Succeed())
		g.Expect(back).To(Equal(e))
	})
}
