package telemetry

import (
	"slices"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// otherReason stands for the reasons of others, which Kassa passes on: a Gateway may have any.
const otherReason = "Other"

func knownReason(reason string) string {
	if slices.Contains(reasons, reason) {
		return reason
	}
	return otherReason
}

// reasons are all of Kassa's own.
var reasons = []string{
	v1alpha1.ReasonSucceeded,
	v1alpha1.ReasonProgressing,
	v1alpha1.ReasonSuspended,
	v1alpha1.ReasonReferenceNotFound,
	v1alpha1.ReasonReferenceNotPermitted,
	v1alpha1.ReasonProviderNotReady,
	v1alpha1.ReasonProviderError,
	v1alpha1.ReasonUnreachable,
	v1alpha1.ReasonRateLimited,
	v1alpha1.ReasonUnsupported,
	v1alpha1.ReasonDeleting,
	v1alpha1.ReasonCredentialsValid,
	v1alpha1.ReasonCredentialsInvalid,
	v1alpha1.ReasonSecretNotFound,
	v1alpha1.ReasonSecretKeyMissing,
	v1alpha1.ReasonModeMismatch,
	v1alpha1.ReasonAccountMismatch,
	v1alpha1.ReasonInUse,
	v1alpha1.ReasonInSync,
	v1alpha1.ReasonDrifted,
	v1alpha1.ReasonPendingChanges,
	v1alpha1.ReasonBudgetExhausted,
	v1alpha1.ReasonMissing,
	v1alpha1.ReasonPublishConflict,
	v1alpha1.ReasonOwnedByAnother,
	v1alpha1.ReasonAwaitingConsistency,
	v1alpha1.ReasonRegistered,
	v1alpha1.ReasonManual,
	v1alpha1.ReasonSigningSecretMissing,
	v1alpha1.ReasonWorkloadUnavailable,
	v1alpha1.ReasonCertificateMissing,
	v1alpha1.ReasonAddressPending,
	v1alpha1.ReasonGatewayAPIMissing,
	v1alpha1.ReasonExposureRefused,
	v1alpha1.ReasonURLInUse,
	v1alpha1.ReasonDelivering,
	v1alpha1.ReasonBacklog,
	v1alpha1.ReasonSecretMissing,
	v1alpha1.ReasonDeadLetters,
	v1alpha1.ReasonPlansResolved,
	v1alpha1.ReasonPlanNotReady,
	v1alpha1.ReasonPriceNotFound,
	v1alpha1.ReasonProvidersUndecided,
	v1alpha1.ReasonInsecureHTTP,
	v1alpha1.ReasonInvalidURL,
	v1alpha1.ReasonStorefrontRefused,
}
