package localnode

import (
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// preStop is how long the pod's preStop hook sleeps before SIGTERM.
func preStop(pod *corev1.Pod) time.Duration {
	c := &pod.Spec.Containers[0]
	if c.Lifecycle == nil || c.Lifecycle.PreStop == nil || c.Lifecycle.PreStop.Sleep == nil {
		return 0
	}
	return time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
}

// notRunnableError is why a pod cannot be started as it is.
type notRunnableError struct{ reason, message string }

func (e notRunnableError) Error() string { return e.message }

func reasonOf(err error) string {
	var n notRunnableError
	if errors.As(err, &n) {
		return n.reason
	}
	return "CreateContainerConfigError"
}

// hasPort finds a named port of the pod's container.
func (w *worker) hasPort(name string) (int32, bool) {
	ports := w.pod.Spec.Containers[0].Ports
	i := slices.IndexFunc(ports, func(p corev1.ContainerPort) bool { return p.Name == name })
	if i < 0 {
		return 0, false
	}
	return ports[i].ContainerPort, true
}
