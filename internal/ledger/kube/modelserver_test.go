package kube

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

var groupResource = schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: resource}

// modelServer is an API server in memory: linearisable objects of one kind, a history for watches, and a checker
// that looks at every change.
type modelServer struct {
	mu      sync.Mutex
	rev     int
	oldest  int // changes up to here are compacted
	objects map[string]*v1alpha1.EventLedger
	history []change
	changed chan struct{} // closed and replaced at each change
	lists   map[string][]v1alpha1.EventLedger
	check   checker
}

type change struct {
	rev  int
	kind watch.EventType
	o    *v1alpha1.EventLedger
}

func newModelServer(timeout, retention, skew time.Duration) *modelServer {
	return &modelServer{
		objects: map[string]*v1alpha1.EventLedger{}, lists: map[string][]v1alpha1.EventLedger{},
		changed: make(chan struct{}),
		check: checker{timeout: timeout, retention: retention, skew: skew, events: map[string]*history{},
			deletions: map[string]bool{}, forgotten: map[string]time.Time{}, strays: map[types.UID]bool{},
			durable: map[fact]bool{}},
	}
}

func (s *modelServer) commit(kind watch.EventType, o *v1alpha1.EventLedger) stamp {
	s.rev++
	o.ResourceVersion = strconv.Itoa(s.rev)
	s.check.change(kind, s.objects[o.Name], o)
	if kind == watch.Deleted {
		delete(s.objects, o.Name)
	} else {
		s.objects[o.Name] = o
	}
	s.history = append(s.history, change{s.rev, kind, o})
	close(s.changed)
	s.changed = make(chan struct{})
	return stampOf(&o.ObjectMeta)
}

func (s *modelServer) get(name string) (*v1alpha1.EventLedger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.objects[name]; o != nil {
		return o.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(groupResource, name)
}

func (s *modelServer) create(o *v1alpha1.EventLedger) (stamp, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects[o.Name] != nil {
		return stamp{}, apierrors.NewAlreadyExists(groupResource, o.Name)
	}
	o = o.DeepCopy()
	o.UID = types.UID(fmt.Sprintf("uid-%d", s.rev+1))
	return s.commit(watch.Added, o), nil
}

func (s *modelServer) update(o *v1alpha1.EventLedger) (stamp, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch old := s.objects[o.Name]; {
	case old == nil:
		return stamp{}, apierrors.NewNotFound(groupResource, o.Name)
	case old.ResourceVersion != o.ResourceVersion || old.UID != o.UID:
		return stamp{}, apierrors.NewConflict(groupResource, o.Name, errors.New("changed"))
	}
	return s.commit(watch.Modified, o.DeepCopy()), nil
}

func (s *modelServer) delete(name string, at stamp) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.objects[name]
	switch {
	case old == nil:
		return apierrors.NewNotFound(groupResource, name)
	case stampOf(&old.ObjectMeta) != at:
		return apierrors.NewConflict(groupResource, name, errors.New("changed"))
	}
	s.commit(watch.Deleted, old.DeepCopy())
	return nil
}

// remove deletes whatever has a name, as a person might.
func (s *modelServer) remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.objects[name]; old != nil {
		s.commit(watch.Deleted, old.DeepCopy())
	}
}

// list pages through a snapshot, a few objects at a time.
func (s *modelServer) list(next string) (*v1alpha1.EventLedgerList, error) {
	const page = 3
	s.mu.Lock()
	defer s.mu.Unlock()
	if next == "" {
		all := make([]v1alpha1.EventLedger, 0, len(s.objects))
		for _, o := range s.objects {
			all = append(all, *o.DeepCopy())
		}
		slices.SortFunc(all, func(a, b v1alpha1.EventLedger) int {
			if a.Name < b.Name {
				return -1
			}
			return 1
		})
		next = strconv.Itoa(s.rev)
		s.lists[next] = all
		next += "/0"
	}
	var rev, at int
	if _, err := fmt.Sscanf(next, "%d/%d", &rev, &at); err != nil {
		return nil, err
	}
	if rev < s.oldest {
		return nil, apierrors.NewResourceExpired("compacted")
	}
	all := s.lists[strconv.Itoa(rev)]
	end := min(at+page, len(all))
	list := &v1alpha1.EventLedgerList{Items: all[at:end]}
	list.ResourceVersion = strconv.Itoa(rev)
	if end < len(all) {
		list.Continue = fmt.Sprintf("%d/%d", rev, end)
	}
	return list, nil
}

