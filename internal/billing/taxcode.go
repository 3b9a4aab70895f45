package billing

// TaxCodes are the neutral tax codes that a Plan may use at every provider that has tax codes. Adapters translate
// them. The values equal those that the documentation of Plan's taxCode names.
const (
	TaxCodeStandard             = "standard"
	TaxCodeSaaS                 = "saas"
	TaxCodeDigitalGoods         = "digital-goods"
	TaxCodeEbook                = "ebook"
	TaxCodeSoftware             = "software" // downloaded, not hosted
	TaxCodeWebsiteHosting       = "website-hosting"
	TaxCodeTraining             = "training"
	TaxCodeProfessionalServices = "professional-services"
)

// TaxCodes lists the neutral tax codes, sorted.
func TaxCodes() []string {
	return []string{
		TaxCodeDigitalGoods, TaxCodeEbook, TaxCodeProfessionalServices, TaxCodeSaaS, TaxCodeSoftware, TaxCodeStandard,
		TaxCodeTraining, TaxCodeWebsiteHosting,
	}
}
