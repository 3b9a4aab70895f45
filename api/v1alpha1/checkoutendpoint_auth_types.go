package v1alpha1

// CheckoutAuth says who may call a checkout server.
// +kubebuilder:validation:XValidation:rule="[has(self.jwt), has(self.bearerToken), has(self.anonymous)].exists_one(x, x)",message="set exactly one of jwt, bearerToken and anonymous"
type CheckoutAuth struct {
	// jwt admits users with a token of an OpenID Connect provider.
	// +optional
	JWT *JWTAuth `json:"jwt,omitempty"`
	// bearerToken admits an application's own server, which says in each request for which user it asks.
	// +optional
	BearerToken *BearerTokenAuth `json:"bearerToken,omitempty"`
	// anonymous admits everybody. There is no user, so subscriptions cannot be managed.
	// +optional
	Anonymous *AnonymousAuth `json:"anonymous,omitempty"`
}

// JWTAuth verifies tokens with the keys that an issuer publishes.
type JWTAuth struct {
	// issuer is the OpenID Connect issuer, whose keys are found by its discovery document; https unless allowInsecureHTTP
	// is true.
	// +required
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://([A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*[.]?|[[][0-9A-Fa-f:.]+[]])(:(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]([][!#$&-;=?-Z_a-z~]|%[0-9A-Fa-f]{2})*)?$')",message="issuer is an absolute URL such as https://id.example.com: no user, a host in ASCII (xn--... for other letters), a port up to 65535, and percent-encoded what is no URL's character"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https?://([^/?#]*[.])?([0-9]+|0[xX][0-9A-Fa-f]*)[.]?(:[0-9]+)?([/?#].*)?$') || self.matches('^https?://((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(:[0-9]+)?([/?#].*)?$')",message="issuer has a host name, or an IPv4 address in the usual writing, such as 192.0.2.1"
	Issuer string `json:"issuer,omitempty"`
	// jwksURL is where the issuer's keys are; https unless allowInsecureHTTP is true. Default: what the issuer's discovery
	// document says.
	// +optional
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://([A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*[.]?|[[][0-9A-Fa-f:.]+[]])(:(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]([][!#$&-;=?-Z_a-z~]|%[0-9A-Fa-f]{2})*)?$')",message="jwksURL is an absolute URL such as https://id.example.com/keys: no user, a host in ASCII (xn--... for other letters), a port up to 65535, and percent-encoded what is no URL's character"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https?://([^/?#]*[.])?([0-9]+|0[xX][0-9A-Fa-f]*)[.]?(:[0-9]+)?([/?#].*)?$') || self.matches('^https?://((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(:[0-9]+)?([/?#].*)?$')",message="jwksURL has a host name, or an IPv4 address in the usual writing, such as 192.0.2.1"
	JWKSURL string `json:"jwksURL,omitempty"`
	// audiences of which a token must have one.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Audiences []string `json:"audiences,omitempty"`
	// userIDClaim is the claim with the user's id. Default: sub.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	UserIDClaim string `json:"userIDClaim,omitempty"`
	// emailClaim is the claim with the user's email, which counts only with email_verified: true. Paddle and LemonSqueezy
	// find a user's subscriptions by it. Default: email.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	EmailClaim string `json:"emailClaim,omitempty"`
}

// BearerTokenAuth compares a token. The user's id and email come in the headers Kassa-User-Id and Kassa-User-Email.
type BearerTokenAuth struct {
	// secretRef names the Secret with the token. Without a key, every key of the Secret is a live token, which allows a
	// rotation with overlap.
	// +required
	SecretRef SigningSecretReference `json:"secretRef,omitzero"`
}

// AnonymousAuth has no settings.
type AnonymousAuth struct{}
