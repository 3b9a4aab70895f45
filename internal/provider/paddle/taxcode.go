package paddle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// taxCategories are Paddle's, which every product has one of.
var taxCategories = []string{
	"digital-goods", "ebooks", "implementation-services", "professional-services", "saas",
	"software-programming-services", "standard", "training-services", "website-hosting",
}

// neutral are the tax codes of billing by Paddle's category. Paddle sells downloaded software as standard.
var neutral = map[string]string{
	"":                                  "standard",
	billing.TaxCodeStandard:             "standard",
	billing.TaxCodeSaaS:                 "saas",
	billing.TaxCodeDigitalGoods:         "digital-goods",
	billing.TaxCodeEbook:                "ebooks",
	billing.TaxCodeSoftware:             "standard",
	billing.TaxCodeWebsiteHosting:       "website-hosting",
	billing.TaxCodeTraining:             "training-services",
	billing.TaxCodeProfessionalServices: "professional-services",
}

// TaxCode is a tax category. Each must be enabled for the account; Paddle refuses one that is not.
func (Adapter) TaxCode(code string) (string, error) {
	if category, ok := neutral[code]; ok {
		return category, nil
	}
	if slices.Contains(taxCategories, code) {
		return code, nil
	}
	return "", fmt.Errorf("%q is no tax category; use a neutral code (%s) or one of %s", code,
		strings.Join(billing.TaxCodes(), ", "), strings.Join(taxCategories, ", "))
}
