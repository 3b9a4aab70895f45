package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

const (
	sandbox = "http://sandbox.shop.svc"
	seller  = "http://shop-checkout.shop.svc"
	// samples is how many objects with a condition Ready config/samples has.
	samples = 7
)

func TestMain(m *testing.M) {
	if os.Getenv("E2E_HELM") == "" {
		fmt.Println("skipped: make e2e runs this on a cluster with nodes")
		return
	}
	os.Exit(m.Run())
}

// TestEndToEnd is one story, because its parts follow from each other.
func TestEndToEnd(t *testing.T) {
	b := newBench(t)
	b.expectNothingThere()
	t.Cleanup(b.leave)
	t.Cleanup(b.tellWhatFailed)
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.story()
	}()
	select {
	case <-done:
	case <-interrupted:
		t.Fatal("interrupted")
	}
}

func (b *bench) story() {
	nodes := b.nodes()
	b.loadImages()
	b.prepare(nodes)
	b.install(b.previousChart())
	b.applySamples()
	b.sells(1)
	l := b.startLoad()
	b.upgrade(l)
	l.expectNothingLost()

	b.refusesAnother()
	b.expectSpread(nodes)
	b.sells(2)
	b.plugin()
	b.tellFigures()
	b.policiesAreThere()

	l = b.startLoad()
	b.rotateSigningSecret(l)
	b.rotateAPIKey(l)
	b.drain(l, nodes)
	l.expectNothingLost()

	b.deleteSome()
	b.uninstall()
	b.followPages()
	b.sayf("verdict: OK")
}

// expectNothingThere looks before anything is made, because all of it is removed in the end.
func (b *bench) expectNothingThere() {
	b.t.Helper()
	for _, name := range []string{system, shop, own} {
		err := b.client.Get(b.t.Context(), types.NamespacedName{Name: name}, &corev1.Namespace{})
		b.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "the cluster has a namespace %s: %v", name, err)
	}
	b.Expect(b.kubectl("get", "crd", "-o", "name")).NotTo(ContainSubstring("billing.kassa.dev"), "the cluster has Kassa")
}

// nodes are the names of those where pods may run; the last is where nothing is drained.
func (b *bench) nodes() []string {
	b.t.Helper()
	list := &corev1.NodeList{}
	b.Expect(b.client.List(b.t.Context(), list)).To(Succeed())
	var names []string
	for _, n := range list.Items {
		// Control planes are tainted where there are other nodes.
		if !n.Spec.Unschedulable && !slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
			return t.Effect != corev1.TaintEffectPreferNoSchedule
		}) {
			names = append(names, n.Name)
		}
	}
	b.Expect(names).NotTo(BeEmpty())
	b.sayf("nodes: %s", strings.Join(names, ", "))
	return names
}

func (b *bench) prepare(nodes []string) {
	b.t.Helper()
	b.kubectl("label", "node", nodes[len(nodes)-1], "kassa.dev/e2e=stays", "--overwrite")
	b.kubectl("create", "namespace", system)
	b.kubectl("label", "namespace", system, "pod-security.kubernetes.io/enforce=restricted")
	proxy, err := os.ReadFile(filepath.Join(b.root, "test", "e2e", "manifests", "proxy.yaml"))
	b.Expect(err).NotTo(HaveOccurred())
	b.apply(string(proxy))
	b.kubectl("-n", own, "rollout", "status", "deployment/proxy", "--timeout=3m")
	b.forward()
}

// applySamples measures the way from nothing to everything.
func (b *bench) applySamples() {
	b.t.Helper()
	began := time.Now()
	b.apply(b.kubectl("kustomize", "--load-restrictor=LoadRestrictionsNone",
		filepath.Join(b.before(), "test", "e2e", "manifests")))
	b.awaitReady()
	b.sayf("figure: %.1f s from kubectl apply to Ready: %d objects of Kassa's, and all pods, admitted as restricted",
		time.Since(began).Seconds(), samples)
}

