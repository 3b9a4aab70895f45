package localnode

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// declaredEnvironment resolves envFrom and env of a container, in their order.
func (w *worker) declaredEnvironment(ctx context.Context, c *corev1.Container, base []string) ([]string, error) {
	var declared []string
	known := environmentMap(base)
	add := func(name, value string) {
		declared = append(declared, name+"="+value)
		known[name] = value
	}
	for _, from := range c.EnvFrom {
		data, err := w.source(ctx, from)
		if err != nil {
			return nil, err
		}
		for _, key := range sortedKeys(data) {
			add(from.Prefix+key, data[key])
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			add(e.Name, expand(e.Value, known))
			continue
		}
		value, found, err := w.value(ctx, c, e.ValueFrom)
		if err != nil {
			return nil, fmt.Errorf("env %s: %w", e.Name, err)
		}
		if found {
			add(e.Name, value)
		}
	}
	return declared, nil
}

// source reads a whole Secret or ConfigMap.
func (w *worker) source(ctx context.Context, from corev1.EnvFromSource) (map[string]string, error) {
	switch {
	case from.SecretRef != nil:
		return w.secret(ctx, from.SecretRef.Name, isTrue(from.SecretRef.Optional))
	case from.ConfigMapRef != nil:
		return w.configMap(ctx, from.ConfigMapRef.Name, isTrue(from.ConfigMapRef.Optional))
	default:
		return nil, notRunnableError{"CreateContainerConfigError", "envFrom names neither a Secret nor a ConfigMap"}
	}
}

// value resolves one variable; it is not found if its source is optional and lacks it.
func (w *worker) value(ctx context.Context, c *corev1.Container, from *corev1.EnvVarSource) (string, bool, error) {
	var data map[string]string
	var key string
	var optional bool
	var err error
	switch {
	case from.FieldRef != nil:
		value, err := w.field(from.FieldRef.FieldPath)
		return value, err == nil, err
	case from.ResourceFieldRef != nil:
		value, err := resourceField(c, from.ResourceFieldRef)
		return value, err == nil, err
	case from.SecretKeyRef != nil:
		key, optional = from.SecretKeyRef.Key, isTrue(from.SecretKeyRef.Optional)
		data, err = w.secret(ctx, from.SecretKeyRef.Name, optional)
	case from.ConfigMapKeyRef != nil:
		key, optional = from.ConfigMapKeyRef.Key, isTrue(from.ConfigMapKeyRef.Optional)
		data, err = w.configMap(ctx, from.ConfigMapKeyRef.Name, optional)
	default:
		return "", false, notRunnableError{"CreateContainerConfigError", "the source is none that the local node knows"}
	}
	if err != nil {
		return "", false, err
	}
	value, found := data[key]
	if !found && !optional {
		return "", false, notRunnableError{"CreateContainerConfigError", "couldn't find key " + key}
	}
	return value, found, nil
}

func (w *worker) secret(ctx context.Context, name string, optional bool) (map[string]string, error) {
	secret, err := w.node.client.CoreV1().Secrets(w.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, absent(err, optional)
	}
	data := make(map[string]string, len(secret.Data))
	for key, value := range secret.Data {
		data[key] = string(value)
	}
	return data, nil
}

func (w *worker) configMap(ctx context.Context, name string, optional bool) (map[string]string, error) {
	cm, err := w.node.client.CoreV1().ConfigMaps(w.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, absent(err, optional)
	}
	return cm.Data, nil
}

// absent lets an optional source be absent.
func absent(err error, optional bool) error {
	if optional && apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// field resolves the downward API's field paths.
func (w *worker) field(path string) (string, error) {
	pod := w.pod
	if name, ok := subscript(path, "metadata.labels"); ok {
		return pod.Labels[name], nil
	}
	if name, ok := subscript(path, "metadata.annotations"); ok {
		return pod.Annotations[name], nil
	}
	switch path {
	case "metadata.name":
		return pod.Name, nil
	case "metadata.namespace":
		return pod.Namespace, nil
	case "metadata.uid":
		return string(pod.UID), nil
	case "spec.nodeName":
		return pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName, nil
	case "status.podIP", "status.podIPs":
		return w.ip, nil
	case "status.hostIP", "status.hostIPs":
		return "127.0.0.1", nil
	default:
		return "", notRunnableError{"CreateContainerConfigError", "unsupported field path " + path}
	}
}

// subscript takes name out of path['name'].
func subscript(path, of string) (string, bool) {
	rest, ok := strings.CutPrefix(path, of+"['")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "']")
}

// resourceField resolves a request or limit of the container, in units of the divisor, rounded up.
func resourceField(c *corev1.Container, ref *corev1.ResourceFieldSelector) (string, error) {
	kind, name, _ := strings.Cut(ref.Resource, ".")
	list := map[string]corev1.ResourceList{"limits": c.Resources.Limits, "requests": c.Resources.Requests}[kind]
	quantity, ok := list[corev1.ResourceName(name)]
	if !ok {
		return "", notRunnableError{"CreateContainerConfigError", "the container does not set " + ref.Resource}
	}
	divisor := ref.Divisor
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	value, unit := quantity.MilliValue(), divisor.MilliValue()
	return strconv.FormatInt((value+unit-1)/unit, 10), nil
}

func sortedKeys(data map[string]string) []string {
	keys := make([]string, 0, len(data))
	for key := range data {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func isTrue(b *bool) bool { return b != nil && *b }
