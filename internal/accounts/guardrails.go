package accounts

import v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"

// ReplacementBudget is how many prices may be replaced within an hour; negative means no bound.
func ReplacementBudget(pp *v1alpha1.PaymentProvider) int {
	const inLiveMode = 20
	switch limit := pp.Spec.Guardrails.MaxReplacementsPerHour; {
	case limit != nil:
		return int(*limit)
	case pp.Spec.Mode == v1alpha1.ModeLive:
		return inLiveMode
	default:
		return -1
	}
}
