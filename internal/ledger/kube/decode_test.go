package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/runtime/serializer/streaming"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	restwatch "k8s.io/client-go/rest/watch"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/rawjson"
)

// reference decodes what client-go decodes.
type reference struct {
	object runtime.Decoder
	stream runtime.Serializer
	framer runtime.Framer
}

func newReference(tb testing.TB) *reference {
	tb.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		tb.Fatal(err)
	}
	codecs := serializer.NewCodecFactory(scheme).WithoutConversion()
	r := &reference{}
	var err error
	negotiator := runtime.NewClientNegotiator(codecs, v1alpha1.GroupVersion)
	if r.object, r.stream, r.framer, err = negotiator.StreamDecoder(runtime.ContentTypeJSON, nil); err != nil {
		tb.Fatal(err)
	}
	return r
}

func (r *reference) watch(body io.Reader) watch.Decoder {
	return restwatch.NewDecoder(streaming.NewDecoder(r.framer.NewFrameReader(io.NopCloser(body)), r.stream), r.object)
}

// changesOf is the decoder that watchOf hands to StreamWatcher.
func changesOf(body io.Reader) watch.Decoder { return newChanges(io.NopCloser(body)) }

// fullSegment is as the API server has it.
func fullSegment(entries int) *v1alpha1.EventLedger {
	yes := true
	o := &v1alpha1.EventLedger{TypeMeta: typeMeta}
	o.ObjectMeta = metav1.ObjectMeta{
		Name: "payments-0-0000004711", Namespace: "shop", UID: "6ccd2f29-9c8f-4f5e-8f3a-0a7b1f0f5f11",
		ResourceVersion: "1234567", Generation: 3, CreationTimestamp: metav1.Unix(1_700_000_000, 0),
		Labels:      map[string]string{v1alpha1.LabelReceiver: "payments"},
		Annotations: map[string]string{AnnotationWriter: "payments-receiver-7d4b9c-x2x7k/0011223344"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: v1alpha1.GroupVersion.String(), Kind: "WebhookReceiver",
			Name: "payments", UID: types.UID("e3f4f0c4-6f0b-4b83-8c0f-4f3f6a1f7a55"), Controller: &yes}},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kassa", Operation: metav1.ManagedFieldsOperationUpdate}},
	}
	names := []string{"customer.subscription.updated", "invoice.paid", "charge.succeeded"}
	for i := range entries {
		e := v1alpha1.LedgerEntry{ID: fmt.Sprintf("evt_1OtwMC2eZvKYlo2C%08d", i), Type: names[i%3],
			State: v1alpha1.EntryProcessed}
		e.ReceivedAt = metav1.Unix(1_700_000_000+int64(i), 0)
		if i%2 == 0 {
			e.State = v1alpha1.EntryClaimed
			setMark(&e, claimMark{by: o.Annotations[AnnotationWriter], at: micros(time.Unix(1_700_000_000, 123_456_000))})
		}
		o.Status.Entries = append(o.Status.Entries, e)
	}
	return o
}

// lineOf is a change as the API server writes it: of the kind's members the names in the order of the alphabet.
func lineOf(tb testing.TB, kind watch.EventType, o any) []byte {
	tb.Helper()
	raw, err := json.Marshal(o)
	if err != nil {
		tb.Fatal(err)
	}
	var sorted any
	if err := json.Unmarshal(raw, &sorted); err != nil {
		tb.Fatal(err)
	}
	if raw, err = json.Marshal(sorted); err != nil {
		tb.Fatal(err)
	}
	line, err := json.Marshal(metav1.WatchEvent{Type: string(kind), Object: runtime.RawExtension{Raw: raw}})
	if err != nil {
		tb.Fatal(err)
	}
	return append(line, '\n')
}

// trimmed is an object of client-go's without what the decoder leaves out.
func trimmed(o runtime.Object) runtime.Object {
	if ledger, ok := o.(*v1alpha1.EventLedger); ok {
		ledger.ManagedFields, ledger.TypeMeta = nil, typeMeta
	}
	if status, ok := o.(*metav1.Status); ok {
		status.TypeMeta = metav1.TypeMeta{}
	}
	return o
}

