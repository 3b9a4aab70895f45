package localnode

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"

	"github.com/kassa-dev/kassa/test/child"
)

const (
	// The first restart comes at once, later ones after a pause that doubles; a process that ran for
	// backoffReset starts from the beginning.
	minBackoff, maxBackoff = 500 * time.Millisecond, 30 * time.Second
	backoffReset           = time.Minute
	retryPause             = 300 * time.Millisecond
	defaultGrace           = 30 * time.Second
)

// worker runs one pod from its start to the removal of its object. The process goes on whether or not the API server
// answers.
type worker struct {
	node            *Node
	pod             *corev1.Pod // as first seen; its spec does not change
	namespace, name string
	deployment      string
	dir             string
	ip              string

	terminate     chan struct{} // closed when the pod is to end
	terminateOnce sync.Once
	ended         bool // run has returned; guarded by the node's mu
	seenGone      bool // the watch has shown the removal; guarded by the node's mu
	changed       chan struct{}

	lastEnv    []string // of the last start, for a start while the API server is away
	kubeconfig string

	mu          sync.Mutex
	process     *child.Process
	state       corev1.ContainerState
	lastState   corev1.ContainerState
	ready       bool
	restarts    int
	killed      bool
	terminating bool
	grace       time.Duration
	started     time.Time
	gone        bool // the object was removed
}

// watchPods runs a worker for every pod of this node.
func (n *Node) watchPods(ctx context.Context, factory informers.SharedInformerFactory) error {
	changed := handler(func(obj metav1.Object) {
		if pod, ok := obj.(*corev1.Pod); ok && onThisNode(pod) {
			n.podChanged(ctx, pod)
		}
	})
	changed.DeleteFunc = handler(func(obj metav1.Object) { n.podRemoved(obj.GetUID()) }).DeleteFunc
	_, err := factory.Core().V1().Pods().Informer().AddEventHandler(changed)
	return err
}

func (n *Node) podChanged(ctx context.Context, pod *corev1.Pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	w := n.workers[pod.UID]
	if w == nil && !n.stopped {
		w = newWorker(n, pod)
		n.workers[pod.UID] = w
		n.wg.Go(func() {
			w.run(ctx)
			n.forget(pod.UID, func() { w.ended = true })
		})
	}
	if w != nil && pod.DeletionTimestamp != nil {
		w.end(graceOf(pod))
	}
}

func (n *Node) podRemoved(uid types.UID) {
	n.forget(uid, func() {
		if w := n.workers[uid]; w != nil {
			w.seenGone = true
			w.setGone()
			w.end(graceOf(w.pod))
		}
	})
}

// forget drops a worker once it has ended and the watch has shown its pod's end. Earlier the watch might still show
// the pod as it was, and start it again.
func (n *Node) forget(uid types.UID, note func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	note()
	if w := n.workers[uid]; w != nil && w.ended && w.seenGone {
		delete(n.workers, uid)
	}
}

func newWorker(n *Node, pod *corev1.Pod) *worker {
	w := &worker{
		node: n, pod: pod, namespace: pod.Namespace, name: pod.Name,
		dir:       filepath.Join(n.dir, "pods", string(pod.UID)),
		terminate: make(chan struct{}), changed: make(chan struct{}, 1),
		started: time.Now(), grace: graceOf(pod), state: waiting("ContainerCreating", ""),
	}
	if owner := metav1.GetControllerOf(pod); owner != nil && owner.Kind == deploymentKind {
		w.deployment = owner.Name
	}
	return w
}

func graceOf(pod *corev1.Pod) time.Duration {
	switch {
	case pod.DeletionGracePeriodSeconds != nil:
		return time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
	case pod.Spec.TerminationGracePeriodSeconds != nil:
		return time.Duration(*pod.Spec.TerminationGracePeriodSeconds) * time.Second
	default:
		return defaultGrace
	}
}

// end takes the pod out of its Services at once and has run stop its process.
func (w *worker) end(grace time.Duration) {
	w.mu.Lock()
	w.terminating, w.grace = true, grace
	w.mu.Unlock()
	w.terminateOnce.Do(func() { close(w.terminate) })
	w.report()
}

// run is the pod's life. It returns once the process has ended, and the pod's object is gone or ctx is over.
func (w *worker) run(ctx context.Context) {
	var reports sync.WaitGroup
	// The last report is written by hand below.
	reporting, stopReports := context.WithCancel(ctx)
	reports.Go(func() { w.reportChanges(reporting) })
	defer reports.Wait()
	defer stopReports()

	logFile, err := w.prepare()
	if err != nil {
		w.setState(waiting("CreateContainerError", err.Error()))
	} else {
		defer func() { _ = logFile.Close() }()
		w.keepRunning(ctx, &podLog{file: logFile, lines: w.node.output, prefix: w.name})
	}
	select {
	case <-w.terminate:
	case <-ctx.Done():
	}
	if w.ip != "" {
		w.node.addresses.put(w.ip)
	}
	stopReports()
	reports.Wait()
	w.deleteObject(ctx)
	_ = os.RemoveAll(w.dir)
}

