package localnode

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/test/child"
)

// tmpPath is the one mount path that a child process can be given, as $TMPDIR.
const tmpPath = "/tmp"

// command makes the child process of the pod's container. Its environment holds what a container's would, and nothing
// of this process's but PATH and where to write coverage.
func (w *worker) command(ctx context.Context) (child.Command, error) {
	if err := supported(&w.pod.Spec); err != nil {
		return child.Command{}, err
	}
	container := &w.pod.Spec.Containers[0]
	image, ok := w.node.image(container.Image)
	if !ok {
		return child.Command{}, notRunnableError{"ErrImageNeverPull",
			fmt.Sprintf("the local node has no program for image %q", container.Image)}
	}
	env, err := w.environment(ctx, container, image)
	if err != nil {
		return child.Command{}, err
	}
	args := image.Args
	if len(container.Command) > 0 {
		args = container.Command[1:]
	}
	args = slices.Concat(args, container.Args, image.More)
	lookup := environmentMap(env)
	for i := range args {
		args[i] = expand(args[i], lookup)
	}
	return child.Command{Path: image.Path, Args: args, Env: env, Dir: w.dir}, nil
}

// supported says what of a pod's spec the node cannot do.
func supported(spec *corev1.PodSpec) error {
	if len(spec.Containers) != 1 || len(spec.InitContainers) > 0 {
		return notRunnableError{"CreateContainerError", "the local node runs pods of one container without init containers"}
	}
	c := &spec.Containers[0]
	for _, v := range spec.Volumes {
		if v.EmptyDir == nil {
			return notRunnableError{"CreateContainerError",
				fmt.Sprintf("volume %s: the local node can mount nothing but an emptyDir at %s", v.Name, tmpPath)}
		}
	}
	for _, m := range c.VolumeMounts {
		if m.MountPath != tmpPath {
			return notRunnableError{"CreateContainerError",
				fmt.Sprintf("mount path %s: the local node can mount nothing but an emptyDir at %s", m.MountPath, tmpPath)}
		}
	}
	if p := c.ReadinessProbe; p != nil && p.HTTPGet == nil && p.TCPSocket == nil {
		return notRunnableError{"CreateContainerError", "the local node knows httpGet and tcpSocket probes only"}
	}
	if l := c.Lifecycle; l != nil && (l.PostStart != nil || l.PreStop != nil && l.PreStop.Sleep == nil) {
		return notRunnableError{"CreateContainerError", "the local node knows no lifecycle hook but preStop.sleep"}
	}
	return nil
}

// environment resolves the container's environment. While the API server does not answer, a pod that ran before starts
// again with the environment that it had.
func (w *worker) environment(ctx context.Context, c *corev1.Container, image Image) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	env := slices.Concat(w.baseEnvironment(), image.Env)
	declared, err := w.declaredEnvironment(ctx, c, env)
	if err == nil && w.kubeconfig == "" {
		w.kubeconfig, err = w.writeIdentity(ctx)
	}
	if err != nil {
		if w.lastEnv != nil && !isAnswer(err) {
			return w.lastEnv, nil
		}
		return nil, err
	}
	if w.kubeconfig != "" {
		env = append(env, "KUBECONFIG="+w.kubeconfig)
	}
	w.lastEnv = slices.Concat(env, declared)
	return w.lastEnv, nil
}

// isAnswer says whether the API server answered and the answer was no.
func isAnswer(err error) bool {
	var n notRunnableError
	return errors.As(err, &n) || apierrors.ReasonForError(err) != metav1.StatusReasonUnknown
}

func (w *worker) baseEnvironment() []string {
	proxy := w.node.ProxyURL()
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + filepath.Join(w.dir, "tmp"),
		"HOSTNAME=" + w.name, "POD_IP=" + w.ip, "KASSA_BIND_ADDRESS=" + w.ip,
		"HTTP_PROXY=" + proxy, "HTTPS_PROXY=" + proxy, "NO_PROXY=localhost,127.0.0.0/8",
	}
	if dir := os.Getenv("GOCOVERDIR"); dir != "" {
		env = append(env, "GOCOVERDIR="+dir)
	}
	return env
}

func environmentMap(env []string) map[string]string {
	m := make(map[string]string, len(env))
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		m[name] = value
	}
	return m
}

// expand replaces $(NAME) by the variable's value as Kubernetes does: an unknown name stays as it is, $$ is one $.
func expand(text string, env map[string]string) string {
	var out strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i+1 == len(text) {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:i])
		text = text[i:]
		end := strings.IndexByte(text, ')')
		switch {
		case text[1] == '$':
			out.WriteByte('$')
			text = text[2:]
		case text[1] == '(' && end > 0:
			if value, ok := env[text[2:end]]; ok {
				out.WriteString(value)
			} else {
				out.WriteString(text[:end+1])
			}
			text = text[end+1:]
		default:
			out.WriteByte('$')
			text = text[1:]
		}
	}
}