// compare holds the decoder to client-go on one line.
func compare(t *testing.T, r *reference, line []byte) {
	t.Helper()
	kind, o, err := changesOf(bytes.NewReader(line)).Decode()
	if err == nil && kind == watch.Error {
		// What it says of itself matters to nobody: the watch has lost its place.
		o.(*metav1.Status).TypeMeta = metav1.TypeMeta{}
	}
	wantKind, want, wantErr := r.watch(bytes.NewReader(line)).Decode()
	ledger, isLedger := want.(*v1alpha1.EventLedger)
	lost := wantErr != nil || wantKind == watch.Error || !isLedger
	switch {
	case err == nil && lost && kind != watch.Error:
		t.Fatalf("%.2000q: a %s, but client-go: %s, %v", line, kind, wantKind, wantErr)
	case err == nil && wantErr == nil && (kind == watch.Error) == !isLedger:
		if diff := cmp.Diff(trimmed(want), o); kind != wantKind || diff != "" {
			t.Fatalf("%.2000q is read otherwise:\n%s", line, diff)
		}
	case err != nil && !lost && !refused(line, ledger, err):
		t.Fatalf("%.2000q: %v, but client-go: a %s", line, err, wantKind)
	}
}

// refused says that a line is one of those that only client-go takes, and what it got.
func refused(line []byte, got *v1alpha1.EventLedger, err error) bool {
	if errors.Is(err, errKind) { // of these two members client-go takes the names in any case
		var e struct{ Object map[string]any }
		return json.Unmarshal(line, &e) != nil || e.Object["apiVersion"] != typeMeta.APIVersion ||
			e.Object["kind"] != typeMeta.Kind
	}
	if errors.Is(err, errVersion) {
		return got.ResourceVersion == ""
	}
	return errors.Is(err, rawjson.ErrTwice) || errors.Is(err, rawjson.ErrDepth) || !utf8.Valid(line) ||
		bytes.Count(line, []byte("\n")) != 1 || !json.Valid(line) // more than one document, or it is not on one line
}

// odd is what a part of a line is replaced with. A member x is what was there before, under another name.
var odd = map[string][]string{
	`"MODIFIED"`:           {`"Modified"`, `7`, `"ERROR"`, `null`},
	`"object":{`:           {`"Object":{`, `"x":[{"deep":[[1e9,-2.5E-3,true,null]]}],"object":{`, `"object":{},"x":{`},
	`"kind":"EventLedger"`: {`"kind":"Plan"`, `"kind":null`, `"x":0`},
	`v1alpha1","kind"`:     {`v9","kind"`},
	`"metadata":{`: {`"metadata":null,"x":{`, `"metadata":7,"x":{`, "\"metadata\"\t:\r {", "\"metadata\":\n{",
		`"Metadata":{`},
	`"name":"payments-0`:  {`"name":{},"x":"`, `"\u006eame":"payments-0`},
	`"resourceVersion":"`: {`"resourceVersion":7,"x":"`},
	`"uid":"6`:            {`"uid":null,"x":"6`},
	`"generation":3`: {`"generation":3.0`, `"generation":"3"`, `"generation":null`, `"generation":-0`,
		`"generation":1e3`, `"generation":99999999999999999999`},
	`"labels":{`:          {`"labels":{"a":7},"x":{`, `"labels":null,"x":{`, `"labels":{},"x":{`},
	`"annotations":{`:     {`"annotations":[],"x":{`},
	`"ownerReferences":[`: {`"ownerReferences":[{"name":7}],"x":[`, `"ownerReferences":{},"x":[`},
	`"managedFields":[`: {`"finalizers":["a","b"],"x":[`, `"finalizers":"a","x":[`,
		`"Name":"other","deletionGracePeriodSeconds":3,"x":[`},
	`"status":{`: {`"status":null,"x":{`, `"status":[],"x":{`},
	`"entries":[`: {`"entries":null,"x":[`, `"entries":{},"x":[`, `"entries":"x","x":[`, `"entries":[null,{},`,
		`"entries":[7,`, `"entries":[[],`, `"Entries":[`},
	`"evt_`: {`null,"evt_`, `7,"evt_`, `{},"evt_`, `"","evt_`, `"\u0065\u0076t_`, `"\ud83d\ude00\ud800`, `"a b c d e f g`,
		"\"\xff", "\"\x01"},
	`T22:13:20Z`: {`T22:13:20.5Z`, `T22:13:20+05:30`, `T2:13:20Z`, `T22:13:61Z`, ``, ` `},
	`.123456Z"`:  {`.1Z"`, `Z"`, `.123456+01:00"`, `,123456Z"`, ` "`, `"`, `\u005a"`},
}

