package adopt

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Bounds of the API.
const (
	maxDisplayName = 200
	maxDescription = 2048
	maxFeatures    = 15
	maxFeature     = 80
	maxUnitLabel   = 12
	maxImages      = 8
	maxImage       = 2048
	maxTaxCode     = 64
	maxMetadata    = 40
	maxKey         = 40
	maxValue       = 500
)

var taxCodes = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$`)

// describe writes what a product says of itself. Nobody pays another amount for what is left out, or cut, of it; notes
// name that.
func describe(p *billing.Product, adapter provider.Adapter) (spec v1alpha1.PlanSpec, notes []string) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	s := p.Spec
	spec.DisplayName = cut(cmp.Or(s.Name, p.ID), maxDisplayName)
	if spec.DisplayName != s.Name {
		note("displayName: a Plan's has 1 to %d characters", maxDisplayName)
	}
	if spec.Description = cut(s.Description, maxDescription); spec.Description != s.Description {
		note("description: cut to %d characters", maxDescription)
	}
	spec.Features = s.Features
	if len(s.Features) > maxFeatures || slices.ContainsFunc(s.Features, func(f string) bool {
		return f == "" || utf8.RuneCountInString(f) > maxFeature
	}) {
		spec.Features = nil
		note("features: left out, because a Plan has at most %d of 1 to %d characters", maxFeatures, maxFeature)
	}
	if spec.UnitLabel = s.UnitLabel; utf8.RuneCountInString(s.UnitLabel) > maxUnitLabel {
		spec.UnitLabel = ""
		note("unitLabel: left out, because it has more than %d characters", maxUnitLabel)
	}
	spec.TaxCode = s.TaxCode
	if s.TaxCode != "" && !taxCode(s.TaxCode, adapter) {
		spec.TaxCode = ""
		note("taxCode: left out, because Kassa does not know %q", s.TaxCode)
	}
	for _, image := range s.ImageURLs {
		u, err := url.Parse(image)
		if err != nil || u.Scheme != "https" || u.Host == "" || len(image) > maxImage || len(spec.ImageURLs) == maxImages {
			note("imageURLs: a picture is left out, because a Plan has at most %d, at https:// addresses", maxImages)
			continue
		}
		spec.ImageURLs = append(spec.ImageURLs, image)
	}
	var left []string
	if spec.Metadata, left = metadata(s.Metadata); len(left) > 0 {
		note("metadata: left out: %s", strings.Join(left, ", "))
	}
	return spec, notes
}

func taxCode(code string, adapter provider.Adapter) bool {
	if !slices.Contains(adapter.Capabilities(), provider.CapabilityTaxCodes) || len(code) > maxTaxCode {
		return false
	}
	own, err := adapter.TaxCode(code)
	return err == nil && own == code && taxCodes.MatchString(code)
}

// metadata is what a Plan can have of it, and the keys that it cannot.
func metadata(have map[string]string) (kept map[string]v1alpha1.MetadataValue, left []string) {
	for _, k := range slices.Sorted(maps.Keys(have)) {
		n, v := utf8.RuneCountInString(k), have[k]
		if n < 1 || n > maxKey || strings.HasPrefix(k, "kassa") || strings.ContainsAny(k, "[]") || v == "" ||
			utf8.RuneCountInString(v) > maxValue || len(kept) == maxMetadata {
			left = append(left, fmt.Sprintf("%q", k))
			continue
		}
		if kept == nil {
			kept = map[string]v1alpha1.MetadataValue{}
		}
		kept[k] = v1alpha1.MetadataValue(v)
	}
	return kept, left
}

// cut leaves a text with a number of characters at most.
func cut(text string, length int) string {
	if utf8.RuneCountInString(text) <= length {
		return text
	}
	return string([]rune(text)[:length])
}