// expectSpread looks whether one node can go, and replicas are left.
func (b *bench) expectSpread(nodes []string) {
	b.t.Helper()
	if len(nodes) < 2 {
		return
	}
	for _, name := range []string{"stripe-receiver", "paddle-receiver", "shop-checkout"} {
		pods := &corev1.PodList{}
		b.Expect(b.client.List(b.t.Context(), pods, client.InNamespace(shop))).To(Succeed())
		on := map[string]bool{}
		for _, p := range pods.Items {
			if strings.HasPrefix(p.Name, name) {
				on[p.Spec.NodeName] = true
			}
		}
		b.Expect(len(on)).To(BeNumerically(">", 1), "nodes of %s", name)
	}
	b.sayf("replicas are on different nodes")
}

// sells opens a checkout through the CheckoutEndpoint's Service, pays on the sandbox's page, and follows the event.
// times is how often it has been done with this one.
func (b *bench) sells(times int) {
	b.t.Helper()
	header := http.Header{
		"Authorization": {"Bearer sandbox-token"}, "Kassa-User-Id": {"jane"}, "Content-Type": {"application/json"},
	}
	var opened struct{ ID, URL, Provider string }
	a := b.mustPost(seller+"/v1/checkouts", header, `{"plan":"pro","price":"monthly"}`)
	b.Expect(json.Unmarshal(a.body, &opened)).To(Succeed())
	b.Expect(opened.Provider).To(Equal("Stripe"), "the weights of the samples lead jane there")
	card := url.Values{"number": {"4242424242424242"}, "exp": {"12/34"}, "cvc": {"123"}, "email": {"jane@example.com"}}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	b.mustPost(opened.URL, form, card.Encode())
	b.Eventually(func(g Gomega) {
		var got []string
		for _, e := range b.appEvents(g).Events {
			if e.Type == "dev.kassa.payment.succeeded" && e.Data.Customer != nil && e.Data.Customer.UserID == "jane" {
				got = append(got, e.Data.Payment.Amount+" "+e.Data.Payment.Currency)
			}
		}
		g.Expect(got).To(HaveExactElements(slices.Repeat([]any{"29.00 USD"}, times)...))
	}).Should(Succeed())
	b.sayf("a checkout was opened through its Service and paid, and the event reached the application's pod")
}

// policiesAreThere looks at objects: nothing here says whether the cluster's network heeds them.
func (b *bench) policiesAreThere() {
	b.t.Helper()
	var names []string
	for _, namespace := range []string{system, shop} {
		list := &networkingv1.NetworkPolicyList{}
		b.Expect(b.client.List(b.t.Context(), list, client.InNamespace(namespace))).To(Succeed())
		for _, p := range list.Items {
			names = append(names, p.Name)
		}
	}
	b.Expect(names).To(ContainElements("kassa", "kassa-sandbox", "stripe-receiver", "paddle-receiver", "shop-checkout"))
	b.sayf("NetworkPolicies are there, and not enforced by this test's own nodes: %s", strings.Join(names, ", "))
}

func (b *bench) rotateSigningSecret(l *load) {
	b.t.Helper()
	before, err := b.signingSecret(b.t.Context())
	b.Expect(err).NotTo(HaveOccurred())
	b.kubectl("-n", shop, "annotate", "webhookreceiver", "stripe", v1alpha1.AnnotationRotateSecret+"=e2e")
	receiver := &v1alpha1.WebhookReceiver{}
	b.Eventually(func(g Gomega) {
		b.get("stripe", receiver)
		g.Expect(receiver.Status.Rotated).To(Equal("e2e"))
	}).Should(Succeed())
	b.awaitReady()
	after, err := b.signingSecret(b.t.Context())
	b.Expect(err).NotTo(HaveOccurred())
	b.Expect(after == before).To(BeFalse(), "the signing secret is another one")
	l.goesOn(40)
	b.sayf("the signing secret was rotated")
}

