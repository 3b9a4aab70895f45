package workload

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	rbacac "k8s.io/client-go/applyconfigurations/rbac/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/store"
)

// Receiver is the server of one WebhookReceiver.
type Receiver struct {
	Object        *v1alpha1.WebhookReceiver
	Image         string
	PullSecrets   []string
	SigningSecret string
	Cluster       string          // UID of the kube-system namespace
	Env           []corev1.EnvVar // added to the server's container
}

// Name of the server's objects.
func (r Receiver) Name() string { return r.Server().Name() }

// Objects are what is to be applied, in order, without what exposes the server.
func (r Receiver) Objects() []runtime.ApplyConfiguration { return r.Server().Objects() }

// Server describes the receiver's. Its arguments have nothing of the spec but whether it speaks TLS
// and where it keeps events: the server follows
// its own WebhookReceiver, and a change there that it can follow must not roll the Deployment.
func (r Receiver) Server() Server {
	spec := &r.Object.Spec
	s := Server{
		Owner: Owner{
			Kind: "WebhookReceiver", Namespace: r.Object.Namespace, Name: r.Object.Name, UID: r.Object.UID,
		},
		Command: "receiver",
		Args:    []string{"--namespace=" + r.Object.Namespace, "--name=" + r.Object.Name, "--cluster-id=" + r.Cluster},
		Image:   r.Image, PullSecrets: r.PullSecrets,
		Labels: map[string]string{v1alpha1.LabelReceiver: r.Object.Name},
		Env:    r.Env,
		Rules:  r.rules(),
		TLS:    spec.TLS != nil,
		URL:    spec.URL,
		Expose: spec.Expose,
		Asked:  true,
	}
	if spec.Store != nil {
		s.Args = append(s.Args, FlagStore)
	}
	if spec.Workload != nil {
		s.Workload = *spec.Workload
	}
	return s
}

// FlagStore is the argument of a receiver that keeps its events in a database.
const FlagStore = "--store=postgres"

// rules are what the server may do, and no more: read its own receiver and Secrets by name, read the Plans of its
// namespace, and keep the ledger and the inbox there. Segments and inbox objects get their names as they are made, so
// those rights cannot be bound to names.
func (r Receiver) rules() []*rbacac.PolicyRuleApplyConfiguration {
	kassa := func(resource string, verbs ...string) *rbacac.PolicyRuleApplyConfiguration {
		return rbacac.PolicyRule().WithAPIGroups(v1alpha1.GroupVersion.Group).WithResources(resource).WithVerbs(verbs...)
	}
	return []*rbacac.PolicyRuleApplyConfiguration{
		kassa("webhookreceivers", "get", "list", "watch").WithResourceNames(r.Object.Name),
		kassa("webhookreceivers/status", "patch").WithResourceNames(r.Object.Name),
		rbacac.PolicyRule().WithAPIGroups("").WithResources("secrets").WithVerbs("get", "list", "watch").
			WithResourceNames(r.secrets()...),
		kassa("eventledgers", "get", "list", "watch", "create", "update", "delete"),
		kassa("webhookevents", "get", "list", "watch", "create", "delete"),
		kassa("webhookevents/status", "patch"),
		kassa("plans", "list", "watch"),
	}
}

// secrets are the names of the Secrets that the server reads.
func (r Receiver) secrets() []string {
	names := []string{r.SigningSecret}
	if t := r.Object.Spec.TLS; t != nil {
		names = append(names, t.SecretName)
	}
	for _, part := range store.Parts(r.Object) {
		names = append(names, part.Name)
	}
	if d := r.Object.Spec.Delivery; d != nil {
		for i := range d.Sinks {
			for _, ref := range []*v1alpha1.SecretKeyReference{
				d.Sinks[i].HTTP.TokenSecretRef, d.Sinks[i].HTTP.SigningSecretRef,
			} {
				if ref != nil {
					names = append(names, ref.Name)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
