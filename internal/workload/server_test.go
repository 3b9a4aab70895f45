package workload

import (
	"encoding/json"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/reception"
)

func receiver(edit ...func(*v1alpha1.WebhookReceiverSpec)) Receiver {
	object := &v1alpha1.WebhookReceiver{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "hooks", UID: "uid"},
		Spec:       v1alpha1.WebhookReceiverSpec{URL: "https://hooks.example.com/stripe"},
	}
	for _, e := range edit {
		e(&object.Spec)
	}
	return Receiver{Object: object, Image: "kassa", SigningSecret: "hooks-signing", Cluster: "cluster"}
}

func text(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return string(out)
}

// What others are told the server is called is its name.
func TestServerName(t *testing.T) {
	t.Parallel()
	NewWithT(t).Expect(receiver().Name()).To(Equal(reception.ServerName("hooks")))
}

// What the running server follows by itself does not roll the Deployment; what it cannot follow does.
func TestDeploymentFollowsFromWhatTheServerCannotFollow(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	plain := text(t, receiver().Server().deployment())
	for reason, edit := range map[string]func(*v1alpha1.WebhookReceiverSpec){
		"url":         func(s *v1alpha1.WebhookReceiverSpec) { s.URL = "https://other.example.com/" },
		"events":      func(s *v1alpha1.WebhookReceiverSpec) { s.Events = []string{"payment.*"} },
		"httpsPolicy": func(s *v1alpha1.WebhookReceiverSpec) { s.HTTPSPolicy = v1alpha1.HTTPSOff },
		"signatureTolerance": func(s *v1alpha1.WebhookReceiverSpec) {
			s.SignatureTolerance = &metav1.Duration{Duration: time.Minute}
		},
		"retention": func(s *v1alpha1.WebhookReceiverSpec) {
			s.Ledger = &v1alpha1.LedgerSettings{Retention: &metav1.Duration{Duration: time.Hour}}
		},
		"sinks": func(s *v1alpha1.WebhookReceiverSpec) {
			s.Delivery = &v1alpha1.Delivery{Sinks: []v1alpha1.Sink{{Name: "app"}}}
		},
		"expose": func(s *v1alpha1.WebhookReceiverSpec) {
			s.Expose = &v1alpha1.Exposure{Ingress: &v1alpha1.IngressExposure{}}
		},
		"networkPolicy": func(s *v1alpha1.WebhookReceiverSpec) {
			s.Workload = &v1alpha1.Workload{NetworkPolicy: &v1alpha1.WorkloadNetworkPolicy{
				Mode: v1alpha1.NetworkPolicyDisabled,
			}}
		},
	} {
		g.Expect(text(t, receiver(edit).Server().deployment())).To(Equal(plain), reason)
	}
	tls := func(name string) func(*v1alpha1.WebhookReceiverSpec) {
		return func(s *v1alpha1.WebhookReceiverSpec) { s.TLS = &v1alpha1.ServerTLS{SecretName: name} }
	}
	encrypted := text(t, receiver(tls("a")).Server().deployment())
	g.Expect(encrypted).NotTo(Equal(plain), "plain HTTP and TLS need other processes")
	g.Expect(text(t, receiver(tls("b")).Server().deployment())).To(Equal(encrypted), "the server follows the name")
}

// The fields of spec.workload arrive at the pod.
func TestPod(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	deployment := receiver(func(s *v1alpha1.WebhookReceiverSpec) {
		s.Workload = &v1alpha1.Workload{
			Replicas:          ptr.To[int32](3),
			Resources:         &corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("1Gi")}},
			NodeSelector:      map[string]string{"disk": "ssd"},
			PodLabels:         map[string]string{"team": "pay", "app.kubernetes.io/name": "mine"},
			PodAnnotations:    map[string]string{"a": "b"},
			PriorityClassName: "high",
			ImagePullSecrets:  []v1alpha1.LocalReference{{Name: "pull"}},
			Tolerations: []corev1.Toleration{{
				Key: "k", Operator: corev1.TolerationOpExists, TolerationSeconds: ptr.To[int64](5),
			}},
		}
	}).Server().deployment()
	template := deployment.Spec.Template
	g.Expect(*deployment.Spec.Replicas).To(BeEquivalentTo(3))
	g.Expect(template.Labels).To(HaveKeyWithValue("team", "pay"))
	g.Expect(template.Labels).To(HaveKeyWithValue("app.kubernetes.io/name", "kassa-receiver"), "the selector's label wins")
	g.Expect(template.Annotations).To(HaveKeyWithValue("a", "b"))
	pod := template.Spec
	g.Expect(pod.NodeSelector).To(HaveKeyWithValue("disk", "ssd"))
	g.Expect(*pod.PriorityClassName).To(Equal("high"))
	g.Expect(*pod.ImagePullSecrets[0].Name).To(Equal("pull"))
	g.Expect(*pod.Tolerations[0].TolerationSeconds).To(BeEquivalentTo(5))
	g.Expect(text(t, pod.Containers[0].Env)).To(ContainSubstring(`{"name":"GOMEMLIMIT","value":"966367642"}`))
}