func (w *worker) prepare() (*os.File, error) {
	ip, err := w.node.addresses.take()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.ip = ip
	w.mu.Unlock()
	path := w.node.logPath(w.namespace, w.name)
	for _, dir := range []string{filepath.Join(w.dir, "tmp"), filepath.Dir(path)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// keepRunning starts the container again whenever it ends, until the pod or ctx is to end.
func (w *worker) keepRunning(ctx context.Context, out *podLog) {
	var backoff time.Duration
	for {
		began := time.Now()
		command, err := w.command(ctx)
		var process *child.Process
		if err == nil {
			command.Output = out
			process, err = child.Start(command)
		}
		switch {
		case err != nil:
			w.setState(waiting(reasonOf(err), err.Error()))
			backoff = retryPause
		default:
			w.running(process)
			if ended := w.supervise(ctx, process); !ended {
				return
			}
			backoff = w.exited(process, backoff, time.Since(began))
		}
		if !w.pause(ctx, backoff) {
			return
		}
		w.mu.Lock()
		if err == nil {
			w.restarts++
		}
		w.mu.Unlock()
	}
}

// supervise probes the process until it ends by itself, or stops it when the pod or ctx is to end. It reports whether
// the process ended by itself.
func (w *worker) supervise(ctx context.Context, process *child.Process) bool {
	probing, stopProbe := context.WithCancel(ctx)
	var probes sync.WaitGroup
	probes.Go(func() { w.probe(probing) })
	defer probes.Wait()
	defer stopProbe()
	select {
	case <-process.Done():
		return true
	case <-w.terminate:
	case <-ctx.Done():
	}
	stopProbe()
	w.mu.Lock()
	grace := w.grace
	w.terminating = true
	w.mu.Unlock()
	pre := min(preStop(w.pod), grace)
	select {
	case <-process.Done():
	case <-time.After(pre):
	}
	process.Stop(grace - pre)
	w.exited(process, 0, 0)
	return false
}

func (w *worker) running(process *child.Process) {
	w.mu.Lock()
	w.process = process
	w.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}
	w.mu.Unlock()
	w.report()
}

// exited notes the end of the process and returns the pause before its next start.
func (w *worker) exited(process *child.Process, backoff, ran time.Duration) time.Duration {
	w.mu.Lock()
	defer w.report()
	defer w.mu.Unlock()
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: int32(process.ExitCode()), FinishedAt: metav1.Now(), Reason: "Completed", //nolint:gosec // a byte
	}}
	if process.ExitCode() != 0 {
		ended.Terminated.Reason = "Error"
	}
	if w.state.Running != nil {
		ended.Terminated.StartedAt = w.state.Running.StartedAt
	}
	w.process, w.ready = nil, false
	w.state, w.lastState = ended, ended
	switch {
	case w.killed || w.terminating || ran >= backoffReset:
		backoff = 0
	case w.restarts > 0:
		backoff = max(minBackoff, min(backoff*2, maxBackoff))
	}
	w.killed = false
	if backoff > 0 {
		w.state = waiting("CrashLoopBackOff", fmt.Sprintf("the process ended with code %d; next start in %s",
			process.ExitCode(), backoff))
	}
	return backoff
}

// pause waits and reports whether the pod goes on.
func (w *worker) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.terminate:
	case <-ctx.Done():
	}
	select {
	case <-w.terminate:
		return false
	default:
		return ctx.Err() == nil
	}
}

// kill ends the process with SIGKILL as nothing in the cluster would; the next start comes without a pause.
func (w *worker) kill() bool {
	w.mu.Lock()
	process := w.process
	w.killed = process != nil
	w.mu.Unlock()
	if process == nil {
		return false
	}
	process.Kill()
	return true
}

// deleteObject removes the pod's object, which a node does once the pod's process has ended.
func (w *worker) deleteObject(ctx context.Context) {
	zero := int64(0)
	for ctx.Err() == nil && !w.removed() {
		attempt, cancel := context.WithTimeout(ctx, apiTimeout)
		err := w.node.client.CoreV1().Pods(w.namespace).Delete(attempt, w.name, metav1.DeleteOptions{
			GracePeriodSeconds: &zero, Preconditions: &metav1.Preconditions{UID: &w.pod.UID},
		})
		cancel()
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			w.setGone()
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
}

func (w *worker) removed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone
}

func (w *worker) setGone() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
}

func (w *worker) setState(s corev1.ContainerState) {
	w.mu.Lock()
	w.state = s
	w.mu.Unlock()
	w.report()
}

func (w *worker) setReady(ready bool) {
	w.mu.Lock()
	same := w.ready == ready
	w.ready = ready && w.process != nil
	w.mu.Unlock()
	if !same {
		w.report()
	}
}

// snapshot is the pod for the Node's methods.
func (w *worker) snapshot() (pod Pod, terminating bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	pod = Pod{Namespace: w.namespace, Name: w.name, IP: w.ip, Ready: w.ready, Restarts: w.restarts}
	if w.process != nil {
		pod.PID = w.process.PID()
	}
	return pod, w.terminating
}
