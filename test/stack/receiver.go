package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/localnode"
)

// often is how often Eventually looks.
const often = 20 * time.Millisecond

// receiverPath is the path of the receivers' URL.
const receiverPath = "/stripe"

// Receiver is a WebhookReceiver of the stack, which the operator deploys and registers at the sandbox.
type Receiver struct {
	Name string
	// Through takes requests to Services by name through the node's proxy, and to replicas straight.
	Through *http.Client

	s *Stack
}

// CreateReceiver makes a WebhookReceiver with a managed registration, whose URL is that of its own Service and whose
// events go to the sink. edit changes it before it is created.
func (s *Stack) CreateReceiver(name string, sink *Sink, edit ...func(*v1alpha1.WebhookReceiver)) *Receiver {
	s.T.Helper()
	r := s.Receiver(name)
	object := &v1alpha1.WebhookReceiver{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.WebhookReceiverSpec{
			ProviderRef:  v1alpha1.ProviderReference{Name: "stripe"},
			URL:          r.URL(),
			Registration: v1alpha1.Registration{Managed: &v1alpha1.ManagedRegistration{}},
			Delivery: &v1alpha1.Delivery{
				Sinks: []v1alpha1.Sink{{Name: "app", HTTP: v1alpha1.HTTPSink{URI: sink.URL}}},
				Retry: &v1alpha1.DeliveryRetry{
					MinBackoff: &metav1.Duration{Duration: 100 * time.Millisecond},
					MaxBackoff: &metav1.Duration{Duration: time.Second},
				},
			},
		},
	}
	for _, e := range edit {
		e(object)
	}
	s.Create(object)
	return r
}

// Receiver is one that CreateReceiver made.
func (s *Stack) Receiver(name string) *Receiver {
	return &Receiver{Name: name, Through: s.httpClient(), s: s}
}

// httpClient reaches what a client inside the cluster would.
func (s *Stack) httpClient() *http.Client {
	proxy, err := url.Parse(s.Node.ProxyURL())
	must(s.T, err)
	transport := &http.Transport{MaxIdleConnsPerHost: 64, Proxy: func(r *http.Request) (*url.URL, error) {
		if net.ParseIP(r.URL.Hostname()) != nil {
			return nil, nil
		}
		return proxy, nil
	}}
	s.T.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// Object is the WebhookReceiver as it is now.
func (r *Receiver) Object() *v1alpha1.WebhookReceiver {
	r.s.T.Helper()
	object := &v1alpha1.WebhookReceiver{}
	must(r.s.T, r.s.Client.Get(context.Background(), r.s.Key(r.Name), object))
	return object
}

// Workload is the name of the Deployment, the Service, the ServiceAccount and the Role.
func (r *Receiver) Workload() string { return workload.Receiver{Object: r.named()}.Name() }

func (r *Receiver) named() *v1alpha1.WebhookReceiver {
	return &v1alpha1.WebhookReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: r.s.Namespace, Name: r.Name}}
}

// URL goes through the Service to any ready replica.
func (r *Receiver) URL() string {
	return "http://" + r.Workload() + "." + r.s.Namespace + ".svc" + receiverPath
}

// ReplicaURL goes to one replica.
func (r *Receiver) ReplicaURL(p localnode.Pod) string {
	return fmt.Sprintf("http://%s:%d%s", p.IP, workload.PortHTTP, receiverPath)
}

// MetricsURL is where one replica tells its metrics.
func (r *Receiver) MetricsURL(p localnode.Pod) string {
	return fmt.Sprintf("http://%s:%d/metrics", p.IP, workload.PortHealth)
}

// Replicas are the receiver's pods that are not ending.
func (r *Receiver) Replicas() []localnode.Pod { return r.s.Node.Pods(r.s.Namespace, r.Workload()) }

