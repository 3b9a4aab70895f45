package kube

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// anchorSeq is the sequence of the anchor; segments begin at 1.
const anchorSeq = 0

// bounds are what the anchor says: which segments cannot have been deleted.
type bounds struct {
	floor uint32   // those from here on
	open  []uint32 // and these below, which have claims in them; sorted
}

// cover says that no segment of a sequence has been deleted. What is not covered any more never is again.
func (b bounds) cover(seq uint32) bool {
	if seq >= b.floor {
		return true
	}
	_, open := slices.BinarySearch(b.open, seq)
	return open
}

// boundsOf the anchor. While they cannot be read nothing is appended or deleted.
func boundsOf(anchor *v1alpha1.EventLedger) (bounds, error) {
	floor, err := sequence(anchor, AnnotationFloor, anchor.Annotations[AnnotationFloor])
	if err != nil {
		return bounds{}, err
	}
	b := bounds{floor: floor}
	if list := anchor.Annotations[AnnotationOpen]; list != "" {
		for one := range strings.SplitSeq(list, ",") {
			seq, err := sequence(anchor, AnnotationOpen, one)
			if err != nil {
				return bounds{}, err
			}
			b.open = append(b.open, seq)
		}
	}
	slices.Sort(b.open)
	return b, nil
}

func sequence(anchor *v1alpha1.EventLedger, annotation, text string) (uint32, error) {
	v, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("annotation %s of %s: %w", annotation, anchor.Name, err)
	}
	return uint32(v), nil
}

func (b bounds) annotate(anchor *v1alpha1.EventLedger) {
	anchor.Annotations[AnnotationFloor] = strconv.FormatUint(uint64(b.floor), 10)
	open := make([]string, len(b.open))
	for i, seq := range b.open {
		open[i] = strconv.FormatUint(uint64(seq), 10)
	}
	anchor.Annotations[AnnotationOpen] = strings.Join(open, ",")
	if len(open) == 0 {
		delete(anchor.Annotations, AnnotationOpen)
	}
}

// raised are bounds with a floor that is not lower, which do not cover the segments that are to go. Of what b covers,
// segments that have claims in them, or that the view does not know, stay covered.
func (v *view) raised(b bounds, floor uint32, gone map[uint32]bool) bounds {
	next := bounds{floor: max(b.floor, floor)}
	for _, seq := range b.open {
		if s := v.segments[seq]; !gone[seq] && (s == nil || s.claims > 0) {
			next.open = append(next.open, seq)
		}
	}
	for seq, s := range v.segments {
		if seq >= b.floor && seq < next.floor && s.claims > 0 && !gone[seq] {
			next.open = append(next.open, seq)
		}
	}
	slices.Sort(next.open)
	return next
}

// learn takes in a version of the anchor.
func (v *view) learn(anchor *v1alpha1.EventLedger, b bounds) {
	if newer(anchor.ResourceVersion, v.anchorVersion) {
		v.bounds, v.anchorVersion = b, anchor.ResourceVersion
	}
}

func (l *Ledger) anchorObject(b bounds) *v1alpha1.EventLedger {
	o := l.blank(anchorSeq)
	o.Annotations = map[string]string{}
	b.annotate(o)
	return o
}

// uncover makes it durable that segments may be deleted, which are all below the floor.
func (l *Ledger) uncover(ctx context.Context, floor uint32, gone map[uint32]bool) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	anchor, err := l.store.Get(call, l.names.of(anchorSeq))
	if err != nil {
		return err
	}
	b, err := boundsOf(anchor)
	if err != nil {
		return err
	}
	covered := false
	for seq := range gone {
		covered = covered || b.cover(seq)
	}
	l.mu.Lock()
	same, next := anchor.UID == l.view.anchorUID, l.view.raised(b, floor, gone)
	l.mu.Unlock()
	switch {
	case !same:
		return errBehind
	case !covered:
		return nil
	}
	o := revised(anchor, l.me, 0)
	next.annotate(o)
	_, err = l.store.Update(call, o)
	return err
}
