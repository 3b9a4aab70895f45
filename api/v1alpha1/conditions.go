package v1alpha1

// Condition types. Ready is on every kind. Reconciling and Stalled are present only while true, as
// kstatus expects: Reconciling means that Kassa is still working towards the spec, Stalled that it
// cannot go on until somebody changes something.
const (
	ConditionReady       = "Ready"
	ConditionReconciling = "Reconciling"
	ConditionStalled     = "Stalled"

	// ConditionEndpointRegistered says whether the provider knows the receiver's URL and the signing
	// secret is in its Secret.
	ConditionEndpointRegistered = "EndpointRegistered"
	// ConditionWorkloadAvailable mirrors the Deployment: enough replicas are ready to take events.
	ConditionWorkloadAvailable = "WorkloadAvailable"
	// ConditionExposed says whether the Ingress or HTTPRoute of spec.expose is there and was taken up.
	ConditionExposed = "Exposed"
	// ConditionPlansResolved says whether everything can be bought that a CheckoutEndpoint is to sell. While it is False,
	// what can be bought is sold all the same.
	ConditionPlansResolved = "PlansResolved"
	// ConditionDeliveryHealthy is False while events wait for a sink or were given up.
	ConditionDeliveryHealthy = "DeliveryHealthy"
)

// Reasons that several kinds share.
const (
	// ReasonSucceeded: the object is as its spec says.
	ReasonSucceeded = "Succeeded"
	// ReasonProgressing: work is under way and goes on by itself.
	ReasonProgressing = "Progressing"
	// ReasonSuspended: spec.suspend is true; nothing is read or written at the provider.
	ReasonSuspended = "Suspended"
	// ReasonReferenceNotFound: an object that the spec names does not exist (yet).
	ReasonReferenceNotFound = "ReferenceNotFound"
	// ReasonReferenceNotPermitted: the object that the spec names does not admit this namespace.
	ReasonReferenceNotPermitted = "ReferenceNotPermitted"
	// ReasonProviderNotReady: the PaymentProvider exists but may not be written to now.
	ReasonProviderNotReady = "ProviderNotReady"
	// ReasonProviderError: the provider refused an operation; the message has its code and request id.
	ReasonProviderError = "ProviderError"
	// ReasonUnreachable: the provider could not be reached or answered with a server error.
	ReasonUnreachable = "Unreachable"
	// ReasonRateLimited: the provider asked for fewer requests.
	ReasonRateLimited = "RateLimited"
	// ReasonUnsupported: the provider, or this build of Kassa, cannot do what the spec asks.
	ReasonUnsupported = "Unsupported"
	// ReasonDeleting: the object is being deleted and its traces at the provider are being removed.
	ReasonDeleting = "Deleting"
)

// Reasons of a PaymentProvider.
const (
	// ReasonCredentialsValid: key, mode and account were checked.
	ReasonCredentialsValid = "CredentialsValid"
	// ReasonCredentialsInvalid: the provider refused the key.
	ReasonCredentialsInvalid = "CredentialsInvalid"
	// ReasonSecretNotFound: the Secret does not exist.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonSecretKeyMissing: the Secret exists but lacks the key, or the key's value is empty.
	ReasonSecretKeyMissing = "SecretKeyMissing"
	// ReasonModeMismatch: the key, or the provider's own answer, is not of spec.mode.
	ReasonModeMismatch = "ModeMismatch"
	// ReasonAccountMismatch: the key belongs to another account than the spec declares.
	ReasonAccountMismatch = "AccountMismatch"
	// ReasonInUse: the object is being deleted but others still refer to it.
	ReasonInUse = "InUse"
)

// Reasons of a Plan.
const (
	// ReasonInSync: the provider's catalogue equals the spec.
	ReasonInSync = "InSync"
	// ReasonDrifted: the provider's catalogue differs from the spec, and Kassa leaves it so: spec.management says so,
	// or the provider lets no API change it.
	ReasonDrifted = "Drifted"
	// ReasonPendingChanges: spec.management is Preview, and status.providers[].pending says what Enforce would do.
	ReasonPendingChanges = "PendingChanges"
	// ReasonBudgetExhausted: more prices would be replaced within an hour than the PaymentProvider's guardrails admit.
	ReasonBudgetExhausted = "BudgetExhausted"
	// ReasonMissing: an object that is to be adopted, or only observed, does not exist at the provider.
	ReasonMissing = "Missing"
	// ReasonPublishConflict: the ConfigMap of spec.publishTo exists and is not the Plan's.
	ReasonPublishConflict = "PublishConflict"
	// ReasonOwnedByAnother: the object at the provider carries another owner's marks.
	ReasonOwnedByAnother = "OwnedByAnother"
	// ReasonAwaitingConsistency: a create ended without an answer; Kassa waits until the provider's
	// lists are sure to show its outcome before it tries again.
	ReasonAwaitingConsistency = "AwaitingConsistency"
)

