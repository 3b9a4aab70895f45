package kube

import (
	"bytes"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/rawjson"
)

// Errors of an answer that is JSON and yet nothing that the API server says of a ledger. None has a meaning for
// definite.
var (
	errShape   = errors.New("a value has another type than the kind's definition gives it")
	errKind    = errors.New("no EventLedger")
	errVersion = errors.New("an object without a version")
)

// decoder reads the objects that the API server sends, in one pass. It reads what client-go would, with these
// differences: it refuses a name that is there twice, text that is no UTF-8, and an object without a version, which the
// API server does not write, and it leaves out the managed fields. What is left out of metadata would be lost with the
// segment's next version, so members that no segment has as a rule are decoded as well (other).
//
// Labels, owners and mostly annotations are the same for all segments, and are decoded once. Objects share them, since
// nobody changes an object that a store gave out.
type decoder struct {
	r           rawjson.Reader
	labels      latest[map[string]string]
	annotations latest[map[string]string]
	owners      latest[[]metav1.OwnerReference]
	entries     []v1alpha1.LedgerEntry // room to read into
}

func decodeLedger(text []byte) (*v1alpha1.EventLedger, error) {
	var d decoder
	d.r.Reset(text)
	o := &v1alpha1.EventLedger{}
	d.whole(o)
	return o, d.r.Close()
}

func decodeList(text []byte) (*v1alpha1.EventLedgerList, error) {
	var d decoder
	d.r.Reset(text)
	list := &v1alpha1.EventLedgerList{}
	for name := range d.object {
		switch string(name) {
		case "apiVersion":
			list.APIVersion = d.text()
		case "kind":
			list.Kind = d.text()
		case "metadata":
			d.unmarshal(d.r.Raw(), &list.ListMeta)
		case "items":
			for range d.array {
				list.Items = append(list.Items, v1alpha1.EventLedger{})
				d.ledger(&list.Items[len(list.Items)-1])
			}
		}
	}
	if list.APIVersion != typeMeta.APIVersion || list.Kind != typeMeta.Kind+"List" {
		d.r.Fail(errKind)
	}
	return list, d.r.Close()
}

// whole reads an object that must say of itself that it is an EventLedger, and in which version: a watch that goes on
// after none would begin anywhere.
func (d *decoder) whole(o *v1alpha1.EventLedger) {
	switch kind := d.ledger(o); {
	case kind != typeMeta:
		d.r.Fail(errKind)
	case o.ResourceVersion == "":
		d.r.Fail(errVersion)
	}
}

// ledger reads an object into an empty one, and returns what it says that it is.
func (d *decoder) ledger(o *v1alpha1.EventLedger) (kind metav1.TypeMeta) {
	o.TypeMeta = typeMeta
	for name := range d.object {
		switch string(name) {
		case "apiVersion":
			kind.APIVersion = d.text()
		case "kind":
			kind.Kind = d.text()
		case "metadata":
			d.metadata(&o.ObjectMeta)
		case "status":
			for name := range d.object {
				if string(name) == "entries" {
					o.Status.Entries = d.entryList(o.Name)
				}
			}
		}
	}
	return kind
}

func (d *decoder) metadata(m *metav1.ObjectMeta) {
	for name := range d.object {
		switch string(name) {
		case "name":
			m.Name = d.text()
		case "namespace":
			m.Namespace = d.text()
		case "uid":
			m.UID = types.UID(d.text())
		case "resourceVersion":
			m.ResourceVersion = d.text()
		case "generation":
			m.Generation = d.number()
		case "creationTimestamp":
			d.check(m.CreationTimestamp.UnmarshalJSON(d.r.Raw()))
		case "labels":
			m.Labels = d.labels.of(d, d.r.Raw())
		case "annotations":
			m.Annotations = d.annotations.of(d, d.r.Raw())
		case "ownerReferences":
			m.OwnerReferences = d.owners.of(d, d.r.Raw())
		case "managedFields":
		default:
			d.other(m, name)
		}
	}
}

// other reads a member of metadata that is rare, such as finalizers and deletionTimestamp.
func (d *decoder) other(m *metav1.ObjectMeta, name []byte) {
	quoted, err := utiljson.Marshal(string(name))
	if err != nil {
		d.r.Fail(err)
		return
	}
	one := append([]byte{'{'}, quoted...)
	one = append(one, ':')
	one = append(one, d.r.Raw()...)
	d.unmarshal(append(one, '}'), m)
}

// entryList reads into room that is used again and copies what it found, because the number is not known before. An
// entry that cannot be read ends the reading: to pass it by would be to forget an event. The error has the name of the
// object, since the whole ledger waits until somebody has seen to it.
func (d *decoder) entryList(of string) []v1alpha1.LedgerEntry {
	if !d.is(rawjson.Array) {
		return nil
	}
	all := d.entries[:0]
	for range d.r.Array {
		all = append(all, v1alpha1.LedgerEntry{})
		if err := all[len(all)-1].UnmarshalJSON(d.r.Raw()); err != nil {
			d.r.Fail(fmt.Errorf("entry %d of the EventLedger %q: %w", len(all), of, err))
		}
	}
	found := make([]v1alpha1.LedgerEntry, len(all))
	copy(found, all)
	clear(all)
	d.entries = all
	return found
}

// is says that a value of a kind comes next. Null is passed, and stands for a member that is not there; any other kind
// is an error, since to take it for nothing would be to forget an event.
func (d *decoder) is(kind rawjson.Kind) bool {
	switch d.r.Kind() {
	case kind:
		return true
	case rawjson.Null, rawjson.None:
		d.r.Skip()
	default:
		d.r.Fail(errShape)
	}
	return false
}

func (d *decoder) object(yield func(name []byte) bool) {
	if d.is(rawjson.Object) {
		d.r.Object(yield)
	}
}

func (d *decoder) array(yield func() bool) {
	if d.is(rawjson.Array) {
		d.r.Array(yield)
	}
}

func (d *decoder) text() string {
	if !d.is(rawjson.Text) {
		return ""
	}
	return string(d.r.Bytes())
}

func (d *decoder) number() int64 {
	if !d.is(rawjson.Number) {
		return 0
	}
	n, ok := d.r.Int()
	if !ok {
		d.r.Fail(errShape)
	}
	return n
}

func (d *decoder) unmarshal(text []byte, into any) {
	d.check(utiljson.Unmarshal(text, into))
}

// check ends the reading with an error of whoever read a part. After an error of the text's, which leaves nothing to
// read, it is that one that stays.
func (d *decoder) check(err error) {
	if err != nil {
		d.r.Fail(err)
	}
}

// latest is what a text was decoded to when it last was another one.
type latest[T any] struct {
	text  []byte
	value T
}

// of decodes a text, or returns what it was decoded to before.
func (l *latest[T]) of(d *decoder, text []byte) (value T) {
	if bytes.Equal(text, l.text) {
		return l.value
	}
	d.unmarshal(text, &value)
	if d.r.Err() == nil {
		l.text, l.value = append(l.text[:0], text...), value
	}
	return value
}
