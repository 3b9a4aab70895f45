package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// Workload shapes the Deployment of a server.
// +kubebuilder:validation:XValidation:rule="!has(self.replicas) || !has(self.autoscaling)",message="set replicas or autoscaling, not both",fieldPath=".replicas"
type Workload struct {
	// replicas of the server. Default: 2.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=32
	Replicas *int32 `json:"replicas,omitempty"`
	// autoscaling lets a HorizontalPodAutoscaler set the number of replicas.
	// +optional
	Autoscaling *Autoscaling `json:"autoscaling,omitempty"`
	// resources of the server's container. Default: 50m CPU and 64Mi requested, 256Mi limit.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.claims)",message="claims are of no use to this server; set requests and limits",fieldPath=".claims"
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// nodeSelector of the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// tolerations of the pods.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// podLabels are added to the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	PodLabels map[string]string `json:"podLabels,omitempty"`
	// podAnnotations are added to the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	PodAnnotations map[string]string `json:"podAnnotations,omitempty"`
	// priorityClassName of the pods.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// imagePullSecrets of the pods.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	ImagePullSecrets []LocalReference `json:"imagePullSecrets,omitempty"`
	// networkPolicy says who may connect to the pods. Default: everybody to the server's port, and the cluster's own
	// pods to the port of probes and metrics.
	// +optional
	NetworkPolicy *WorkloadNetworkPolicy `json:"networkPolicy,omitempty"`
}

// Autoscaling bounds a HorizontalPodAutoscaler.
// +kubebuilder:validation:XValidation:rule="!has(self.minReplicas) || self.minReplicas <= self.maxReplicas",message="minReplicas must not be more than maxReplicas",fieldPath=".minReplicas"
type Autoscaling struct {
	// minReplicas is never gone below. Default: 2.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	// maxReplicas is never gone above.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	MaxReplicas int32 `json:"maxReplicas,omitempty"`
	// targetCPUUtilizationPercentage of the requested CPU, which replicas are added above. Default: 70.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	TargetCPUUtilizationPercentage *int32 `json:"targetCPUUtilizationPercentage,omitempty"`
}

// NetworkPolicyMode says whether a NetworkPolicy is made.
// +kubebuilder:validation:Enum=Enabled;Disabled
type NetworkPolicyMode string

const (
	// NetworkPolicyEnabled: Kassa makes a NetworkPolicy for the pods.
	NetworkPolicyEnabled NetworkPolicyMode = "Enabled"
	// NetworkPolicyDisabled: the user's own policies count alone.
	NetworkPolicyDisabled NetworkPolicyMode = "Disabled"
)

// WorkloadNetworkPolicy shapes the NetworkPolicy of the pods. It limits who connects to them; what they connect to (the
// API server, DNS, sinks) is not limited.
// +kubebuilder:validation:XValidation:rule="!has(self.mode) || self.mode == 'Enabled' || !has(self.from)",message="from needs mode: Enabled",fieldPath=".from"
type WorkloadNetworkPolicy struct {
	// mode says whether a NetworkPolicy is made. Default: Enabled.
	// +optional
	Mode NetworkPolicyMode `json:"mode,omitempty"`
	// from are the pods and addresses that may connect to the server's port, such as an ingress controller's. Default:
	// everybody.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	From []networkingv1.NetworkPolicyPeer `json:"from,omitempty"`
}

// Exposure makes a server reachable from outside the cluster, at the host and path of the spec's url.
// +kubebuilder:validation:XValidation:rule="[has(self.ingress), has(self.httpRoute)].exists_one(x, x)",message="set exactly one of ingress and httpRoute"
type Exposure struct {
	// ingress makes an Ingress.
	// +optional
	Ingress *IngressExposure `json:"ingress,omitempty"`
	// httpRoute makes an HTTPRoute of the Gateway API.
	// +optional
	HTTPRoute *HTTPRouteExposure `json:"httpRoute,omitempty"`
}

// IngressExposure shapes an Ingress.
type IngressExposure struct {
	// className of the Ingress. Default: the cluster's default class.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ClassName string `json:"className,omitempty"`
	// annotations of the Ingress.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Annotations map[string]string `json:"annotations,omitempty"`
	// tlsSecretName is the Secret with the certificate of the url's host. Default: no TLS at the Ingress.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	TLSSecretName string `json:"tlsSecretName,omitempty"`
}

// HTTPRouteExposure shapes an HTTPRoute.
type HTTPRouteExposure struct {
	// parentRefs are the Gateways that the route joins.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	ParentRefs []GatewayReference `json:"parentRefs,omitempty"`
	// annotations of the HTTPRoute.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Annotations map[string]string `json:"annotations,omitempty"`
}

// GatewayReference names a Gateway of the Gateway API.
type GatewayReference struct {
	// name of the Gateway.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// namespace of the Gateway. Default: the object's own.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// sectionName is one listener of the Gateway. Default: every listener that admits the route.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SectionName string `json:"sectionName,omitempty"`
}

// ServerTLS lets a server speak TLS itself, for a passthrough or a LoadBalancer without TLS.
type ServerTLS struct {
	// secretName is a Secret of type kubernetes.io/tls. A renewed certificate is used without a restart.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
}

// HTTPSPolicy says what becomes of requests that came over plain HTTP to a server whose url is https.
// +kubebuilder:validation:Enum=RefusePlain;RequireProof;Off
type HTTPSPolicy string

const (
	// HTTPSRefusePlain: a request is refused if X-Forwarded-Proto or Forwarded says that it came over http.
	HTTPSRefusePlain HTTPSPolicy = "RefusePlain"
	// HTTPSRequireProof: a request is refused unless it came over TLS, or one of the two headers says so.
	HTTPSRequireProof HTTPSPolicy = "RequireProof"
	// HTTPSOff: nothing is looked at.
	HTTPSOff HTTPSPolicy = "Off"
)