func TestPullSecrets(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	shop := &v1alpha1.CheckoutEndpoint{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	hooks := receiver()
	g.Expect(hooks.Server().pullSecrets()).To(BeEmpty())
	hooks.PullSecrets = []string{"operators"}
	g.Expect(hooks.Server().pullSecrets()).To(Equal(hooks.PullSecrets))
	g.Expect(Checkout{Object: shop, PullSecrets: hooks.PullSecrets}.Server().pullSecrets()).To(Equal(hooks.PullSecrets))
	hooks.Object.Spec.Workload = &v1alpha1.Workload{ImagePullSecrets: []v1alpha1.LocalReference{{Name: "own"}}}
	g.Expect(hooks.Server().pullSecrets()).To(Equal([]string{"own"}))
}

func TestGoMemory(t *testing.T) {
	t.Parallel()
	const mi = 1 << 20
	for limit, want := range map[int64]int64{
		1024 * mi: 1024*mi - 1024*mi/10, // a tenth for what Go does not see
		64 * mi:   48 * mi,              // but 16 MiB at least
		24 * mi:   12 * mi,              // and never more than half
		0:         0,
	} {
		if got := goMemory(limit); got != want {
			t.Errorf("limit %d: got %d, want %d", limit, got, want)
		}
	}
	unlimited := receiver(func(s *v1alpha1.WebhookReceiverSpec) {
		s.Workload = &v1alpha1.Workload{Resources: &corev1.ResourceRequirements{}}
	}).Server().deployment()
	NewWithT(t).Expect(text(t, unlimited)).NotTo(ContainSubstring("GOMEMLIMIT"), "no limit, no GOMEMLIMIT")
}

func TestScale(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason           string
		set              v1alpha1.Autoscaling
		minimum, maximum int32
	}{
		{"defaults", v1alpha1.Autoscaling{MaxReplicas: 8}, 2, 8},
		{"both", v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](3), MaxReplicas: 5}, 3, 5},
		{"the default is no more than the most", v1alpha1.Autoscaling{MaxReplicas: 1}, 1, 1},
	} {
		s := receiver(func(r *v1alpha1.WebhookReceiverSpec) { r.Workload = &v1alpha1.Workload{Autoscaling: &c.set} }).Server()
		if minimum, maximum := s.scale(); minimum != c.minimum || maximum != c.maximum {
			t.Errorf("%s: got %d to %d", c.reason, minimum, maximum)
		}
		NewWithT(t).Expect(s.deployment().Spec.Replicas).To(BeNil(), "the autoscaler's field is not applied")
		target := s.autoscaler().Spec.Metrics[0].Resource.Target
		NewWithT(t).Expect(target.AverageUtilization).To(HaveValue(BeEquivalentTo(70)))
	}
}

// A receiver may read the Secrets that its spec names, and each is named once.
func TestReceiverSecrets(t *testing.T) {
	t.Parallel()
	ref := func(name string) *v1alpha1.SecretKeyReference {
		return &v1alpha1.SecretKeyReference{Name: name, Key: "k"}
	}
	r := receiver(func(s *v1alpha1.WebhookReceiverSpec) {
		s.TLS = &v1alpha1.ServerTLS{SecretName: "tls"}
		s.Delivery = &v1alpha1.Delivery{Sinks: []v1alpha1.Sink{
			{Name: "a", HTTP: v1alpha1.HTTPSink{TokenSecretRef: ref("app"), SigningSecretRef: ref("keys")}},
			{Name: "b", HTTP: v1alpha1.HTTPSink{TokenSecretRef: ref("app")}},
			{Name: "c"},
		}}
		s.Store = &v1alpha1.ReceiverStore{Postgres: &v1alpha1.PostgresStore{
			DSNSecretRef: *ref("db"), CASecretRef: ref("db-ca"),
			ClientCertificateSecretRef: &v1alpha1.LocalReference{Name: "db-client"},
		}}
	})
	NewWithT(t).Expect(r.secrets()).To(
		Equal([]string{"app", "db", "db-ca", "db-client", "hooks-signing", "keys", "tls"}))
}

func TestNetworkPolicy(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	open := receiver().Server()
	g.Expect(open.hasNetworkPolicy()).To(BeTrue())
	g.Expect(text(t, open.networkPolicy().Spec.Ingress)).To(Equal(`[{"ports":[{"protocol":"TCP","port":8080}]},` +
		`{"ports":[{"protocol":"TCP","port":8081}],"from":[{"namespaceSelector":{}}]}]`))
	g.Expect(text(t, open.networkPolicy().Spec)).NotTo(ContainSubstring("egress"))
	closed := receiver(func(s *v1alpha1.WebhookReceiverSpec) {
		s.TLS = &v1alpha1.ServerTLS{SecretName: "tls"}
		s.Workload = &v1alpha1.Workload{NetworkPolicy: &v1alpha1.WorkloadNetworkPolicy{
			From: []networkingv1.NetworkPolicyPeer{
				{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"name": "ingress"}},
					PodSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
						{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"nginx"}},
					}}},
				{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16"}}},
			},
		}}
	}).Server()
	g.Expect(text(t, closed.networkPolicy().Spec.Ingress[0])).To(Equal(`{"ports":[{"protocol":"TCP","port":8443}],` +
		`"from":[` +
		`{"podSelector":{"matchExpressions":[{"key":"app","operator":"In","values":["nginx"]}]},` +
		`"namespaceSelector":{"matchLabels":{"name":"ingress"}}},` +
		`{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.0.0/16"]}}]}`))
}
