package localnode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	appslisters "k8s.io/client-go/listers/apps/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const (
	deploymentKind     = "Deployment"
	minRetry, maxRetry = 50 * time.Millisecond, 5 * time.Second
)

// deploymentController makes Deployments into Pods. One goroutine works on one Deployment at a time.
type deploymentController struct {
	node        *Node
	deployments appslisters.DeploymentLister
	pods        corelisters.PodLister
	queue       workqueue.TypedRateLimitingInterface[types.NamespacedName]

	// What this controller wrote and the watch may not have shown yet.
	created map[types.UID]*corev1.Pod
	deleted map[types.UID]string // their namespaces
}

func newDeploymentController(n *Node, factory informers.SharedInformerFactory) (*deploymentController, error) {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](minRetry, maxRetry)
	c := &deploymentController{
		node:        n,
		deployments: factory.Apps().V1().Deployments().Lister(),
		pods:        factory.Core().V1().Pods().Lister(),
		queue:       workqueue.NewTypedRateLimitingQueue(limiter),
		created:     map[types.UID]*corev1.Pod{},
		deleted:     map[types.UID]string{},
	}
	_, onDeployment := factory.Apps().V1().Deployments().Informer().AddEventHandler(handler(func(obj metav1.Object) {
		c.queue.Add(types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()})
	}))
	_, onPod := factory.Core().V1().Pods().Informer().AddEventHandler(handler(func(obj metav1.Object) {
		if owner := metav1.GetControllerOf(obj); owner != nil && owner.Kind == deploymentKind {
			c.queue.Add(types.NamespacedName{Namespace: obj.GetNamespace(), Name: owner.Name})
		}
	}))
	return c, errors.Join(onDeployment, onPod)
}

// handler calls f for every object that was added, updated or deleted.
func handler(f func(metav1.Object)) cache.ResourceEventHandlerFuncs {
	call := func(obj any) {
		if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
			obj = gone.Obj
		}
		if o, ok := obj.(metav1.Object); ok {
			f(o)
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: call, UpdateFunc: func(_, obj any) { call(obj) }, DeleteFunc: call,
	}
}

func (c *deploymentController) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, c.queue.ShutDown)
	defer stop()
	for {
		key, shutdown := c.queue.Get()
		if shutdown {
			return
		}
		attempt, cancel := context.WithTimeout(ctx, apiTimeout)
		err := c.sync(attempt, key)
		cancel()
		if err != nil {
			if ctx.Err() == nil && !apierrors.IsConflict(err) {
				c.node.logf("Deployment %s: %v", key, err)
			}
			c.queue.AddRateLimited(key)
		} else {
			c.queue.Forget(key)
		}
		c.queue.Done(key)
	}
}

func (c *deploymentController) sync(ctx context.Context, key types.NamespacedName) error {
	d, err := c.deployments.Deployments(key.Namespace).Get(key.Name)
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	live := err == nil
	pods, err := c.owned(key)
	if err != nil {
		return err
	}
	hash := ""
	if live {
		if hash, err = templateHash(&d.Spec.Template); err != nil {
			return err
		}
		live = !foregroundDeletion(d)
	}
	var replicas []replica
	var terminating int32
	for _, pod := range pods {
		switch {
		case pod.DeletionTimestamp != nil || c.isDeleted(pod.UID):
			terminating++
		case !live || metav1.GetControllerOf(pod).UID != d.UID:
			if err := c.remove(ctx, pod); err != nil {
				return err
			}
		default:
			replicas = append(replicas, replica{
				name: pod.Name, current: pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey] == hash,
				ready: isReady(pod), created: pod.CreationTimestamp.Unix(),
			})
		}
	}
	if !live || d.DeletionTimestamp != nil {
		return nil
	}
	failure := c.act(ctx, d, hash, replicas, pods, terminating)
	return errors.Join(failure, c.report(ctx, d, replicas, terminating, failure))
}

