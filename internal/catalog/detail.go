package catalog

import (
	"fmt"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Detail says what exactly the operation writes, for people.
func (o Operation) Detail() string {
	switch o.Kind {
	case CreateProduct:
		return fmt.Sprintf("%q", o.product.Name)
	case UpdateProduct:
		return o.ID + ": " + changes(o.productChanges())
	case SetDefault:
		return o.currentPr.ID + ": " + changes([]Difference{{Want: o.ID, Got: o.currentPr.DefaultPriceID}})
	case ClearDefault:
		return o.currentPr.ID + ": " + changes([]Difference{{Want: "", Got: o.currentPr.DefaultPriceID}})
	case ArchiveProduct:
		return o.ID
	case CreatePrice:
		text := o.price.Terms.String()
		if o.replaced != nil {
			text += fmt.Sprintf(", in place of %s (%s)", o.replaced.ID, o.replaced.Spec.Terms)
		}
		if o.lookupKey != "" {
			text += ", lookup key " + o.lookupKey
		}
		return text
	case UpdatePrice:
		return o.ID + ": " + changes(o.priceChanges())
	case ArchivePrice:
		return fmt.Sprintf("%s (%s)", o.ID, o.current.Spec.Terms)
	default:
		return o.ID
	}
}

func (o Operation) productChanges() []Difference {
	after := patchedProduct(o.productPatch())
	c := &comparison{}
	c.note("active", stateOf(after.Active), stateOf(o.currentPr.Active))
	c.productSpec(after.Spec, o.currentPr.Spec)
	if o.remark {
		c.note("owner", ownerText(o.owner), ownerText(o.currentPr.Owner))
	}
	return c.list
}

func (o Operation) priceChanges() []Difference {
	before, after := *o.current, patchedPrice(o.pricePatch())
	c := &comparison{}
	c.note("active", stateOf(after.Active), stateOf(before.Active))
	c.note("displayName", after.Spec.DisplayName, before.Spec.DisplayName)
	c.note("trial", days(after.Spec.TrialDays), days(before.Spec.TrialDays))
	c.note("lookupKey", after.LookupKey, before.LookupKey)
	if o.remark {
		c.note("owner", ownerText(o.owner), ownerText(before.Owner))
	}
	return c.list
}

func ownerText(o billing.Owner) string {
	if o.IsZero() {
		return ""
	}
	return o.String() + " (" + o.UID + ")"
}

func changes(list []Difference) string {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = fmt.Sprintf("%q → %q", d.Got, d.Want)
		if d.Field != "" {
			texts[i] = d.Field + " " + texts[i]
		}
	}
	return strings.Join(texts, ", ")
}
