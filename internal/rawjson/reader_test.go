package rawjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/rawjson"
)

// whole is what is in a text, in the types that encoding/json has for it.
func whole(text []byte) (any, error) {
	var r rawjson.Reader
	r.Reset(text)
	v := valueOf(&r)
	return v, r.Close()
}

func valueOf(r *rawjson.Reader) any {
	switch r.Kind() {
	case rawjson.Object:
		v := map[string]any{}
		for name := range r.Object {
			key := string(name)
			v[key] = valueOf(r)
		}
		return v
	case rawjson.Array:
		v := []any{}
		for range r.Array {
			v = append(v, valueOf(r))
		}
		return v
	case rawjson.Text:
		return r.Text()
	case rawjson.Number:
		return json.Number(r.Raw())
	case rawjson.Bool:
		v, _ := r.Bool()
		return v
	default:
		r.Skip()
		return nil
	}
}

// standard is what encoding/json makes of a text, with the refusals that rawjson adds.
func standard(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, rawjson.ErrSyntax
	}
	if !json.Valid(text) { // or nested more than 10 000 deep
		return nil, rawjson.ErrSyntax
	}
	if err := tokens(text); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// tokens looks for the first name that is there twice, or bracket that is too deep.
func tokens(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	type level struct {
		names  map[string]bool
		object bool
		value  bool // a value comes next, and no name
	}
	levels := []level{{value: true}}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		top := &levels[len(levels)-1]
		if token == json.Delim('}') || token == json.Delim(']') {
			levels = levels[:len(levels)-1]
			continue
		}
		if name, is := token.(string); is && top.object && !top.value {
			if top.names[name] {
				return rawjson.ErrTwice
			}
			top.names[name], top.value = true, true
			continue
		}
		top.value = false
		if token == json.Delim('{') || token == json.Delim('[') {
			levels = append(levels, level{names: map[string]bool{}, object: token == json.Delim('{')})
			if len(levels)-1 > rawjson.MaxDepth {
				return rawjson.ErrDepth
			}
		}
	}
}

// compare holds the Reader to encoding/json.
func compare(t *testing.T, text []byte) {
	t.Helper()
	want, wantErr := standard(text)
	got, err := whole(text)
	switch {
	case wantErr == nil && err != nil, wantErr != nil && err == nil:
		t.Fatalf("%.200q: %v, but encoding/json: %v", text, err, wantErr)
	case wantErr != nil && !errors.Is(err, wantErr) && !errors.Is(err, rawjson.ErrTwice) &&
		!errors.Is(err, rawjson.ErrDepth): // found before the text turned out to be no JSON
		t.Fatalf("%.200q: %v, want %v", text, err, wantErr)
	case wantErr == nil:
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%.200q is read as %v, not %v", text, got, want)
		}
	}
	// What is skipped is checked as well, but for names.
	var r rawjson.Reader
	r.Reset(text)
	r.Skip()
	if skipped := r.Close(); !errors.Is(err, rawjson.ErrTwice) && (skipped == nil) != (err == nil) {
		t.Fatalf("%.200q: read: %v, skipped: %v", text, err, skipped)
	}
}

var texts = []string{
	`{}`, `[]`, `null`, `true`, `false`, `0`, `-0`, `12`, `-1.5e+10`, `1E3`, `"x"`,
	` { "a" : [ 1 , { } , [ ] ] , "b" : "" } `,
	`{"a":{"b":[{"c":[[],{},null,true,false,"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"]}]}}`, `"é😀"`, `"\ud800"`,
	`"\ud800\u0041"`,
	`"\udc00\ud800"`, `"\ud800\ud83d\ude00"`, `{"\u0061":1,"b":2}`, `{"\u0061":1,"a":2}`, `{"a":1,"a":2}`,
	`{"a":1,"A":2}`,
	`{"x":{"a":1,"a":2}}`, `[{"a":1},{"a":1}]`, `9223372036854775807`, `-9223372036854775808`, `1e400`,
	``, ` `, `{`, `[`, `"`, `}`, `]`, `{]`, `[}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[,1]`, `{,}`,
	`{"a":1 "b":2}`, `[1 2]`,
	`{"a" 1}`, `{1:2}`, `{a:1}`, `{'a':1}`, `tru`, `nul`, `truex`, `nullnull`, `1 2`, `{}{}`, `01`, `-`, `1.`,
	`.5`, `+1`, `1e`,
	`1e+`, `--1`, `0x10`, `NaN`, `Infinity`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\`, `"\u`, `"a` + "\n" + `b"`,
	`"` + "\x00" + `"`,
	"\"\x7f\"", "\"\xff\"", "\"\xc3\"", "\xef\xbb\xbf{}", "{\"a\xff\":1}", "[1]\x00", "/**/{}", "[1]//x",
	"\u00a0{}", "[1,\v2]",
	`{"a":[}`, `{"a":[1}`, `[{"a":1]`, `{"a":{"b":1}`, `[[1]`, `[1]]`,
}

func TestAgainstEncodingJSON(t *testing.T) {
	for _, text := range texts {
		compare(t, []byte(text))
		compare(t, []byte(`{"in":[`+text+`],"after":1}`))
	}
	for _, depth := range []int{rawjson.MaxDepth - 1, rawjson.MaxDepth, rawjson.MaxDepth + 1, 20000} {
		compare(t, []byte(strings.Repeat("[", depth)+strings.Repeat("]", depth)))
		compare(t, []byte(strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth)))
		compare(t, []byte(strings.Repeat("[", depth)))
	}
}