func lines(tb testing.TB) (all []string) {
	tb.Helper()
	full := string(lineOf(tb, watch.Modified, fullSegment(3)))
	all = append(all, full, string(lineOf(tb, watch.Deleted, fullSegment(0))))
	rare := fullSegment(1)
	now := metav1.Unix(1_700_000_001, 0)
	rare.DeletionTimestamp, rare.Finalizers, rare.GenerateName = &now, []string{"foregroundDeletion"}, "x-"
	rare.Status.Entries[0].ID = "é\"\\\n\u2028<&>\x00😀"
	all = append(all, string(lineOf(tb, watch.Added, rare)),
		string(lineOf(tb, watch.Error, &metav1.Status{Reason: metav1.StatusReasonExpired, Code: 410})),
		`{"type":"BOOKMARK","object":{"kind":"EventLedger","apiVersion":"billing.kassa.dev/v1alpha1",`+
			`"metadata":{"resourceVersion":"12746","creationTimestamp":null}}}`+"\n",
		`{"object":`+full[strings.Index(full, `"object":`)+9:len(full)-2]+`,"type":"ADDED"}`+"\n",
		full[:len(full)/2]+"\n", full[:len(full)-1]+full, "null\n", "{}\n", "[]\n", "\n",
		`{"type":"ADDED"}`+"\n", `{"type":"ADDED","object":null}`+"\n", `{"type":null,"object":{}}`+"\n",
	)
	for part, instead := range odd {
		for _, other := range instead {
			changed := strings.Replace(full, part, other, 1)
			if changed == full {
				tb.Fatalf("%s is not there", part)
			}
			all = append(all, changed)
		}
	}
	return all
}

func TestDecodeLikeClientGo(t *testing.T) {
	r := newReference(t)
	for _, line := range lines(t) {
		compare(t, r, []byte(line))
		for cut := range line {
			if cut%7 == 0 {
				compare(t, r, []byte(line[:cut]+"\n"))
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, line := range lines(f) {
		f.Add([]byte(line))
	}
	r := newReference(f)
	f.Fuzz(func(t *testing.T, line []byte) { compare(t, r, line) })
}

// What the API server answers to Get and List is read like what it shows in a watch.
func TestDecodeAnswers(t *testing.T) {
	g := NewWithT(t)
	o := fullSegment(5)
	raw, err := json.Marshal(o)
	g.Expect(err).NotTo(HaveOccurred())
	got, err := decodeLedger(raw)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cmp.Diff(trimmed(o.DeepCopy()), runtime.Object(got))).To(BeEmpty())
	g.Expect(o.ManagedFields).NotTo(BeEmpty())

	list := v1alpha1.EventLedgerList{Items: []v1alpha1.EventLedger{*o, *fullSegment(2), *fullSegment(0)}}
	list.APIVersion, list.Kind = typeMeta.APIVersion, "EventLedgerList"
	list.ResourceVersion, list.Continue = "99", "next"
	text, err := json.Marshal(list)
	g.Expect(err).NotTo(HaveOccurred())
	all, err := decodeList(text)
	g.Expect(err).NotTo(HaveOccurred())
	for i := range list.Items {
		trimmed(&list.Items[i])
	}
	g.Expect(cmp.Diff(&list, all)).To(BeEmpty())

	status := `{"kind":"Status","apiVersion":"v1"}`
	none := `{"kind":"EventLedger","apiVersion":"billing.kassa.dev/v1alpha1"}`
	for _, other := range []string{``, `null`, `{}`, `[]`, `<html>`, status, none, string(raw[1:])} {
		_, err := decodeLedger([]byte(other))
		g.Expect(err).To(HaveOccurred(), other)
		_, err = decodeList([]byte(other))
		g.Expect(err).To(HaveOccurred(), other)
	}
	_, err = decodeLedger(text)
	g.Expect(err).To(MatchError(errKind))
	_, err = decodeList(raw)
	g.Expect(err).To(MatchError(errKind))
}

// An entry that is none leaves the ledger unread, so the error says where it is, and nothing of what is in it.
func TestDecodeNamesTheObjectThatCannotBeRead(t *testing.T) {
	for name, entry := range map[string]string{
		"an object, as entries once were": `{"id":"evt_9","receivedAt":"2026-01-31T10:00:00Z","state":"Processed"}`,
		"no time":                         `"evt_9 t yesterday Processed"`,
		"null":                            `null`,
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			raw, err := json.Marshal(fullSegment(2))
			g.Expect(err).NotTo(HaveOccurred())
			_, err = decodeLedger(bytes.Replace(raw, []byte(`"entries":[`), []byte(`"entries":[`+entry+`,`), 1))
			g.Expect(err).To(MatchError(HavePrefix(
				`entry 1 of the EventLedger "payments-0-0000004711": not a ledger entry: `)))
			g.Expect(err.Error()).NotTo(ContainSubstring("evt_9"))
		})
	}
}

