package kube

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

const (
	resource     = "eventledgers"
	fieldManager = "kassa-ledger"
	// onlyMetadata has the API server leave the entries out of its answer to a write: the writer has them.
	onlyMetadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
)

// ClientFor makes a client for Options.Client. It has no request limit of its own: the ledger has few requests in
// flight and each carries many events, so a client-side limit would only delay answers to the provider. Give it a
// config of its own if other traffic of the process is heavy, because HTTP/2 puts all of one config's requests on
// one connection.
func ClientFor(config *rest.Config) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c := rest.CopyConfig(config)
	c.APIPath = "/apis"
	c.GroupVersion = &v1alpha1.GroupVersion
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c.ContentType = runtime.ContentTypeJSON
	c.AcceptContentTypes = runtime.ContentTypeJSON
	c.QPS = -1
	c.RateLimiter = nil
	return rest.RESTClientFor(c)
}

// apiStore is the store on a real API server.
type apiStore struct {
	client    rest.Interface
	namespace string
	selector  string
	wrote     func(bytes int)
}

func (s *apiStore) Get(ctx context.Context, name string) (*v1alpha1.EventLedger, error) {
	text, err := textOf(s.client.Get().Namespace(s.namespace).Resource(resource).Name(name).Do(ctx))
	if err != nil {
		return nil, err
	}
	return decodeLedger(text)
}

func (s *apiStore) List(ctx context.Context, limit int64, next string) (*v1alpha1.EventLedgerList, error) {
	r := s.client.Get().Namespace(s.namespace).Resource(resource).
		Param("labelSelector", s.selector).Param("limit", strconv.FormatInt(limit, 10))
	if next != "" {
		r = r.Param("continue", next)
	}
	text, err := textOf(r.Do(ctx))
	if err != nil {
		return nil, err
	}
	return decodeList(text)
}

// textOf is the JSON of an answer that is no error.
func textOf(result rest.Result) ([]byte, error) {
	if err := result.Error(); err != nil {
		return nil, definite(err)
	}
	return result.Raw()
}

func (s *apiStore) Create(ctx context.Context, o *v1alpha1.EventLedger) (stamp, error) {
	return s.write(ctx, s.client.Post(), o)
}

func (s *apiStore) Update(ctx context.Context, o *v1alpha1.EventLedger) (stamp, error) {
	return s.write(ctx, s.client.Put().Name(o.Name), o)
}

// write sends one create or update. The client must not repeat it by itself: what a repeated compare-and-swap
// answers is not what became of the first.
//
// A list with one empty entry has the API server keep no managed fields: nobody applies segments, and to track who set
// which field costs it a fifth of what a write costs, and etcd some hundred bytes each.
func (s *apiStore) write(ctx context.Context, r *rest.Request, o *v1alpha1.EventLedger) (stamp, error) {
	sent := *o
	sent.ManagedFields = []metav1.ManagedFieldsEntry{{}}
	body, err := json.Marshal(&sent)
	if err != nil {
		return stamp{}, err
	}
	s.wrote(len(body))
	text, err := textOf(r.Namespace(s.namespace).Resource(resource).Param("fieldManager", fieldManager).
		SetHeader("Content-Type", runtime.ContentTypeJSON).SetHeader("Accept", onlyMetadata).
		MaxRetries(0).Body(body).Do(ctx))
	if err != nil {
		return stamp{}, err
	}
	var answer metav1.PartialObjectMetadata
	if err := json.Unmarshal(text, &answer); err != nil {
		return stamp{}, err
	}
	if answer.Name != o.Name || answer.UID == "" || answer.ResourceVersion == "" {
		return stamp{}, errKind
	}
	return stampOf(&answer.ObjectMeta), nil
}

func (s *apiStore) Delete(ctx context.Context, name string, at stamp) error {
	pre := &metav1.Preconditions{UID: &at.uid, ResourceVersion: &at.version}
	body, err := json.Marshal(&metav1.DeleteOptions{
		TypeMeta:      metav1.TypeMeta{Kind: "DeleteOptions", APIVersion: "v1"},
		Preconditions: pre,
	})
	if err != nil {
		return err
	}
	return definite(s.client.Delete().Namespace(s.namespace).Resource(resource).Name(name).
		SetHeader("Content-Type", runtime.ContentTypeJSON).MaxRetries(0).Body(body).Do(ctx).Error())
}

// indefinite hides an error's reason.
type indefinite struct{ cause error }

func (e indefinite) Error() string { return e.cause.Error() }

// definite takes the meaning from an answer that is not the API's own: a proxy's 404, or that of an API server which
// does not serve the kind yet, does not say that a segment was deleted, and would make the ledger forget its events.
func definite(err error) error {
	if apierrors.IsUnexpectedServerError(err) {
		return indefinite{err}
	}
	return err
}

func (s *apiStore) Watch(ctx context.Context, version string) (watch.Interface, error) {
	// A watch ends by itself after 5 to 10 minutes, so that replicas spread over the API servers again.
	life := 5*time.Minute + rand.N(5*time.Minute)
	body, err := s.client.Get().Namespace(s.namespace).Resource(resource).
		Param("labelSelector", s.selector).Param("watch", "true").
		Param("allowWatchBookmarks", "true").Param("resourceVersion", version).
		Param("timeoutSeconds", strconv.Itoa(int(life/time.Second))).Stream(ctx)
	if err != nil {
		return nil, err
	}
	return watchOf(body), nil
}

var (
	_        store = (*apiStore)(nil)
	typeMeta       = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "EventLedger"}
)