// compact forgets changes, as etcd does.
func (s *modelServer) compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldest = s.rev
}

// after is the first change after a revision, or a channel to wait on.
func (s *modelServer) after(rev int) (*change, chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rev < s.oldest {
		return nil, nil, apierrors.NewResourceExpired("compacted")
	}
	i, _ := slices.BinarySearchFunc(s.history, rev, func(c change, r int) int { return c.rev - r - 1 })
	if i == len(s.history) {
		return nil, s.changed, nil
	}
	return &s.history[i], nil, nil
}

// checker holds every change against what the ledger promises.
type checker struct {
	timeout, retention, skew time.Duration
	events                   map[string]*history
	durable                  map[fact]bool        // what was ever true
	forgotten                map[string]time.Time // when an event was forgotten last
	deletions                map[string]bool      // names of which an object was deleted
	strays                   map[types.UID]bool
	faults, log              []string
	appended, takenOver      int
	moves                    int
	pruned                   int
	passedBy                 int // claims below the floor
}

// fact is that an event was in a state, and for a claim whose.
type fact struct {
	id    string
	state v1alpha1.EntryState
	by    string
}

// was says whether a fact is or was durable. Nothing else may be told to a caller.
func (s *modelServer) was(f fact) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.check.durable[f]
}

// memory says whether an event is in the ledger, and when one of its id was forgotten last.
func (s *modelServer) memory(id string) (remembered bool, forgotten time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.check.events[id] != nil, s.check.forgotten[id]
}

// history of one event.
type history struct {
	seq   string
	state v1alpha1.EntryState
	at    time.Time // when the present claim became durable
}

func (c *checker) faultf(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *checker) change(kind watch.EventType, old, o *v1alpha1.EventLedger) {
	now := time.Now()
	c.note(kind, o, now)
	switch {
	case o.Name == namesOf("r").of(anchorSeq):
		c.anchored(kind, old, o)
	case kind == watch.Added && c.deletions[o.Name]:
		c.strays[o.UID] = true
	case kind == watch.Added:
		c.added(o, o.Status.Entries, now)
	case kind == watch.Deleted:
		c.deleted(o, now)
	case c.strays[o.UID]:
		c.faultf("%s is not the first of its name, and was changed", o.Name)
	case kind == watch.Modified:
		c.modified(old, o, now)
	}
}

// note keeps what happened, for whoever has to find out why.
func (c *checker) note(kind watch.EventType, o *v1alpha1.EventLedger, now time.Time) {
	line := fmt.Appendf(nil, "%s %s %s v%s by %s floor %q:", now.Format("15:04:05.000"), kind, o.Name, o.ResourceVersion,
		o.Annotations[AnnotationWriter], o.Annotations[AnnotationFloor])
	for _, e := range o.Status.Entries {
		line = fmt.Appendf(line, " %s %s %s", e.ID, e.State, e.ClaimedBy)
	}
	c.log = append(c.log, string(line))
}

func (c *checker) deleted(o *v1alpha1.EventLedger, now time.Time) {
	c.deletions[o.Name] = true
	if c.strays[o.UID] {
		return
	}
	pruned := len(o.Status.Entries) == 0
	for _, e := range o.Status.Entries {
		if h := c.events[e.ID]; h == nil || h.seq != o.Name {
			continue // it was merged into another
		}
		pruned = true
		if isOpen(e.State) {
			c.faultf("%s was deleted with %s %s in it", o.Name, e.ID, e.State)
		}
		if age := now.Sub(e.ReceivedAt.Time); age < c.retention-2*c.skew {
			c.faultf("%s was forgotten after %s", e.ID, age)
		}
		delete(c.events, e.ID)
		c.forgotten[e.ID] = now
	}
	if pruned {
		c.pruned++
	}
}