// What objects share, and the room that is used again, mixes nothing up.
func TestDecodeOneAfterAnother(t *testing.T) {
	g := NewWithT(t)
	var text bytes.Buffer
	for i := range 30 {
		o := fullSegment(i * 5 % 13)
		o.Annotations[AnnotationWriter] = fmt.Sprint("replica/", i/3%2)
		o.Labels["i"] = strconv.Itoa(i / 5)
		o.OwnerReferences = o.OwnerReferences[:min(1, i%4)]
		if i%7 == 0 {
			o.Annotations, o.Labels = nil, nil
		}
		text.Write(lineOf(t, watch.Modified, o))
	}
	d, r := changesOf(bytes.NewReader(text.Bytes())), newReference(t).watch(bytes.NewReader(text.Bytes()))
	var got, want []runtime.Object
	for range 30 {
		_, o, err := d.Decode()
		g.Expect(err).NotTo(HaveOccurred())
		got = append(got, o)
		_, o, err = r.Decode()
		g.Expect(err).NotTo(HaveOccurred())
		want = append(want, trimmed(o))
	}
	g.Expect(cmp.Diff(want, got)).To(BeEmpty())
}

// What is kept is no part of the text, which is read into again.
func TestDecodeKeepsNothingOfTheText(t *testing.T) {
	g := NewWithT(t)
	raw, err := json.Marshal(fullSegment(9))
	g.Expect(err).NotTo(HaveOccurred())
	o, err := decodeLedger(raw)
	g.Expect(err).NotTo(HaveOccurred())
	want := o.DeepCopy()
	clear(raw)
	g.Expect(cmp.Diff(want, o)).To(BeEmpty())
}

// BenchmarkDecode decodes one change of a watch, and for comparison as client-go does.
func BenchmarkDecode(b *testing.B) {
	line := lineOf(b, watch.Modified, fullSegment(52))
	for name, decoder := range map[string]func(io.Reader) watch.Decoder{
		"client-go": newReference(b).watch,
		"ledger":    changesOf,
	} {
		b.Run(name, func(b *testing.B) {
			d := decoder(&endless{line: line})
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			for range b.N {
				if _, _, err := d.Decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// endless is a watch that shows the same again and again.
type endless struct {
	line []byte
	at   int
}

func (e *endless) Read(into []byte) (int, error) {
	n := copy(into, e.line[e.at:])
	e.at = (e.at + n) % len(e.line)
	return n, nil
}