// act takes the rollout's next step. Recreate waits for terminating pods before it creates any.
func (c *deploymentController) act(
	ctx context.Context, d *appsv1.Deployment, hash string, replicas []replica, pods map[string]*corev1.Pod,
	terminating int32,
) error {
	want := int(replicasOf(d))
	recreate := d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType
	s := nextStep(want, recreate, replicas)
	if recreate && terminating > 0 {
		s.create = 0
	}
	for _, name := range s.remove {
		if err := c.remove(ctx, pods[name]); err != nil {
			return err
		}
	}
	for range s.create {
		pod, err := c.node.client.CoreV1().Pods(d.Namespace).Create(ctx, newPod(d, hash), metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("create pod: %w", err)
		}
		c.created[pod.UID] = pod
	}
	if s.create > 0 || len(s.remove) > 0 {
		c.queue.Add(types.NamespacedName{Namespace: d.Namespace, Name: d.Name})
	}
	return nil
}

func (c *deploymentController) remove(ctx context.Context, pod *corev1.Pod) error {
	uid := pod.UID
	err := c.node.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete pod %s: %w", pod.Name, err)
	}
	c.deleted[uid] = pod.Namespace
	return nil
}

// owned lists the pods of a Deployment by name, also those of an earlier one of the same name.
func (c *deploymentController) owned(key types.NamespacedName) (map[string]*corev1.Pod, error) {
	listed, err := c.pods.Pods(key.Namespace).List(labels.Everything())
	if err != nil {
		return nil, err
	}
	owned := map[string]*corev1.Pod{}
	seen := map[types.UID]bool{}
	for _, pod := range listed {
		seen[pod.UID] = true
		delete(c.created, pod.UID)
		if isOwnedBy(pod, key) {
			owned[pod.Name] = pod
		}
	}
	for uid, pod := range c.created {
		switch {
		case c.isDeleted(uid):
			delete(c.created, uid)
		case isOwnedBy(pod, key):
			owned[pod.Name] = pod
		}
	}
	maps.DeleteFunc(c.deleted, func(uid types.UID, ns string) bool { return ns == key.Namespace && !seen[uid] })
	return owned, nil
}

func (c *deploymentController) isDeleted(uid types.UID) bool {
	_, ok := c.deleted[uid]
	return ok
}

func isOwnedBy(pod *corev1.Pod, key types.NamespacedName) bool {
	owner := metav1.GetControllerOf(pod)
	return pod.Namespace == key.Namespace && owner != nil && owner.Kind == deploymentKind && owner.Name == key.Name
}

// foregroundDeletion says whether the Deployment waits for the end of its pods.
func foregroundDeletion(d *appsv1.Deployment) bool {
	if d.DeletionTimestamp == nil {
		return false
	}
	for _, f := range d.Finalizers {
		if f == metav1.FinalizerDeleteDependents {
			return true
		}
	}
	return false
}

func templateHash(t *corev1.PodTemplateSpec) (string, error) {
	content, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	hash := fnv.New32a()
	_, _ = hash.Write(content)
	return fmt.Sprintf("%08x", hash.Sum32()), nil
}

func newPod(d *appsv1.Deployment, hash string) *corev1.Pod {
	template := d.Spec.Template.DeepCopy()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: d.Name + "-" + hash + "-", Namespace: d.Namespace,
			Labels: maps.Clone(template.Labels), Annotations: template.Annotations,
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind(deploymentKind)),
			},
		},
		Spec: template.Spec,
	}
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	pod.Spec.NodeName = Name
	return pod
}

// report writes the Deployment's status if it changed.
func (c *deploymentController) report(
	ctx context.Context, d *appsv1.Deployment, replicas []replica, terminating int32, failure error,
) error {
	status := deploymentStatus(d, replicas, terminating, failure, metav1.Now())
	if equality.Semantic.DeepEqual(status, d.Status) {
		return nil
	}
	d = d.DeepCopy()
	d.Status = status
	_, err := c.node.client.AppsV1().Deployments(d.Namespace).UpdateStatus(ctx, d, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