// anchored checks that what the anchor covers only shrinks, but for new segments, and covers nothing that was deleted.
func (c *checker) anchored(kind watch.EventType, old, o *v1alpha1.EventLedger) {
	is, err := boundsOf(o)
	if err != nil {
		c.faultf("%s: %v", o.Name, err)
		return
	}
	for name := range c.deletions {
		if seq, _ := namesOf("r").parse(name); kind != watch.Deleted && is.cover(seq) {
			c.faultf("%s was deleted and is covered", name)
		}
	}
	if old == nil || kind != watch.Modified {
		return
	}
	was, _ := boundsOf(old)
	if is.floor < was.floor {
		c.faultf("the floor fell from %d to %d", was.floor, is.floor)
	}
	for _, seq := range is.open {
		if !was.cover(seq) {
			c.faultf("%d is covered again", seq)
		}
	}
	if is.floor > was.floor {
		c.passedBy += len(is.open)
	}
}

func (c *checker) modified(old, o *v1alpha1.EventLedger, now time.Time) {
	was, is := old.Status.Entries, o.Status.Entries
	if len(is) < len(was) {
		c.faultf("%s lost entries", o.Name)
		return
	}
	for i := range was {
		if was[i].ID != is[i].ID {
			c.faultf("%s: %s became %s", o.Name, was[i].ID, is[i].ID)
			continue
		}
		c.moved(&was[i], &is[i], o.Annotations[AnnotationWriter], now)
	}
	for i := range is[len(was):] {
		c.merged(o, &is[len(was)+i])
	}
}

// merged checks an entry that was added to a segment that exists: it has to be one that was settled elsewhere.
func (c *checker) merged(o *v1alpha1.EventLedger, e *v1alpha1.LedgerEntry) {
	h := c.events[e.ID]
	forgotten := time.Since(e.ReceivedAt.Time) >= c.retention-2*c.skew
	switch {
	case forgotten && (h == nil || h.seq > o.Name):
		// It was pruned meanwhile, and may have come again since: remembering it longer does no harm.
	case h == nil || h.state != e.State || isOpen(e.State):
		c.faultf("%s was added to %s as %s", e.ID, o.Name, e.State)
	case h.seq >= o.Name:
		// Another merge was faster, and put it into a later segment, which wins.
	default:
		h.seq = o.Name
		c.moves++
	}
}

// added checks claims that are new in a segment.
func (c *checker) added(o *v1alpha1.EventLedger, entries []v1alpha1.LedgerEntry, now time.Time) {
	for i := range entries {
		e := &entries[i]
		if h := c.events[e.ID]; h != nil {
			c.faultf("%s was added to %s though it is in %s as %s", e.ID, o.Name, h.seq, h.state)
		}
		if e.State != v1alpha1.EntryClaimed || e.ClaimedBy != o.Annotations[AnnotationWriter] {
			c.faultf("%s was added as %s by %q", e.ID, e.State, e.ClaimedBy)
		}
		c.events[e.ID] = &history{seq: o.Name, state: e.State, at: now}
		c.durable[factOf(e)] = true
		c.appended++
	}
}

func factOf(e *v1alpha1.LedgerEntry) fact { return fact{id: e.ID, state: e.State, by: e.ClaimedBy} }

func (c *checker) moved(was, is *v1alpha1.LedgerEntry, writer string, now time.Time) {
	h := c.events[is.ID]
	switch {
	case h == nil && was.State == is.State && !isOpen(is.State):
		return // a copy of an event that was forgotten
	case h == nil:
		c.faultf("%s is unknown", is.ID)
		return
	}
	h.state, c.durable[factOf(is)] = is.State, true
	switch {
	case was.State == v1alpha1.EntryClaimed && is.State == v1alpha1.EntryClaimed:
		if markOf(was).equal(markOf(is)) {
			return
		}
		if was.ClaimedBy != is.ClaimedBy && now.Sub(h.at) < c.timeout {
			c.faultf("%s was taken from %s after %s", is.ID, was.ClaimedBy, now.Sub(h.at))
		}
		if is.ClaimedBy != writer {
			c.faultf("%s was taken for %s by %s", is.ID, is.ClaimedBy, writer)
		}
		h.at = now
		c.takenOver++
	case was.State == is.State:
	case was.State == v1alpha1.EntryClaimed:
		givenUp := is.State == v1alpha1.EntryDead && now.Sub(was.ClaimedAt.Time) >= c.retention-2*c.skew
		if was.ClaimedBy != writer && !givenUp {
			c.faultf("the claim of %s on %s was settled by %s", was.ClaimedBy, is.ID, writer)
		}
	case was.State == v1alpha1.EntryDeferred && !isOpen(is.State):
	default:
		c.faultf("%s went from %s to %s", is.ID, was.State, is.State)
	}
}
