package localnode

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// serviceName takes namespace and name out of a host such as app.shop.svc.cluster.local, app.shop.svc or app.shop.
func serviceName(host string) (namespace, name string, ok bool) {
	host = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(host), "."), ".svc.cluster.local")
	host = strings.TrimSuffix(host, ".svc")
	name, namespace, ok = strings.Cut(host, ".")
	return namespace, name, ok && name != "" && namespace != "" && !strings.Contains(namespace, ".")
}

// backend picks a ready pod for a port of a Service, in turn.
func (n *Node) backend(namespace, name string, port int32) (string, error) {
	service, err := n.services.Services(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return "", fmt.Errorf("no Service %s/%s", namespace, name)
	}
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == port })
	if i < 0 {
		return "", fmt.Errorf("Service %s/%s has no port %d", namespace, name, port)
	}
	return n.endpoint(service, &service.Spec.Ports[i])
}

// endpoint is the address of the next ready pod.
func (n *Node) endpoint(service *corev1.Service, port *corev1.ServicePort) (string, error) {
	addresses, pods := n.endpoints(service, port)
	if len(addresses) == 0 {
		return "", fmt.Errorf("Service %s/%s has no ready endpoint (0 of %d pods)", service.Namespace, service.Name, pods)
	}
	key := fmt.Sprintf("%s/%s:%d", service.Namespace, service.Name, port.Port)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.turns[key]++
	return addresses[n.turns[key]%len(addresses)], nil
}

// endpoints lists the addresses of the Service's ready pods, and how many pods it selects.
func (n *Node) endpoints(service *corev1.Service, port *corev1.ServicePort) (addresses []string, pods int) {
	if len(service.Spec.Selector) == 0 {
		return nil, 0
	}
	selector := labels.SelectorFromSet(service.Spec.Selector)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range n.workers {
		if w.namespace != service.Namespace || !selector.Matches(labels.Set(w.pod.Labels)) {
			continue
		}
		pod, terminating := w.snapshot()
		if terminating {
			continue
		}
		pods++
		if !pod.Ready && !service.Spec.PublishNotReadyAddresses {
			continue
		}
		target := port.TargetPort
		if target == (intstr.IntOrString{}) {
			target = intstr.FromInt32(port.Port)
		}
		if number, err := w.portNumber(target); err == nil {
			addresses = append(addresses, net.JoinHostPort(pod.IP, number))
		}
	}
	slices.Sort(addresses)
	return addresses, pods
}

func parsePort(text string) (int32, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	return int32(port), err
}
