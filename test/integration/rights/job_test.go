package rights

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

const (
	inSync      = "Current True " + v1alpha1.ReasonInSync
	token       = "token-of-the-shop"
	failingCard = "4000000000000341" // pays once, and fails when it is charged again
)

// forgetful gives up each webhook after one attempt, so that only recovery brings it back.
var forgetful = stack.Options{Node: true, Sandbox: sandbox.Options{WebhookRetries: delivery.Schedule{}}}

// job is everything that the operator does: an account in one namespace, and in another one a Plan, its events, and its
// sale.
type job struct {
	*stack.Stack
	g        *WithT
	accounts string // namespace of the PaymentProvider
	sink     *stack.Sink
	hooks    *stack.Receiver
	shop     *stack.Shop
	plan     *v1alpha1.Plan
	pp       *v1alpha1.PaymentProvider
}

func newJob(t *testing.T) *job {
	t.Helper()
	s := stack.New(t, forgetful)
	j := &job{
		Stack: s, g: NewWithT(t), accounts: s.Plane.Namespace(t), sink: stack.NewSink(t), shop: s.Shop("shop"),
	}
	label := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"sells":"yes"}}}`))
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}}
	j.g.Expect(s.Client.Patch(t.Context(), ns, label)).To(Succeed())
	return j
}

// declare makes the objects, and waits until all of them are ready.
func (j *job) declare() {
	j.T.Helper()
	ctx := j.T.Context()
	secret := stack.Secret("stripe-api", "api-key", j.APIKey())
	j.pp = j.Provider()
	j.pp.Spec.AllowedNamespaces = v1alpha1.AllowedNamespaces{
		From: v1alpha1.NamespacesSelector, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"sells": "yes"}},
	}
	secret.Namespace, j.pp.Namespace = j.accounts, j.accounts
	j.g.Expect(j.Client.Create(ctx, secret)).To(Succeed())
	j.g.Expect(j.Client.Create(ctx, j.pp)).To(Succeed())

	j.plan = stack.Plan("pro")
	j.plan.Spec.Providers[0].Namespace = j.accounts
	j.plan.Spec.PublishTo = &v1alpha1.PublishTo{ConfigMapName: "pro"}
	j.Create(stack.Secret("shop-token", "token", token), j.plan, j.endpoint())
	j.hooks = j.CreateReceiver("hooks", j.sink, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.ProviderRef.Namespace = j.accounts
		r.Spec.Dunning = &v1alpha1.Dunning{AfterFailedPayments: 1, Action: v1alpha1.DunningCancel}
		r.Spec.Recovery = &v1alpha1.Recovery{Interval: &metav1.Duration{Duration: time.Minute}}
		r.Spec.Expose = &v1alpha1.Exposure{Ingress: &v1alpha1.IngressExposure{}}
	})
	j.hooks.AwaitReady(workload.DefaultReplicas)
	j.shop.AwaitReplicas(workload.DefaultReplicas)
	j.AwaitState(j.plan, inSync)
	j.g.Expect(j.Client.Get(ctx, j.Key("pro"), &corev1.ConfigMap{})).To(Succeed(), "it is published")
}

func (j *job) endpoint() *v1alpha1.CheckoutEndpoint {
	e := &v1alpha1.CheckoutEndpoint{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	e.Spec = v1alpha1.CheckoutEndpointSpec{
		Plans: []v1alpha1.CheckoutPlan{{Name: "pro"}}, URL: j.shop.URL(), AllowInsecureHTTP: true,
		SuccessURL: "http://app.example.com/done", Subscriptions: &v1alpha1.SubscriptionOptions{},
		Auth: v1alpha1.CheckoutAuth{BearerToken: &v1alpha1.BearerTokenAuth{
			SecretRef: v1alpha1.SigningSecretReference{Name: "shop-token"},
		}},
	}
	return e
}

// buy buys the Plan with a card that fails later. Servers may read Secrets of another namespace a moment after they are
// ready.
func (j *job) buy() {
	j.T.Helper()
	var opened struct{ URL string }
	j.g.Eventually(func() error {
		return j.post(j.shop.Through, j.shop.URL()+"/v1/checkouts", `{"plan":"pro","price":"monthly"}`, &opened)
	}, stack.Patience, often).Should(Succeed())
	form := url.Values{
		"number": {failingCard}, "exp": {"12/40"}, "cvc": {"123"}, "email": {"jane@example.com"}, "action": {""},
	}
	j.g.Expect(j.post(http.DefaultClient, opened.URL, form.Encode(), nil)).To(Succeed())
}

// post reads the answer into an object, if there is one.
func (j *job) post(through *http.Client, at, body string, into any) error {
	req, err := http.NewRequestWithContext(j.T.Context(), http.MethodPost, at, strings.NewReader(body))
	if err != nil {
		return err
	}
	kind := "application/x-www-form-urlencoded"
	if strings.HasPrefix(body, "{") {
		kind = "application/json"
	}
	for name, value := range map[string]string{
		"Content-Type": kind, "Accept": "application/json", "Authorization": "Bearer " + token, "Kassa-User-Id": "u42",
	} {
		req.Header.Set(name, value)
	}
	res, err := through.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s: %s", res.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// taken are the ids of what the app got.
func (j *job) taken() []string { return slices.Sorted(maps.Keys(j.sink.Taken())) }

// dun lets the next payment fail, and waits until the subscription is canceled and the app knows.
func (j *job) dun() {
	j.T.Helper()
	j.Sandbox.Clock().Advance(32 * 24 * time.Hour)
	j.g.Eventually(j.taken, stack.Patience, often).Should(ContainElement(ContainSubstring(":dunning-")))
	j.g.Eventually(func() *v1alpha1.DunningStatus { return j.hooks.Object().Status.Dunning }, stack.Patience, often).
		Should(HaveField("Actions", BeEquivalentTo(1)))
}

// recover loses an event on its way, and waits until the operator has brought it.
func (j *job) recover() {
	j.T.Helper()
	begin := j.Sandbox.Clock().Now()
	j.g.Expect(j.post(http.DefaultClient, j.SandboxURL+"/_kassa/deliveries/hold", "", nil)).To(Succeed())
	e, err := j.Sandbox.Stripe().Account(j.APIKey()).Emit("customer.created", nil, nil)
	j.g.Expect(err).NotTo(HaveOccurred())
	j.g.Eventually(func() (int, error) {
		var answer struct{ Lost int }
		err := j.post(http.DefaultClient, j.SandboxURL+"/_kassa/deliveries/lose", "", &answer)
		return answer.Lost, err
	}, stack.Patience, often).ShouldNot(BeZero())
	lost := j.CloudEventID(e.ID)
	j.g.Expect(j.taken()).NotTo(ContainElement(lost))
	asked := fmt.Sprintf("%s/%s", begin.Add(-time.Minute).UTC().Format(time.RFC3339),
		j.Sandbox.Clock().Now().Add(time.Minute).UTC().Format(time.RFC3339))
	object := j.hooks.Object()
	j.Change(object, func() { object.Annotations = map[string]string{v1alpha1.AnnotationRecover: asked} })
	j.g.Eventually(j.taken, stack.Patience, often).Should(ContainElement(lost))
}

// remove deletes everything, and waits until the operator has let it go.
func (j *job) remove() {
	j.T.Helper()
	receiver, endpoint := j.hooks.Object(), j.endpoint()
	endpoint.Namespace = j.Namespace
	for _, o := range []client.Object{endpoint, receiver, j.plan, j.pp} {
		j.g.Expect(j.Client.Delete(j.T.Context(), o)).To(Succeed())
		key := client.ObjectKeyFromObject(o)
		j.g.Eventually(func() bool {
			return apierrors.IsNotFound(j.Client.Get(context.Background(), key, o))
		}, stack.Patience, often).Should(BeTrue(), "%T", o)
	}
}
