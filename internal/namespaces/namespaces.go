// Package namespaces keeps an operator to some namespaces of its cluster, where it has no rights elsewhere.
package namespaces

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Set is where an operator works; an empty one is everywhere.
type Set []string

// Parse makes a Set of names.
func Parse(names []string) (Set, error) {
	var set Set
	for _, name := range names {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return nil, fmt.Errorf("%q is no name of a namespace: %s", name, strings.Join(problems, "; "))
		}
		if !slices.Contains(set, name) {
			set = append(set, name)
		}
	}
	return set, nil
}

// Has says whether the operator works in a namespace.
func (s Set) Has(namespace string) bool { return len(s) == 0 || slices.Contains(s, namespace) }

// Cache is what a cache is to hold; nil where it is everything.
func (s Set) Cache() map[string]cache.Config {
	if len(s) == 0 {
		return nil
	}
	held := map[string]cache.Config{}
	for _, namespace := range s {
		held[namespace] = cache.Config{}
	}
	return held
}

// OutsideError is that of an object which is where the operator does not work.
type OutsideError struct{ Namespace string }

func (e *OutsideError) Error() string {
	return fmt.Sprintf("namespace %q is none of those in which this operator works", e.Namespace)
}

// Client is c with an OutsideError for what is elsewhere, of which a cache would say that it does not know the
// namespace. A list of what is elsewhere is empty.
func (s Set) Client(c client.Client) client.Client {
	if len(s) == 0 {
		return c
	}
	return &bounded{Client: c, set: s}
}

type bounded struct {
	client.Client
	set Set
}

func (b *bounded) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if key.Namespace != "" && !b.set.Has(key.Namespace) {
		return &OutsideError{Namespace: key.Namespace}
	}
	return b.Client.Get(ctx, key, o, opts...)
}

func (b *bounded) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	asked := client.ListOptions{}
	asked.ApplyOptions(opts)
	if asked.Namespace != "" && !b.set.Has(asked.Namespace) {
		return meta.SetList(list, nil)
	}
	return b.Client.List(ctx, list, opts...)
}

// Reader is r, which asks the API server, with lists of each namespace in place of lists of all. It lists only what is
// in namespaces.
func (s Set) Reader(r client.Reader) client.Reader {
	if len(s) == 0 {
		return r
	}
	return &each{Reader: r, set: s}
}

type each struct {
	client.Reader
	set Set
}

func (e *each) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	asked := client.ListOptions{}
	asked.ApplyOptions(opts)
	if asked.Namespace != "" {
		return e.Reader.List(ctx, list, opts...)
	}
	var all []runtime.Object
	for _, namespace := range e.set {
		if err := e.Reader.List(ctx, list, append(slices.Clone(opts), client.InNamespace(namespace))...); err != nil {
			return err
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			return err
		}
		all = append(all, items...)
	}
	return meta.SetList(list, all)
}