// AwaitReady waits until the receiver says that it is ready and so many replicas, and no others, are.
func (r *Receiver) AwaitReady(replicas int) {
	r.s.T.Helper()
	NewWithT(r.s.T).Eventually(func(g Gomega) {
		pods := r.Replicas()
		g.Expect(pods).To(HaveLen(replicas))
		for _, p := range pods {
			g.Expect(p.Ready).To(BeTrue(), p.Name)
		}
		now := r.Object()
		g.Expect(meta.IsStatusConditionTrue(now.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue(),
			"%+v", now.Status.Conditions)
	}, Patience, often).Should(Succeed())
}

// Rotate asks for another signing secret.
func (r *Receiver) Rotate(value string) {
	r.s.T.Helper()
	r.Annotate(v1alpha1.AnnotationRotateSecret, value)
}

// Annotate sets an annotation of the WebhookReceiver.
func (r *Receiver) Annotate(key, value string) {
	r.s.T.Helper()
	now := r.Object()
	before := now.DeepCopy()
	metav1.SetMetaDataAnnotation(&now.ObjectMeta, key, value)
	must(r.s.T, r.s.Client.Patch(r.s.T.Context(), now, client.MergeFrom(before)))
}

// SigningSecret is what the controller stored; it is empty while there is none.
func (r *Receiver) SigningSecret() string { return r.secretValue("signing-secret") }

// EndpointID is the endpoint to which the controller says that the signing secret belongs.
func (r *Receiver) EndpointID() string { return r.secretValue("endpoint-id") }

func (r *Receiver) secretValue(key string) string {
	secret := &corev1.Secret{}
	if err := r.s.Client.Get(context.Background(), r.s.Key(r.Name+"-signing"), secret); err != nil {
		return ""
	}
	return string(secret.Data[key])
}

// Event is a Stripe event that has a normalised name.
func Event(id string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"object":"event","api_version":"2023-10-16","created":%d,"livemode":false,`+
		`"type":"customer.subscription.deleted","data":{"object":{"id":"sub_%s","object":"subscription",`+
		`"status":"canceled","customer":"cus_1","items":{"data":[{"id":"si_1","price":{"id":"price_1"}}]},`+
		`"metadata":{"user_id":"42"}}}}`, id, time.Now().Unix(), id)
}

// CloudEventID is the id under which the sink gets an event.
func (s *Stack) CloudEventID(event string) string {
	return "stripe:" + s.Sandbox.Stripe().Account(s.APIKey()).ID() + ":" + event
}

// Answer is a receiver's answer.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Send posts a body as Stripe does, signed now.
func (r *Receiver) Send(to string, body []byte, secret string) (Answer, error) {
	return r.Post(to, bytes.NewReader(body), stripe.Sign(secret, time.Now(), body))
}

// Post posts a body with that signature; an empty one is left out. A Reader of unknown length is sent in chunks.
func (r *Receiver) Post(to string, body io.Reader, signature string) (Answer, error) {
	req, err := http.NewRequest(http.MethodPost, to, body) //nolint:noctx // the client has a timeout
	if err != nil {
		return Answer{}, err
	}
	if signature != "" {
		req.Header.Set("Stripe-Signature", signature)
	}
	return r.Do(req)
}

// PostWith posts a signed event with one more header.
func (r *Receiver) PostWith(to, id, name, value string) (Answer, error) {
	body := Event(id)
	req, err := http.NewRequestWithContext(r.s.T.Context(), http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Stripe-Signature", stripe.Sign(r.SigningSecret(), time.Now(), body))
	req.Header.Set(name, value)
	return r.Do(req)
}

// Do sends any request.
func (r *Receiver) Do(req *http.Request) (Answer, error) {
	res, err := r.Through.Do(req)
	if err != nil {
		return Answer{}, err
	}
	text, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return Answer{}, err
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: string(text)}, nil
}

// DeployReceiver makes a whole stack with a receiver that is ready, with the default number of replicas.
func DeployReceiver(t testing.TB) (*Stack, *Receiver, *Sink) {
	t.Helper()
	s := New(t, Options{Node: true})
	s.Operator()
	s.CreateProvider()
	sink := NewSink(t)
	r := s.CreateReceiver("hooks", sink)
	r.AwaitReady(workload.DefaultReplicas)
	return s, r, sink
}
