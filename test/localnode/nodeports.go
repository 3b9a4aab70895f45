package localnode

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
)

// nodePortRetry is how soon a port that could not be listened on is tried again.
const nodePortRetry = time.Second

// nodePorts listens on 127.0.0.1 for every NodePort of a Service and passes connections to ready pods in turn. A
// connection is closed at once when none is ready.
type nodePorts struct {
	node *Node
	wake chan struct{}
	open map[int32]io.Closer
	// refused are ports that could not be listened on, so that it is said once.
	refused map[int32]bool
}

func newNodePorts(n *Node, factory informers.SharedInformerFactory) (*nodePorts, error) {
	p := &nodePorts{node: n, wake: make(chan struct{}, 1), open: map[int32]io.Closer{}, refused: map[int32]bool{}}
	_, err := factory.Core().V1().Services().Informer().AddEventHandler(handler(func(metav1.Object) {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}))
	return p, err
}

func (p *nodePorts) run(ctx context.Context) {
	defer func() {
		for _, l := range p.open {
			_ = l.Close()
		}
	}()
	ticker := time.NewTicker(nodePortRetry)
	defer ticker.Stop()
	for {
		p.sync(ctx)
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-ticker.C:
		}
	}
}

func (p *nodePorts) sync(ctx context.Context) {
	services, err := p.node.services.List(labels.Everything())
	if err != nil {
		return
	}
	wanted := map[int32]bool{}
	for _, service := range services {
		if service.Spec.Type != corev1.ServiceTypeNodePort && service.Spec.Type != corev1.ServiceTypeLoadBalancer {
			continue
		}
		for i := range service.Spec.Ports {
			port := service.Spec.Ports[i].NodePort
			if port == 0 {
				continue
			}
			wanted[port] = true
			if p.open[port] == nil {
				p.listen(ctx, port, service)
			}
		}
	}
	for port, l := range p.open {
		if !wanted[port] {
			_ = l.Close()
			delete(p.open, port)
		}
	}
}

func (p *nodePorts) listen(ctx context.Context, port int32, service *corev1.Service) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		if !p.refused[port] {
			p.node.logf("Service %s/%s: %v", service.Namespace, service.Name, err)
		}
		p.refused[port] = true
		return
	}
	delete(p.refused, port)
	p.open[port] = l
	p.node.wg.Go(func() { p.accept(ctx, l, port) })
}

func (p *nodePorts) accept(ctx context.Context, l net.Listener, port int32) {
	var connections sync.WaitGroup
	defer connections.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		connections.Go(func() {
			defer func() { _ = conn.Close() }()
			// Stop waits for connections, so it must end them.
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			p.forward(ctx, conn, port)
		})
	}
}

func (p *nodePorts) forward(ctx context.Context, conn net.Conn, port int32) {
	service, servicePort := p.find(port)
	if service == nil {
		return
	}
	address, err := p.node.endpoint(service, servicePort)
	if err != nil {
		return
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	backend, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = backend.Close() }()
	pipe(conn, backend)
}

// find looks for the Service that has the NodePort now.
func (p *nodePorts) find(port int32) (*corev1.Service, *corev1.ServicePort) {
	services, err := p.node.services.List(labels.Everything())
	if err != nil {
		return nil, nil
	}
	for _, service := range services {
		for i := range service.Spec.Ports {
			if service.Spec.Ports[i].NodePort == port {
				return service, &service.Spec.Ports[i]
			}
		}
	}
	return nil, nil
}
