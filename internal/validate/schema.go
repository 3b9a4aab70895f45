package validate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/api/operation"
	metavalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/kassa-dev/kassa/config/crd"
)

// refusal is what the API server would say, and of which field.
type refusal struct {
	path    string
	message string
}

// kind judges objects of one kind as the API server does at a creation, with the API server's own code.
type kind struct {
	schema    *structural.Structural
	validator validation.SchemaValidator
	rules     *cel.Validator
}

// kinds are those of the CRDs of this build. A kind's rules take a while to compile, so each waits until it is asked
// for.
var kinds = sync.OnceValues(readKinds)

func readKinds() (map[schema.GroupVersionKind]func() (*kind, error), error) {
	files, err := fs.Glob(crd.Bases, "bases/*.yaml")
	if err != nil {
		return nil, err
	}
	out := map[schema.GroupVersionKind]func() (*kind, error){}
	for _, file := range files {
		text, err := crd.Bases.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var definition apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(text, &definition); err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		for _, v := range definition.Spec.Versions {
			gvk := schema.GroupVersionKind{
				Group: definition.Spec.Group, Version: v.Name, Kind: definition.Spec.Names.Kind,
			}
			out[gvk] = sync.OnceValues(func() (*kind, error) { return newKind(v.Schema) })
		}
	}
	return out, nil
}

func newKind(published *apiextensionsv1.CustomResourceValidation) (*kind, error) {
	var props apiextensions.JSONSchemaProps
	err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		published.OpenAPIV3Schema, &props, nil)
	if err != nil {
		return nil, err
	}
	k := &kind{}
	if k.schema, err = structural.NewStructural(&props); err != nil {
		return nil, err
	}
	if k.validator, _, err = validation.NewSchemaValidator(&props); err != nil {
		return nil, err
	}
	k.rules = cel.NewValidator(k.schema, true, celconfig.PerCallLimit)
	return k, nil
}

// refusals are what the API server would say to the creation of an object of a group of Kassa's; nil for others. The
// given value stays as it is.
func refusals(ctx context.Context, gvk schema.GroupVersionKind, value map[string]any) ([]refusal, error) {
	known, err := kinds()
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(known)), func(k schema.GroupVersionKind) bool {
		return k.Group == gvk.Group
	}) {
		return nil, nil
	}
	load, ok := known[gvk]
	if !ok {
		return []refusal{{path: "kind", message: fmt.Sprintf(`no matches for kind %q in version %q`,
			gvk.Kind, gvk.GroupVersion())}}, nil
	}
	k, err := load()
	if err != nil {
		return nil, fmt.Errorf("reading the schema of %s: %w", gvk.Kind, err)
	}
	return k.refusals(ctx, value), nil
}

func (k *kind) refusals(ctx context.Context, value map[string]any) []refusal {
	object := runtime.DeepCopyJSON(value)
	var out []refusal
	unknown := pruning.PruneWithOptions(object, k.schema, true, structural.UnknownFieldPathOptions{
		TrackUnknownFieldPaths: true,
	})
	defaulting.PruneNonNullableNullsWithoutDefaults(object, k.schema)
	problem, more := objectmeta.CoerceWithOptions(nil, object, k.schema, true, objectmeta.CoerceOptions{
		ReturnUnknownFieldPaths: true,
	})
	if problem != nil {
		return append(out, refusal{problem.Field, problem.Error()})
	}
	for _, path := range append(unknown, more...) {
		out = append(out, refusal{path, fmt.Sprintf("unknown field %q", path)})
	}
	defaulting.Default(object, k.schema)
	delete(object, "status") // a creation leaves it out
	for _, e := range k.errors(ctx, object) {
		out = append(out, refusal{e.Field, e.Error()})
	}
	return out
}

// errors are in the API server's own order. Rules of CEL are not asked where the object's shape is wrong.
func (k *kind) errors(ctx context.Context, object map[string]any) field.ErrorList {
	errs := metadata(ctx, object)
	errs = append(errs, validation.ValidateCustomResource(nil, object, k.validator)...)
	errs = append(errs, objectmeta.Validate(ctx, nil, object, k.schema, false)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.schema, object)...)
	if k.rules == nil || slices.ContainsFunc(errs, blocks) {
		return errs
	}
	broken, _ := k.rules.Validate(ctx, nil, k.schema, object, nil, celconfig.RuntimeCELCostBudget)
	return append(errs, broken...)
}

func blocks(e *field.Error) bool {
	return slices.Contains([]field.ErrorType{
		field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany,
		field.ErrorTypeTypeInvalid,
	}, e.Type)
}

func metadata(ctx context.Context, object map[string]any) field.ErrorList {
	meta, _, err := objectmeta.GetObjectMeta(object, false)
	if err != nil {
		return field.ErrorList{field.Invalid(field.NewPath("metadata"), nil, plain(err))}
	}
	if meta == nil || (meta.Name == "" && meta.GenerateName == "") {
		return field.ErrorList{field.Required(field.NewPath("metadata", "name"), "name or generateName is required")}
	}
	if meta.Namespace == "" {
		meta.Namespace = defaultNamespace // kubectl fills in the context's
	}
	return metavalidation.ValidateObjectMetaDeclaratively(ctx, operation.Create, meta, nil, true,
		metavalidation.NameIsDNSSubdomain, field.NewPath("metadata"), false)
}

// plain leaves out the Go types of an error of the JSON decoder.
func plain(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return strings.ReplaceAll(err.Error(), "Go ", "")
}
