package localnode

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

// report has the pod's status written soon.
func (w *worker) report() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// reportChanges writes the pod's status whenever it changed, and again when the API server was away.
func (w *worker) reportChanges(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.changed:
		}
		if err := w.writeStatus(ctx); err != nil && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-time.After(retryPause):
				w.report()
			}
		}
	}
}

func (w *worker) writeStatus(ctx context.Context) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": w.pod.UID},
		"status":   w.status(metav1.Now()),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	_, err = w.node.client.CoreV1().Pods(w.namespace).
		Patch(ctx, w.name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// status is the pod's status as a kubelet would report it.
func (w *worker) status(now metav1.Time) corev1.PodStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &w.pod.Spec.Containers[0]
	phase := corev1.PodRunning
	if w.process == nil && w.restarts == 0 && w.lastState.Terminated == nil {
		phase = corev1.PodPending
	}
	ready := w.ready && !w.terminating
	container := corev1.ContainerStatus{
		Name: c.Name, Image: c.Image, ImageID: Name + "://" + c.Image,
		Ready: ready, RestartCount: int32(w.restarts), //nolint:gosec // a small count
		State: w.state, LastTerminationState: w.lastState,
	}
	started := w.process != nil
	container.Started = &started
	if w.process != nil {
		container.ContainerID = fmt.Sprintf("%s://%d", Name, w.process.PID())
	}
	start := metav1.NewTime(w.started)
	status := corev1.PodStatus{
		ObservedGeneration: w.pod.Generation,
		Phase:              phase, HostIP: "127.0.0.1", PodIP: w.ip, StartTime: &start,
		ContainerStatuses: []corev1.ContainerStatus{container},
		Conditions: []corev1.PodCondition{
			podCondition(corev1.PodScheduled, true, now), podCondition(corev1.PodInitialized, true, now),
			podCondition(corev1.ContainersReady, ready, now), podCondition(corev1.PodReady, ready, now),
		},
	}
	if w.ip != "" {
		status.PodIPs = []corev1.PodIP{{IP: w.ip}}
	}
	return status
}

func podCondition(t corev1.PodConditionType, is bool, now metav1.Time) corev1.PodCondition {
	c := corev1.PodCondition{Type: t, Status: corev1.ConditionTrue, LastTransitionTime: now}
	if !is {
		c.Status, c.Reason = corev1.ConditionFalse, "ContainersNotReady"
	}
	return c
}
