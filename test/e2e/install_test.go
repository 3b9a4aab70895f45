package e2e

import (
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// followPages types what the documentation says about installing and getting started, where everything is that is left
// after an uninstallation.
func (b *bench) followPages() {
	b.t.Helper()
	d := b.newDesk()
	kustomize := d.installs()
	d.sayf("pages: installed, upgraded and uninstalled as they say; nothing of Kassa's is left")
	d.getsStarted(kustomize)
	d.sayf("pages: got started as they say: sold by a forwarded port, and took an event by another")
}

// installs begins with objects of a lost cluster and ends without any. What it leaves to the page that begins with it
// is the installation with kustomize.
func (d *desk) installs() (kustomize string) {
	d.t.Helper()
	p, dr := d.open("docs/install.md"), d.open("docs/disaster-recovery.md")
	helm := p.Next("helm install kassa charts/kassa")
	d.Expect(helm.Text).To(HavePrefix(d.open("charts/kassa/README.md").Next("helm install kassa").Text))
	kustomize = p.Next("kubectl apply --server-side -k config/default").Text
	some := p.Next("helm install kassa-shop charts/kassa")

	id := d.do("kubectl get namespace kube-system -o jsonpath='{.metadata.uid}'")
	dr.Type("   helm install kassa charts/kassa", "0b2f6c1e-7a54-4f0e-9d0c-3a8e5b1c9f27", id)
	d.do("kubectl apply -f config/samples/30-plans.yaml")
	d.allReady()
	p.Type("helm upgrade kassa charts/kassa")
	d.do("kubectl -n kassa-system rollout status deployment/kassa --timeout=2m")
	d.Expect(d.do("kubectl -n kassa-system get deployment kassa -o yaml")).To(ContainSubstring("--cluster-id=" + id))
	troubles := d.open("docs/troubleshooting.md")
	logs := troubles.Next("kubectl logs -l")
	d.Eventually(func() (string, error) { // a pod that is being made has none
		return troubles.Try(logs, 0, 1, "kubectl logs", "kubectl -n shop logs", "NAME", "shop")
	}).Should(ContainSubstring("checkout server starts"))

	p.Type("helm uninstall kassa --namespace kassa-system")
	d.Expect(d.do("kubectl -n shop get kassa,deployments")).To(And(ContainSubstring("webhookreceiver"),
		ContainSubstring("stripe-receiver")))
	p.Type("kubectl -n kassa-system delete lease kassa-operator")
	all := p.Next("kubectl delete checkoutendpoints,webhookreceivers,plans")
	d.do("kubectl -n shop delete plan pro --wait=false")
	p.Type("kubectl -n shop patch plan pro --type merge")
	d.says("kubectl -n shop get plans", `lifetime`)
	d.Expect(d.do("kubectl -n shop get plans")).NotTo(ContainSubstring("pro "))

	d.Expect(p.TypeAll(helm)).To(ContainSubstring("successfully rolled out"))
	kept, archived := d.productOf("shop/pro"), d.do("kubectl -n shop get plan lifetime -o "+
		`jsonpath='{.status.providers[?(@.name=="stripe")].productID}'`)
	p.TypeAll(all)
	d.Expect(d.do("kubectl get crds -o name; helm list --all-namespaces -q")).NotTo(ContainSubstring("kassa"))
	for _, product := range d.account(d.WithT).Products {
		switch product.ID {
		case kept:
			d.Expect(product.Active).To(BeTrue(), "what is at the provider stays there")
		case archived:
			d.Expect(product.Active).To(BeFalse())
		}
	}
	d.Expect(d.account(d.WithT).Endpoints).To(BeEmpty())

	d.do("kubectl create namespace billing")
	p.TypeAll(some)
	d.do("kubectl -n kassa-system rollout status deployment/kassa-shop --timeout=2m")
	d.Expect(d.do("kubectl -n billing get roles,rolebindings -o name")).To(ContainSubstring("kassa-shop"))
	d.do("helm uninstall kassa-shop --namespace kassa-system --wait && kubectl delete namespace billing --wait=false")
	p.TypeLines(all, 3, 4)
	d.do("kubectl delete namespace shop --timeout=2m")
	return kustomize
}

// productOf is the newest product of a Plan.
func (d *desk) productOf(plan string) (id string) {
	d.t.Helper()
	for _, product := range d.account(d.WithT).Products {
		if product.Metadata["kassa_plan"] == plan && product.Active {
			id = product.ID
		}
	}
	d.Expect(id).NotTo(BeEmpty())
	return id
}

// allReady waits until whatever there is is ready.
func (d *desk) allReady() {
	d.t.Helper()
	d.Eventually(func(g Gomega) {
		all := d.objects(g)
		g.Expect(all).NotTo(BeEmpty())
		for _, o := range all {
			ready := meta.FindStatusCondition(o.conditions, v1alpha1.ConditionReady)
			g.Expect(ready).NotTo(BeNil(), "%s %s", o.kind, o.GetName())
			g.Expect(string(ready.Status)).To(Equal("True"), "%s %s: %s", o.kind, o.GetName(), ready.Message)
		}
	}).Should(Succeed())
}
