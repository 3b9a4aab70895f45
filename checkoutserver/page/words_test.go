package page

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

func TestEveryLanguageHasAllWords(t *testing.T) {
	g := NewWithT(t)
	d := json.NewDecoder(bytes.NewReader(wordsJSON))
	d.DisallowUnknownFields()
	var all map[string]words
	g.Expect(d.Decode(&all)).To(Succeed())
	g.Expect(all).To(HaveLen(9))
	for name, w := range all {
		complete(g, name, reflect.ValueOf(w))
		for text, slot := range map[string]string{
			w.Choose: "{plan}", w.PerUnit: "{unit}", w.From: "{amount}", w.AndMore: "{n}", w.Flat: "{amount}",
		} {
			g.Expect(text).To(ContainSubstring(slot), name)
		}
		for _, interval := range []billing.Interval{billing.Day, billing.Week, billing.Month, billing.Year} {
			g.Expect(w.Per[interval]).NotTo(BeEmpty(), name)
			g.Expect(w.Each[interval]).NotTo(BeEmpty(), name)
			g.Expect(w.Every[interval]["other"]).To(ContainSubstring("{n}"), name)
		}
		g.Expect(w.TrialDays["other"]).To(ContainSubstring("{n}"), name)
	}
	for _, l := range locales {
		g.Expect(all).To(HaveKey(l.words))
	}
}

func complete(g *WithT, path string, v reflect.Value) {
	for i := range v.NumField() {
		field, name := v.Field(i), path+"."+v.Type().Field(i).Name
		switch field.Kind() {
		case reflect.Struct:
			complete(g, name, field)
		case reflect.Map:
			g.Expect(field.Len()).To(BeNumerically(">", 0), name)
		default:
			g.Expect(field.String()).NotTo(BeEmpty(), name)
		}
	}
}

func TestPlurals(t *testing.T) {
	g := NewWithT(t)
	days := func(tag string, n int) string {
		l := localeFor(t, tag)
		return l.text().TrialDays.with(l.tag, n)
	}
	g.Expect(days("en", 1)).To(Equal("1 day free"))
	g.Expect(days("en", 14)).To(Equal("14 days free"))
	g.Expect(days("pl", 1)).To(Equal("1 dzień za darmo"))
	g.Expect(days("ja", 1)).To(Equal("1日間無料"))
	pl := localeFor(t, "pl")
	g.Expect(pl.period(billing.Month, 3)).To(Equal("co 3 miesiące"))
	g.Expect(pl.period(billing.Month, 6)).To(Equal("co 6 miesięcy"))
	g.Expect(localeFor(t, "en").periodName(billing.Month, 3)).To(Equal("Every 3 months"))
	g.Expect(localeFor(t, "en").periodName(billing.Year, 1)).To(Equal("Yearly"))
}

func TestALanguageAloneMeansItsFirstLocale(t *testing.T) {
	g := NewWithT(t)
	seen := map[string]bool{}
	for _, l := range locales {
		if !seen[l.words] {
			g.Expect(localeFor(t, l.words).tag).To(Equal(l.tag))
		}
		seen[l.words] = true
	}
	g.Expect(localeFor(t, "pt-PT").place).To(Equal(after))
	g.Expect(localeFor(t, "en-AU").words).To(Equal("en"))
	g.Expect(slices.ContainsFunc(locales, func(l locale) bool { return l.tag.String() == "de-CH" })).To(BeTrue())
}