func FuzzReader(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(compare)
}

func TestManyNames(t *testing.T) {
	for _, n := range []int{63, 64, 65, 5000} {
		for _, again := range []int{-1, 0, n / 2, n - 1} {
			var b strings.Builder
			b.WriteString("{")
			for i := range n {
				fmt.Fprintf(&b, `"k%d":%d,`, i, i)
			}
			fmt.Fprintf(&b, `"k%d":0}`, again)
			_, err := whole([]byte(b.String()))
			if again < 0 {
				NewWithT(t).Expect(err).NotTo(HaveOccurred())
			} else {
				NewWithT(t).Expect(err).To(MatchError(rawjson.ErrTwice), "%d of %d", again, n)
			}
		}
	}
}

// Only what is asked for is taken, in whatever type it comes.
func TestOtherTypes(t *testing.T) {
	for _, text := range []string{`null`, `true`, `"x"`, `"7"`, `7`, `7.5`, `7e0`, `-7`, `[7]`, `{"x":7}`,
		`99999999999999999999`,
		`9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`, `-0`,
	} {
		t.Run(text, func(t *testing.T) {
			g := NewWithT(t)
			var r rawjson.Reader
			read := func(as func()) {
				r.Reset([]byte(`[` + text + `,"next"]`))
				count := 0
				for range r.Array {
					count++
					if count == 1 {
						as()
						continue
					}
					g.Expect(r.Text()).To(Equal("next"))
				}
				g.Expect(r.Close()).To(Succeed())
				g.Expect(count).To(Equal(2))
			}
			read(func() {
				got, ok := r.Int()
				want, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					want = 0
				}
				g.Expect(ok).To(Equal(err == nil))
				g.Expect(got).To(Equal(want))
			})
			read(func() {
				got, ok := r.Bool()
				g.Expect([]bool{got, ok}).To(Equal([]bool{text == "true", text == "true" || text == "false"}))
			})
			read(func() {
				want, _ := strings.CutPrefix(text, `"`)
				want, is := strings.CutSuffix(want, `"`)
				if !is {
					want = ""
				}
				g.Expect(r.Text()).To(Equal(want))
			})
			read(func() { g.Expect(string(r.Raw())).To(Equal(text)) })
			read(func() {
				seen := 0
				for range r.Array {
					seen++
				}
				g.Expect(seen == 1).To(Equal(text[0] == '['))
			})
			read(func() {
				seen := 0
				for name := range r.Object {
					g.Expect(string(name)).To(Equal("x"))
					seen++
				}
				g.Expect(seen == 1).To(Equal(text[0] == '{'))
			})
			read(func() {}) // not read at all
		})
	}
}

// A loop that ends early leaves the Reader after the value.
func TestBreak(t *testing.T) {
	g := NewWithT(t)
	var r rawjson.Reader
	r.Reset([]byte(`[{"a":1,"b":{"c":[2]}},[3,[4]],5]`))
	var got []any
	for range r.Array {
		switch r.Kind() {
		case rawjson.Object:
			for name := range r.Object {
				got = append(got, string(name))
				break
			}
		case rawjson.Array:
			for range r.Array {
				n, _ := r.Int()
				got = append(got, n)
				break
			}
		default:
			n, _ := r.Int()
			got = append(got, n)
		}
	}
	g.Expect(r.Close()).To(Succeed())
	g.Expect(got).To(Equal([]any{"a", int64(3), int64(5)}))
}

// After Fail nothing is read and nothing is checked.
func TestFail(t *testing.T) {
	g := NewWithT(t)
	refused := errors.New("refused")
	for _, text := range []string{`{"in":[{"a":1,"b":2},3],"after":4}`, `{"in":[{"a":1 no JSON`} {
		var r rawjson.Reader
		r.Reset([]byte(text))
		var names []string
		for name := range r.Object {
			names = append(names, string(name))
			for range r.Array {
				for name := range r.Object {
					names = append(names, string(name))
					r.Fail(refused)
					r.Fail(errors.New("too late"))
				}
			}
		}
		g.Expect(r.Text()).To(BeEmpty())
		g.Expect(r.Close()).To(BeIdenticalTo(refused))
		g.Expect(names).To(Equal([]string{"in", "a"}))
		r.Reset([]byte(`7`))
		n, _ := r.Int()
		g.Expect(n).To(Equal(int64(7)))
		g.Expect(r.Close()).To(Succeed())
	}
}

func TestErrorsHaveNoText(t *testing.T) {
	_, err := whole([]byte(`{"email":"jane@example.com","email":"jane@example.com"}`))
	NewWithT(t).Expect(err).To(MatchError("a name is there twice (byte 36)"))
	_, err = whole([]byte(`{"email":jane@example.com}`))
	NewWithT(t).Expect(err).To(MatchError("not JSON (byte 9)"))
}

func TestAllocations(t *testing.T) {
	text := []byte(`{"id":"x","n":-12,"list":[{"a":true,"b":null},{"a":false}],"skipped":{"deep":[[[{"x":"\u0061"}]]]}}`)
	n := testing.AllocsPerRun(100, func() {
		var r rawjson.Reader
		r.Reset(text)
		for name := range r.Object {
			switch string(name) {
			case "id":
				_ = r.Bytes()
			case "n":
				_, _ = r.Int()
			case "list":
				for range r.Array {
					for name := range r.Object {
						_ = name
						_, _ = r.Bool()
					}
				}
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("reading made %v allocations", n)
	}
}
