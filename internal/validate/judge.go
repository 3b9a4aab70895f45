package validate

import (
	"cmp"
	"context"
	"encoding/base64"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/manifests"
)

const defaultNamespace = "default"

// object is a document with its kind's type.
type object[T any] struct {
	*manifests.Document
	key types.NamespacedName
	T   *T
	// refused says that the API server would not take it, so that what it holds may be anything.
	refused bool
}

type (
	paymentProvider = object[v1alpha1.PaymentProvider]
	plan            = object[v1alpha1.Plan]
	receiver        = object[v1alpha1.WebhookReceiver]
	endpoint        = object[v1alpha1.CheckoutEndpoint]
)

// secret is a Secret of the set, with its values decoded.
type secret struct {
	*manifests.Document
	key    types.NamespacedName
	values map[string]string
	paths  map[string]string // of the fields that the values are in
}

// judge holds the set against the rules.
type judge struct {
	Options
	set       *manifests.Set
	rule      *Rule
	findings  []Finding
	documents []*manifests.Document // of the findings

	refusals   map[*manifests.Document][]refusal
	providers  []paymentProvider
	plans      []plan
	receivers  []receiver
	endpoints  []endpoint
	secrets    []secret
	namespaces map[string]map[string]string // labels of those in the set
	// found are the secrets that were found, so that no message repeats one.
	found        map[string]bool
	longestFirst []string
	leaks        []leak
}

func newJudge(ctx context.Context, set *manifests.Set, o Options) (*judge, error) {
	j := &judge{
		Options: o, set: set, refusals: map[*manifests.Document][]refusal{},
		namespaces: map[string]map[string]string{}, found: map[string]bool{},
	}
	for _, d := range set.Documents {
		if !d.IsObject() {
			continue
		}
		gvk := schema.FromAPIVersionAndKind(d.APIVersion(), d.Kind())
		refused, err := refusals(ctx, gvk, d.Value)
		if err != nil {
			return nil, err
		}
		if len(refused) > 0 {
			j.refusals[d] = refused
		}
		j.index(d, gvk)
	}
	j.search()
	return j, nil
}

// index notes a document under its kind.
func (j *judge) index(d *manifests.Document, gvk schema.GroupVersionKind) {
	switch gvk.GroupKind() {
	case schema.GroupKind{Group: v1alpha1.GroupVersion.Group, Kind: "PaymentProvider"}:
		j.providers = add(j, j.providers, d)
	case schema.GroupKind{Group: v1alpha1.GroupVersion.Group, Kind: "Plan"}:
		j.plans = add(j, j.plans, d)
	case schema.GroupKind{Group: v1alpha1.GroupVersion.Group, Kind: "WebhookReceiver"}:
		j.receivers = add(j, j.receivers, d)
	case schema.GroupKind{Group: v1alpha1.GroupVersion.Group, Kind: "CheckoutEndpoint"}:
		j.endpoints = add(j, j.endpoints, d)
	case schema.GroupKind{Kind: "Secret"}:
		j.secrets = append(j.secrets, j.secret(d))
	case schema.GroupKind{Kind: "Namespace"}:
		labels := map[string]string{"kubernetes.io/metadata.name": d.Name()}
		metadata, _ := d.Value["metadata"].(map[string]any)
		given, _ := metadata["labels"].(map[string]any)
		for name, value := range given {
			labels[name], _ = value.(string)
		}
		j.namespaces[d.Name()] = labels
	}
}

// add adds a document to those of its kind, unless it cannot be read as one.
func add[T any](j *judge, list []object[T], d *manifests.Document) []object[T] {
	typed := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(d.Value, typed); err != nil {
		typed = new(T) // it still is there for those that refer to it
	}
	return append(list, object[T]{Document: d, key: j.keyOf(d), T: typed, refused: len(j.refusals[d]) > 0})
}

func (j *judge) keyOf(d *manifests.Document) types.NamespacedName {
	return types.NamespacedName{Namespace: cmp.Or(d.Namespace(), j.Namespace), Name: d.Name()}
}

func (j *judge) secret(d *manifests.Document) secret {
	s := secret{Document: d, key: j.keyOf(d), values: map[string]string{}, paths: map[string]string{}}
	for _, field := range []string{"data", "stringData"} {
		values, _ := d.Value[field].(map[string]any)
		for name, v := range values {
			text, ok := v.(string)
			if field == "data" {
				raw, err := base64.StdEncoding.DecodeString(text)
				text, ok = string(raw), ok && err == nil
			}
			if ok {
				s.values[name], s.paths[name] = text, manifests.Join(field, name)
			}
		}
	}
	return s
}

// provider finds the PaymentProviders of a reference: several where overlays of several environments are in the set.
func (j *judge) provider(from types.NamespacedName, name, namespace string) []paymentProvider {
	key := accounts.ProviderKey(from.Namespace, &v1alpha1.PlanProvider{Name: name, Namespace: namespace})
	var out []paymentProvider
	for _, p := range j.providers {
		if p.key == key {
			out = append(out, p)
		}
	}
	return out
}

// live says that one of the PaymentProviders moves real money.
func live(providers []paymentProvider) bool {
	for _, p := range providers {
		if p.T.Spec.Mode == v1alpha1.ModeLive {
			return true
		}
	}
	return false
}
