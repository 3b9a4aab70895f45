// Package chart renders and installs charts/kassa, with the Helm that the project pins.
package chart

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kassa-dev/kassa/test/controlplane"
)

// Helm runs Helm in the module's root and returns what it printed. Without a kubeconfig it reaches no cluster.
func Helm(t testing.TB, kubeconfig string, args ...string) []byte {
	t.Helper()
	out, err := helm(t, kubeconfig, args)
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), "helm %s: %s", strings.Join(args, " "), out)
	return out
}

// Refused is why Helm does not do it.
func Refused(t testing.TB, kubeconfig string, args ...string) string {
	t.Helper()
	out, err := helm(t, kubeconfig, args)
	NewWithT(t).Expect(err).To(HaveOccurred(), "helm %s: %s", strings.Join(args, " "), out)
	return string(out)
}

func helm(t testing.TB, kubeconfig string, args []string) ([]byte, error) {
	t.Helper()
	home := t.TempDir()
	ensured, err := run("hack/tools/ensure", nil, "helm")
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), "%s", ensured)
	return run(strings.TrimSpace(string(ensured)), []string{
		"KUBECONFIG=" + kubeconfig, "HELM_CACHE_HOME=" + home, "HELM_CONFIG_HOME=" + home, "HELM_DATA_HOME=" + home,
	}, args...)
}

// Render is what a release of the chart has; args are further ones of helm template.
func Render(t testing.TB, release, namespace string, args ...string) []*unstructured.Unstructured {
	t.Helper()
	return Decode(t, Helm(t, os.DevNull, append([]string{
		"template", release, "charts/kassa", "--namespace", namespace, "--kube-version", "1.37",
	}, args...)...))
}

// Decode reads the objects of a stream of YAML documents.
func Decode(t testing.TB, text []byte) []*unstructured.Unstructured {
	t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var objects []*unstructured.Unstructured
	for {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(o)
		if errors.Is(err, io.EOF) {
			return objects
		}
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		if len(o.Object) > 0 {
			objects = append(objects, o)
		}
	}
}

func run(path string, env []string, args ...string) ([]byte, error) {
	root, err := controlplane.ModuleRoot()
	if err != nil {
		return nil, err
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(root, path)
	}
	cmd := exec.Command(path, args...) //nolint:noctx // it ends by itself
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return problems.Bytes(), err
	}
	return out.Bytes(), nil
}
