package controlplane

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/yaml"
)

const modulePath = "github.com/kassa-dev/kassa"

// ModuleRoot finds the project's folder from the working directory upwards.
func ModuleRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if isModuleRoot(filepath.Join(dir, "go.mod")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not inside a checkout of %s", start, modulePath)
		}
	}
}

func isModuleRoot(goMod string) bool {
	f, err := os.Open(goMod)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 && fields[0] == "module" {
			return fields[1] == modulePath
		}
	}
	return false
}

// Assets returns the folder with etcd, kube-apiserver and kubectl. The first call on a machine may take minutes, and
// shows its progress on stderr.
func Assets(ctx context.Context) (string, error) {
	root, err := ModuleRoot()
	if err != nil {
		return "", err
	}
	ensure := exec.CommandContext(ctx, filepath.Join(root, "hack", "controlplane", "ensure"))
	ensure.Stderr = os.Stderr
	out, err := ensure.Output()
	if err != nil {
		return "", fmt.Errorf("hack/controlplane/ensure: %w", err)
	}
	return string(bytes.TrimSpace(out)), nil
}

// installCRDs creates the CRDs of config/crd/bases and waits until the API server has established them.
func (cp *ControlPlane) installCRDs(ctx context.Context) error {
	crds, err := readCRDs()
	if err != nil {
		return err
	}
	api, err := apiextensions.NewForConfig(cp.admin)
	if err != nil {
		return err
	}
	client := api.CustomResourceDefinitions()
	for _, crd := range crds {
		_, err := client.Create(ctx, crd, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create CRD %s: %w", crd.Name, err)
		}
	}
	for _, crd := range crds {
		err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
			got, err := client.Get(ctx, crd.Name, metav1.GetOptions{})
			return err == nil && established(got), err
		})
		if err != nil {
			return fmt.Errorf("CRD %s is not established: %w", crd.Name, err)
		}
	}
	return cp.awaitDiscovery(ctx, crds)
}

// awaitDiscovery waits until the API server names what it serves, which comes a moment after a CRD is established.
func (cp *ControlPlane) awaitDiscovery(ctx context.Context, crds []*apiextensionsv1.CustomResourceDefinition) error {
	client, err := discovery.NewDiscoveryClientForConfig(cp.admin)
	if err != nil {
		return err
	}
	for _, crd := range crds {
		version := crd.Spec.Group + "/" + crd.Spec.Versions[0].Name
		err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(context.Context) (bool, error) {
			// An error is a group that is not served yet; the context ends a wait for one that never is.
			list, err := client.ServerResourcesForGroupVersion(version)
			return err == nil && slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool {
				return r.Name == crd.Spec.Names.Plural
			}), nil
		})
		if err != nil {
			return fmt.Errorf("%s is not served: %w", crd.Name, err)
		}
	}
	return nil
}

func established(crd *apiextensionsv1.CustomResourceDefinition) bool {
	for _, c := range crd.Status.Conditions {
		if c.Type == apiextensionsv1.Established {
			return c.Status == apiextensionsv1.ConditionTrue
		}
	}
	return false
}

func readCRDs() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	root, err := ModuleRoot()
	if err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(root, "config", "crd", "bases", "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, errors.New("config/crd/bases is empty; run make generate")
	}
	crds := make([]*apiextensionsv1.CustomResourceDefinition, 0, len(paths))
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(content, crd); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		crds = append(crds, crd)
	}
	return crds, nil
}
