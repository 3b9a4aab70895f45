package stripe

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// taxCodes are Stripe's product tax codes, by its public list. Where the list tells business from personal use, which
// matters only for sales in the US, it is the one for business use.
var taxCodes = map[string]string{
	billing.TaxCodeStandard:             "txcd_10000000", // General - Electronically Supplied Services
	billing.TaxCodeSaaS:                 "txcd_10103001", // Software as a Service - Business Use
	billing.TaxCodeDigitalGoods:         "txcd_10000000", // "any electronically supplied good or service"
	billing.TaxCodeEbook:                "txcd_10302000", // Digital Books - downloaded, with permanent rights
	billing.TaxCodeSoftware:             "txcd_10202003", // Downloadable Software - Business Use
	billing.TaxCodeWebsiteHosting:       "txcd_10701100", // Website Hosting
	billing.TaxCodeTraining:             "txcd_20060044", // Training
	billing.TaxCodeProfessionalServices: "txcd_20060000", // Professional Services
}

var ownTaxCode = regexp.MustCompile(`^txcd_\d{8}$`)

// TaxCode translates the neutral codes and passes Stripe's own on. Without a code the account's preset applies, which
// Stripe does not write onto the product.
func (Adapter) TaxCode(code string) (string, error) {
	if own, ok := taxCodes[code]; ok {
		return own, nil
	}
	if code == "" || ownTaxCode.MatchString(code) {
		return code, nil
	}
	return "", fmt.Errorf("%q is no tax code; give one of %s, or a product tax code (txcd_ and eight digits)", code,
		strings.Join(billing.TaxCodes(), ", "))
}