// Reasons of a WebhookReceiver.
const (
	// ReasonRegistered: the provider sends events to the receiver's URL.
	ReasonRegistered = "Registered"
	// ReasonManual: registration is the user's; Kassa only reads the signing secret.
	ReasonManual = "Manual"
	// ReasonSigningSecretMissing: the Secret of a manual registration or an adoption has no signing secret, or the
	// provider told none.
	ReasonSigningSecretMissing = "SigningSecretMissing"
	// ReasonWorkloadUnavailable: too few replicas are ready.
	ReasonWorkloadUnavailable = "WorkloadUnavailable"
	// ReasonCertificateMissing: the Secret of spec.tls has no certificate with its key.
	ReasonCertificateMissing = "CertificateMissing"
	// ReasonAddressPending: the Ingress is there; its controller has told no address, which some never do.
	ReasonAddressPending = "AddressPending"
	// ReasonGatewayAPIMissing: the cluster has no HTTPRoutes, because the Gateway API is not installed.
	ReasonGatewayAPIMissing = "GatewayAPIMissing"
	// ReasonExposureRefused: the Ingress or HTTPRoute was refused by the API server or an admission webhook. What a
	// Gateway refuses has the Gateway's own reason.
	ReasonExposureRefused = "ExposureRefused"
	// ReasonURLInUse: an older object is exposed at the same host and path.
	ReasonURLInUse = "URLInUse"
	// ReasonDelivering: every event so far was taken by every sink.
	ReasonDelivering = "Delivering"
	// ReasonBacklog: events wait in the inbox for a sink.
	ReasonBacklog = "Backlog"
	// ReasonSecretMissing: a Secret that the server needs for its database or a sink, or the key in it, is not there or is
	// of no use.
	ReasonSecretMissing = "SecretMissing"
	// ReasonDeadLetters: events were given up; they stay as WebhookEvents until replayed or deleted.
	ReasonDeadLetters = "DeadLetters"
)

// Reasons of a CheckoutEndpoint.
const (
	// ReasonPlansResolved: everything can be bought that the spec names.
	ReasonPlansResolved = "PlansResolved"
	// ReasonPlanNotReady: a Plan, or one of its prices, cannot be bought at the endpoint's providers now.
	ReasonPlanNotReady = "PlanNotReady"
	// ReasonPriceNotFound: the spec names a price that its Plan does not have.
	ReasonPriceNotFound = "PriceNotFound"
	// ReasonProvidersUndecided: the spec names no providers, and its Plans do not have exactly one in common.
	ReasonProvidersUndecided = "ProvidersUndecided"
	// ReasonInsecureHTTP: allowInsecureHTTP is set, and a PaymentProvider takes real money.
	ReasonInsecureHTTP = "InsecureHTTP"
	// ReasonInvalidURL: a URL of the spec is none that the servers take. They answer nothing until it is put right.
	ReasonInvalidURL = "InvalidURL"
	// ReasonStorefrontRefused: the API server does not take the Secret with what is sold.
	ReasonStorefrontRefused = "StorefrontRefused"
)

// AnnotationReconcileAt asks for a reconcile now; any new value will do.
const AnnotationReconcileAt = "kassa.dev/reconcile-at"

// AnnotationRotateSecret on a WebhookReceiver replaces the signing secret of a managed endpoint; any new value will do.
const AnnotationRotateSecret = "kassa.dev/rotate-secret"

// AnnotationRecover on a WebhookReceiver looks for missed events of a time: two times in RFC 3339 with a slash between
// them, such as 2026-11-01T00:00:00Z/2026-11-02T00:00:00Z.
const AnnotationRecover = "kassa.dev/recover"

// AnnotationReplay on a WebhookEvent delivers it again; any new value will do.
const AnnotationReplay = "kassa.dev/replay"

// LabelReceiver is on every EventLedger and WebhookEvent, and on the objects that Kassa deploys for a
// receiver. Its value is the WebhookReceiver's name.
const LabelReceiver = "billing.kassa.dev/receiver"

// LabelCheckoutEndpoint is on the objects that Kassa deploys for a CheckoutEndpoint. Its value is the endpoint's name.
const LabelCheckoutEndpoint = "billing.kassa.dev/checkout-endpoint"

// LabelServerNamespace is on the Roles and RoleBindings in a PaymentProvider's namespace that let a server of another
// namespace read the Secrets there. Its value is the server's namespace.
const LabelServerNamespace = "billing.kassa.dev/server-namespace"

// LabelPublished is on the ConfigMaps that Kassa writes, those of spec.publishTo of a Plan. Its value is "true".
const LabelPublished = "billing.kassa.dev/published"

// Finalizer keeps a Kassa object until its traces at the provider are dealt with.
const Finalizer = "billing.kassa.dev/finalizer"