// rotateAPIKey has the account roll its key: the old one is refused as soon as the Secret has the new one.
func (b *bench) rotateAPIKey(l *load) {
	b.t.Helper()
	const old, rolled = "sk_test_sandbox", "sk_test_rolled"
	provider := &v1alpha1.PaymentProvider{}
	b.get("stripe", provider)
	account := provider.Status.Account
	b.mustPost(sandbox+"/_kassa/stripe/keys/roll", nil, `{"from":"`+old+`","to":"`+rolled+`"}`)
	b.kubectl("-n", shop, "patch", "secret", "stripe-api", "-p", `{"stringData":{"api-key":"`+rolled+`"}}`)
	b.mustPost(sandbox+"/_kassa/stripe/keys", nil, `{"key":"`+old+`","revoked":true}`)
	// Only the new key can bring a changed plan to the provider.
	b.kubectl("-n", shop, "patch", "plan", "pro", "--type=merge", "-p", `{"spec":{"displayName":"Pro after the key"}}`)
	b.Eventually(func(g Gomega) {
		var names []string
		for _, p := range b.account(g).Products {
			names = append(names, p.Name)
		}
		g.Expect(names).To(ContainElement("Pro after the key"))
	}).Should(Succeed())
	b.awaitReady()
	b.get("stripe", provider)
	b.Expect(provider.Status.Account).To(Equal(account))
	l.goesOn(40)
	b.sayf("the API key was replaced, and the old one revoked")
}

// drain empties a node, as before its maintenance.
func (b *bench) drain(l *load, nodes []string) {
	b.t.Helper()
	if len(nodes) < 2 {
		b.sayf("nothing is drained: the cluster has one node")
		return
	}
	for _, node := range nodes[:len(nodes)-1] {
		pods := &corev1.PodList{}
		b.Expect(b.client.List(b.t.Context(), pods, client.MatchingFields{"spec.nodeName": node})).To(Succeed())
		b.kubectl("label", "node", node, "kassa.dev/e2e=drained", "--overwrite")
		b.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=4m")
		b.awaitReady()
		l.goesOn(40)
		b.kubectl("uncordon", node)
		b.sayf("node %s was drained of %d pods, whose PodDisruptionBudgets were respected", node, len(pods.Items))
	}
}

// deleteSome looks at the provider for what deleted objects leave there.
func (b *bench) deleteSome() {
	b.t.Helper()
	products := map[string]string{}
	for _, name := range []string{"pro", "lifetime"} {
		plan := &v1alpha1.Plan{}
		b.get(name, plan)
		for _, at := range plan.Status.Providers {
			if at.Name == "stripe" {
				products[name] = at.ProductID
			}
		}
	}
	b.kubectl("-n", shop, "patch", "plan", "lifetime", "--type=merge", "-p", `{"spec":{"deletionPolicy":"Orphan"}}`)
	b.kubectl("-n", shop, "delete", "plan/pro", "plan/lifetime", "webhookreceiver/paddle", "--timeout=3m")
	active := map[string]bool{}
	for _, p := range b.account(b.WithT).Products {
		active[p.ID] = p.Active
	}
	b.Expect(active[products["pro"]]).To(BeFalse(), "deletionPolicy Archive")
	b.Expect(active[products["lifetime"]]).To(BeTrue(), "deletionPolicy Orphan")
	b.sayf("a deleted Plan was archived at the provider, one with the policy Orphan left as it was")
}

// uninstall takes the operator away, and nothing else.
func (b *bench) uninstall() {
	b.t.Helper()
	before := b.identity()
	b.helm("uninstall", "kassa", "--wait", "--timeout", "3m")
	pods := &corev1.PodList{}
	b.Eventually(func(g Gomega) {
		g.Expect(b.client.List(b.t.Context(), pods, client.InNamespace(system))).To(Succeed())
		g.Expect(pods.Items).To(BeEmpty())
	}).Should(Succeed())
	b.Expect(b.identity()).To(Equal(before))
	receiver := &v1alpha1.WebhookReceiver{}
	b.get("stripe", receiver)
	b.Expect(receiver.DeletionTimestamp).To(Equal((*metav1.Time)(nil)))
	l := b.startLoad()
	l.goesOn(20)
	l.expectNothingLost()
	b.sayf("after helm uninstall: no operator, %d objects and their CRDs, and a receiver that goes on", len(before))
}
