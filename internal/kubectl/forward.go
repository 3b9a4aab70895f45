package kubectl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/httpstream" //nolint:staticcheck // client-go's own interfaces still name it
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Forward opens a way from this machine to a port of a Service, through the API server, as kubectl port-forward does.
// It leads to one ready pod, until ctx ends. The address is such as 127.0.0.1:40123.
func (o *Options) Forward(
	ctx context.Context, c client.Client, service types.NamespacedName, port int32,
) (address string, err error) {
	cfg, err := o.Config()
	if err != nil {
		return "", err
	}
	pod, target, err := behind(ctx, c, service, port)
	if err != nil {
		return "", err
	}
	dialer, err := dialer(cfg, pod)
	if err != nil {
		return "", err
	}
	ready, failed := make(chan struct{}), make(chan error, 1)
	forwarder, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf(":%d", target)},
		ctx.Done(), ready, io.Discard, io.Discard)
	if err != nil {
		return "", err
	}
	go func() { failed <- forwarder.ForwardPorts() }()
	select {
	case err := <-failed:
		return "", fmt.Errorf("reaching pod %s: %w", pod.Name, errors.Join(err, ctx.Err()))
	case <-ready:
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("127.0.0.1:%d", ports[0].Local), nil
}

// behind finds a ready pod of a Service, and the pod's port that the Service's port leads to.
func behind(ctx context.Context, c client.Client, key types.NamespacedName, port int32) (*corev1.Pod, int32, error) {
	var service corev1.Service
	if err := c.Get(ctx, key, &service); err != nil {
		return nil, 0, err
	}
	i := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == port })
	if i < 0 {
		return nil, 0, fmt.Errorf("the Service %s has no port %d", key, port)
	}
	var pods corev1.PodList
	err := c.List(ctx, &pods, client.InNamespace(key.Namespace),
		client.MatchingLabelsSelector{Selector: labels.SelectorFromSet(service.Spec.Selector)})
	if err != nil {
		return nil, 0, err
	}
	for p := range pods.Items {
		pod := &pods.Items[p]
		if target := targetPort(pod, service.Spec.Ports[i]); ready(pod) && target != 0 {
			return pod, target, nil
		}
	}
	return nil, 0, fmt.Errorf("no pod of the Service %s is ready", key)
}

func ready(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp.IsZero() && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// targetPort is 0 for a name that no container has.
func targetPort(pod *corev1.Pod, port corev1.ServicePort) int32 {
	switch {
	case port.TargetPort.Type == intstr.Int && port.TargetPort.IntVal != 0:
		return port.TargetPort.IntVal
	case port.TargetPort.Type == intstr.Int:
		return port.Port
	}
	for _, container := range pod.Spec.Containers {
		for _, p := range container.Ports {
			if p.Name == port.TargetPort.StrVal {
				return p.ContainerPort
			}
		}
	}
	return 0
}

// dialer speaks WebSocket, and SPDY to API servers and proxies that do not.
func dialer(cfg *rest.Config, pod *corev1.Pod) (httpstream.Dialer, error) {
	clientset, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	url := clientset.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).
		SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(cfg)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	tunnel, err := portforward.NewSPDYOverWebsocketDialer(url, cfg)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialer(tunnel, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}
