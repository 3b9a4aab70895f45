package kubectl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// kinds are looked up for every object that is read.
var kinds = sync.OnceValue(Scheme)

// Files are objects of manifests, laid over those of a cluster.
type Files struct {
	// Cluster has what the files have not; nil where there is no cluster.
	Cluster client.Reader

	objects []*unstructured.Unstructured
}

// ReadFiles reads manifests as kubectl's -f does: files, folders, URLs, and - for the standard input. Objects without a
// namespace are in the given one.
func (o *Options) ReadFiles(names []string, recursive bool, namespace string) (*Files, error) {
	b := resource.NewLocalBuilder().Unstructured().ContinueOnError().Flatten()
	named := resource.FilenameOptions{Recursive: recursive}
	for _, name := range names {
		if name == "-" {
			b = b.Stream(o.Streams.In, "the standard input")
			continue
		}
		named.Filenames = append(named.Filenames, name)
	}
	infos, err := b.FilenameParam(false, &named).Do().Infos()
	if err != nil {
		return nil, err
	}
	f := &Files{}
	for _, info := range infos {
		u, ok := info.Object.(*unstructured.Unstructured)
		if !ok {
			return nil, fmt.Errorf("%s: %T is no object", info.Source, info.Object)
		}
		if kind := u.GroupVersionKind(); u.GetNamespace() == "" && kind.Kind != "Namespace" {
			u.SetNamespace(namespace)
		}
		f.objects = append(f.objects, u)
	}
	return f, nil
}

// Get finds an object in the files, or else in the cluster. Secrets of the cluster go first: those in files may be
// encrypted.
func (f *Files) Get(ctx context.Context, key types.NamespacedName, o client.Object, opts ...client.GetOption) error {
	kind, err := apiutil.GVKForObject(o, kinds())
	if err != nil {
		return err
	}
	missing := apierrors.NewNotFound(schema.GroupResource{Group: kind.Group, Resource: kind.Kind}, key.Name)
	secret := kind.Kind == "Secret"
	if secret && f.Cluster != nil {
		if err := f.Cluster.Get(ctx, key, o, opts...); !apierrors.IsNotFound(err) {
			return err
		}
	}
	i := f.find(kind, key)
	switch {
	case i >= 0:
		return convert(f.objects[i], o)
	case secret || f.Cluster == nil:
		return missing
	}
	return f.Cluster.Get(ctx, key, o, opts...)
}

// Has says that the files have an object of that kind and name.
func (f *Files) Has(o client.Object) bool {
	kind, err := apiutil.GVKForObject(o, kinds())
	return err == nil && f.find(kind, client.ObjectKeyFromObject(o)) >= 0
}

func (f *Files) find(kind schema.GroupVersionKind, key types.NamespacedName) int {
	return slices.IndexFunc(f.objects, func(u *unstructured.Unstructured) bool {
		return u.GroupVersionKind() == kind && u.GetName() == key.Name && u.GetNamespace() == key.Namespace
	})
}

// List is not needed by those who read from files.
func (f *Files) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("manifests are not listed")
}

// Plans are the Plans of the files, in their order.
func (f *Files) Plans() ([]*v1alpha1.Plan, error) {
	var plans []*v1alpha1.Plan
	kind := v1alpha1.GroupVersion.WithKind("Plan")
	for _, u := range f.objects {
		if u.GroupVersionKind() != kind {
			continue
		}
		p := &v1alpha1.Plan{}
		if err := convert(u, p); err != nil {
			return nil, fmt.Errorf("plan %s/%s: %w", u.GetNamespace(), u.GetName(), err)
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// convert refuses fields that the kind has not, as the API server does.
func convert(u *unstructured.Unstructured, o client.Object) error {
	switch o := o.(type) {
	case *corev1.Secret:
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, o); err != nil {
			return errors.New("the Secret cannot be read") // the reason may quote it
		}
		for k, v := range o.StringData {
			if o.Data == nil {
				o.Data = map[string][]byte{}
			}
			o.Data[k] = []byte(v)
		}
		return nil
	case *v1alpha1.Plan, *v1alpha1.PaymentProvider:
		return runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(u.Object, o, true)
	default:
		return runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, o)
	}
}
