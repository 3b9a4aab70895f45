package kube

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// Annotations on the objects. They are not fields of the kind because an API server with an older definition of the
// kind would drop a field without a word, and with it the floor on which uniqueness rests.
const (
	// AnnotationFloor on the anchor: segments below this sequence may have been deleted. It never falls.
	AnnotationFloor = "billing.kassa.dev/floor"
	// AnnotationOpen on the anchor: sequences below the floor, with commas between them, of segments that have claims
	// in them and were not deleted. None is added that was below the floor before.
	AnnotationOpen = "billing.kassa.dev/open"
	// AnnotationWriter on a segment: the replica that wrote this version. Replicas take turns by it.
	AnnotationWriter = "billing.kassa.dev/writer"
	// AnnotationAsked on the anchor: when its writer asked to be let into the turns.
	AnnotationAsked = "billing.kassa.dev/asked"
)

// names makes and reads the names of a receiver's objects: `<receiver>-0-<sequence>`, the 0 being room for a shard.
type names struct{ prefix string }

func namesOf(receiver string) names { return names{prefix: receiver + "-0-"} }

func (n names) of(seq uint32) string { return fmt.Sprintf("%s%010d", n.prefix, seq) }

func (n names) parse(name string) (seq uint32, ok bool) {
	digits, found := strings.CutPrefix(name, n.prefix)
	if !found || len(digits) != 10 {
		return 0, false
	}
	v, err := strconv.ParseUint(digits, 10, 32)
	return uint32(v), err == nil
}

// key stands for an event's id: the first half of its SHA-256.
type key [16]byte

func keyOf(id string) key {
	sum := sha256.Sum256([]byte(id))
	return key(sum[:16])
}

// newer says whether version a of an object came after version b. Versions of one kind are comparable numbers; one
// that is not counts as newer, which costs a conflict at worst.
func newer(a, b string) bool {
	if b == "" {
		return true
	}
	c, err := resourceversion.CompareResourceVersion(a, b)
	return err != nil || c > 0
}

func isClaimed(e v1alpha1.LedgerEntry) bool { return e.State == v1alpha1.EntryClaimed }

func isOpen(s v1alpha1.EntryState) bool {
	return s == v1alpha1.EntryClaimed || s == v1alpha1.EntryDeferred
}

// blank is an object with everything but a sequence's content.
func (l *Ledger) blank(seq uint32) *v1alpha1.EventLedger {
	o := &v1alpha1.EventLedger{
		TypeMeta: typeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Namespace: l.opts.Namespace,
			Name:      l.names.of(seq),
			Labels:    map[string]string{v1alpha1.LabelReceiver: l.opts.Receiver},
		},
	}
	if l.opts.Owner.UID != "" {
		o.OwnerReferences = []metav1.OwnerReference{l.opts.Owner}
	}
	return o
}

// revised copies a segment for a new version of it: the entries are a copy with room for more of them.
func revised(o *v1alpha1.EventLedger, writer string, more int) *v1alpha1.EventLedger {
	next := &v1alpha1.EventLedger{TypeMeta: typeMeta, ObjectMeta: *o.ObjectMeta.DeepCopy()}
	if next.Annotations == nil {
		next.Annotations = map[string]string{}
	}
	next.Annotations[AnnotationWriter] = writer
	next.Status.Entries = make([]v1alpha1.LedgerEntry, len(o.Status.Entries), len(o.Status.Entries)+more)
	copy(next.Status.Entries, o.Status.Entries)
	return next
}

// micros is t as claimedAt keeps it.
func micros(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// claimMark identifies one claim: no two have the same, because a process never uses a time twice.
type claimMark struct {
	by string
	at time.Time
}

func markOf(e *v1alpha1.LedgerEntry) claimMark {
	m := claimMark{by: e.ClaimedBy}
	if e.ClaimedAt != nil {
		m.at = micros(e.ClaimedAt.Time)
	}
	return m
}

func (m claimMark) equal(o claimMark) bool { return m.by == o.by && m.at.Equal(o.at) }

// The index keeps states in one byte.
var stateCodes = map[v1alpha1.EntryState]uint8{
	v1alpha1.EntryClaimed: 0, v1alpha1.EntryProcessed: 1, v1alpha1.EntryDeferred: 2, v1alpha1.EntryDead: 3,
}

var stateNames = [...]ledger.State{ledger.Claimed, ledger.Processed, ledger.Deferred, ledger.Dead}

const codeClaimed = 0

func newMicroTime(t time.Time) *metav1.MicroTime {
	m := metav1.NewMicroTime(t)
	return &m
}
