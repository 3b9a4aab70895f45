package adopt

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/kassa-dev/kassa/internal/billing"
)

// maxName is the length of a DNS label, which is also that of a price's name.
const maxName = 63

// slug makes a DNS label of a text, or nothing where no letter and no digit of it can be one. Accents are dropped.
func slug(text string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(text) {
		switch r = unicode.ToLower(r); {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == 'ß':
			b.WriteString("ss")
		case unicode.Is(unicode.Mn, r) || r == '\'' || r == '’':
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() > maxName {
			break
		}
	}
	return trim(b.String(), maxName)
}

// trim cuts a label to a length, and leaves no dash at its end.
func trim(label string, length int) string {
	return strings.TrimRight(label[:min(len(label), length)], "-")
}

// names gives labels that differ from each other. What is asked for first gets the plain label.
type names map[string]bool

// give is the first of the labels that is free, or the first one with a few digits that id decides.
func (n names) give(id string, labels ...string) string {
	for _, label := range labels {
		if label != "" && !n[label] {
			n[label] = true
			return label
		}
	}
	base := ""
	for _, label := range labels {
		base = cmp.Or(base, label)
	}
	sum := sha256.Sum256([]byte(id))
	digits := hex.EncodeToString(sum[:])
	for length := 6; ; length += 2 {
		name := trim(base, maxName-length-1) + "-" + digits[:length]
		if !n[name] {
			n[name] = true
			return name
		}
	}
}

// reserve takes the names of the Plans that are there: whoever applies what is written would replace one of them by
// another product. A Plan that has adopted a product of this account keeps its name for it.
func (w *writer) reserve(products []billing.Product) {
	w.adopted = map[string]string{}
	for i := range products {
		if o := products[i].Owner; o.Identifies() && (w.Namespace == "" || w.Namespace == o.Namespace) {
			w.taken[o.Name] = true
		}
	}
	for i := range w.Existing {
		plan := &w.Existing[i]
		w.taken[plan.Name] = true
		for _, at := range plan.Spec.Providers {
			here := at.Namespace == "" || at.Namespace == plan.Namespace
			if at.Name == w.Provider.Name && at.Adopt != nil && here {
				w.adopted[at.Adopt.ProductID] = plan.Name
			}
		}
	}
}

// labelsOf are names for a price, the best first.
func labelsOf(p *billing.Price) []string {
	base := ""
	if !strings.HasPrefix(p.LookupKey, "kassa:") {
		base = slug(p.LookupKey)
	}
	base = cmp.Or(base, slug(p.Spec.DisplayName), slug(p.Title), period(p.Spec.Terms.Recurring))
	currency := strings.ToLower(string(p.Spec.Terms.Money.Currency))
	return []string{base, trim(base, maxName-4) + "-" + currency}
}

// period is a name for what is paid at an interval.
func period(r billing.Recurring) string {
	if r.Count > 1 {
		return fmt.Sprintf("every-%d-%ss", r.Count, strings.ToLower(string(r.Interval)))
	}
	switch r.Interval {
	case billing.Day:
		return "daily"
	case billing.Week:
		return "weekly"
	case billing.Month:
		return "monthly"
	case billing.Year:
		return "yearly"
	default:
		return "once"
	}
}
