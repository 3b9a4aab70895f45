package serving

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	// firstPage is the number of objects in the first page of a list whose objects may be large.
	firstPage = 8
	// followPage is the largest number of objects in a page.
	followPage = 250
	// pageBytes is about what a page of a list of large objects may have, in bytes.
	pageBytes = 1 << 20
	// maxError is the longest text of an error in the log, in bytes.
	maxError = 512
	// followPause is the longest pause before a failed list or watch is tried again.
	followPause = 2 * time.Second
)

var errWatchEnded = errors.New("watch ended")

// Only selects one object by name, which is what a Role limited by resourceNames lets list and watch.
func Only(namespace, name string) []client.ListOption {
	return []client.ListOption{
		client.InNamespace(namespace),
		client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector(metav1.ObjectNameField, name)},
	}
}

// Follower lists and then watches, for ever, and keeps nothing itself: unlike an informer it needs no memory for
// what its user does not keep. Its functions are called from one goroutine.
type Follower struct {
	Client client.WithWatch
	Log    *slog.Logger
	What   string
	List   func() client.ObjectList
	Opts   []client.ListOption
	Set    func(client.Object)     // an object is there, or changed
	Gone   func(client.Object)     // an object was deleted
	None   func()                  // a list was empty; optional
	Fail   func(error)             // a list failed; optional
	Size   func(client.Object) int // bytes of an object that is large, so that pages stay at pageBytes; optional
	Begin  func()                  // a list begins; optional
	End    func()                  // a list is complete: what was not set since begin is gone; optional
}

// Run returns when ctx ends.
func (f *Follower) Run(ctx context.Context) {
	pause := 100 * time.Millisecond
	for ctx.Err() == nil {
		version, err := f.readAll(ctx)
		if err != nil && f.Fail != nil && ctx.Err() == nil {
			f.Fail(err)
		}
		if err == nil {
			began := time.Now()
			err = f.watch(ctx, version)
			if time.Since(began) > followPause {
				pause = 100 * time.Millisecond
			}
		}
		if ctx.Err() != nil {
			return
		}
		if !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
			f.Log.Warn("list or watch failed", "resource", f.What, "error", Brief(err))
		}
		Sleep(ctx, pause/2+rand.N(pause/2))
		pause = min(2*pause, followPause)
	}
}

// readAll lists page by page and returns the resource version to watch from.
func (f *Follower) readAll(ctx context.Context) (string, error) {
	if f.Begin != nil {
		f.Begin()
	}
	next, empty, page := "", true, int64(followPage)
	if f.Size != nil {
		page = firstPage
	}
	for {
		list := f.List()
		opts := append([]client.ListOption{client.Limit(page), client.Continue(next)}, f.Opts...)
		if err := f.Client.List(ctx, list, opts...); err != nil {
			return "", err
		}
		count, bytes := 0, 0
		err := meta.EachListItem(list, func(o runtime.Object) error {
			empty = false
			if f.Size != nil {
				count, bytes = count+1, bytes+f.Size(o.(client.Object))
			}
			f.Set(o.(client.Object))
			return nil
		})
		if err != nil {
			return "", err
		}
		if next = list.GetContinue(); next != "" {
			if f.Size != nil {
				page = nextPage(page, count, bytes)
			}
			continue
		}
		if empty && f.None != nil {
			f.None()
		}
		if f.End != nil {
			f.End()
		}
		return list.GetResourceVersion(), nil
	}
}

// nextPage is how many objects of the last page's size make up pageBytes, at most twice as many as before: one page
// says little about the next.
func nextPage(page int64, count, bytes int) int64 {
	fit := int64(pageBytes) * int64(max(count, 1)) / int64(max(bytes, 1))
	return min(max(fit, 1), 2*page, followPage)
}

// watch goes on from a resource version until something fails that needs a new list.
func (f *Follower) watch(ctx context.Context, version string) error {
	for {
		began := time.Now()
		seen, err := f.watchOnce(ctx, version)
		if err != nil {
			return err
		}
		version = seen
		if time.Since(began) < time.Second {
			Sleep(ctx, time.Second)
		}
	}
}

// watchOnce returns the last resource version that was seen when the server ends the watch in good order.
func (f *Follower) watchOnce(ctx context.Context, version string) (string, error) {
	timeout := int64(240 + rand.IntN(120))
	var merged client.ListOptions
	merged.ApplyOptions(f.Opts)
	merged.Raw = &metav1.ListOptions{
		ResourceVersion: version, AllowWatchBookmarks: true, TimeoutSeconds: &timeout,
	}
	w, err := f.Client.Watch(ctx, f.List(), &merged)
	if err != nil {
		return "", err
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case e, open := <-w.ResultChan():
			if !open {
				return version, nil
			}
			if e.Type == watch.Error {
				return "", apierrors.FromObject(e.Object)
			}
			o, ok := e.Object.(client.Object)
			if !ok {
				return "", errWatchEnded
			}
			version = o.GetResourceVersion()
			switch e.Type {
			case watch.Added, watch.Modified:
				f.Set(o)
			case watch.Deleted:
				f.Gone(o)
			}
		}
	}
}

// Sleep waits, or returns at once when ctx ends.
func Sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Brief words an error for the log. What the API server refused is told without its message, which may quote the
// object, and with it a payload.
func Brief(err error) string {
	if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
		return "the API server refused the object: " + string(apierrors.ReasonForError(err))
	}
	return provider.Truncate(provider.Redact(err.Error()), maxError)
}
