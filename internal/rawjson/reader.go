// Package rawjson reads the members that somebody asks for out of JSON text, in one pass and without building up the
// rest. All of the text is checked, also what is not read. Where readers of JSON differ from each other it refuses,
// because an event that was read otherwise here than in the app that gets it would be two events: names count letter by
// letter, an object that is read has no name twice, and the text is UTF-8.
//
//	for name := range r.Object {
//		switch string(name) {
//		case "id":
//			id = r.Text()
//		case "lines":
//			for range r.Array {
//				…
//			}
//		}
//	}
//
// What the loop's body does not read is skipped. A value of another type than is asked for counts as not given.
package rawjson

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may be nested.
const MaxDepth = 1024

// Errors, wrapped with the place in the text. None has a part of the text, which may be anybody's address.
var (
	// ErrSyntax: the text is no JSON of RFC 8259, in UTF-8.
	ErrSyntax = errors.New("not JSON")
	// ErrTwice: an object that was read has a name twice.
	ErrTwice = errors.New("a name is there twice")
	// ErrDepth: it is nested deeper than MaxDepth.
	ErrDepth = errors.New("nested too deep")
)

// Kind is what a value is.
type Kind byte

// The kinds. None is where there is no value, in text that is no JSON.
const (
	None Kind = iota
	Null
	Bool
	Number
	Text
	Array
	Object
)

// Reader reads one text from Reset to Close. The zero value is ready for Reset. It may live on the stack, and allocates
// nothing.
type Reader struct {
	text  []byte
	at    int
	depth int
	err   error
	names *[fewNames]span // of the objects that are open
	count int
}

// tables of names are kept here: on the stack one would be a third of what a request's goroutine needs, and a stack
// that has grown stays so while the request waits.
var tables = sync.Pool{New: func() any { return new([fewNames]span) }}

// fewNames is how many names are searched one by one for one that is there twice.
const fewNames = 96

// span is the part of the text that is between the quotes.
type span struct {
	from, to int
	escapes  bool
}

// Reset begins with text, which the Reader does not change and returns parts of.
func (r *Reader) Reset(text []byte) {
	r.text, r.at, r.depth, r.count, r.err = text, 0, 0, 0, nil
	if r.names == nil {
		r.names = tables.Get().(*[fewNames]span)
	}
	if !utf8.Valid(text) {
		r.fail(ErrSyntax)
	}
}

// Close checks that nothing follows the value that was read, and returns the first error. Nothing is read after it.
func (r *Reader) Close() error {
	r.space()
	if r.at < len(r.text) {
		r.fail(ErrSyntax)
	}
	if r.names != nil {
		tables.Put(r.names)
		r.names = nil
	}
	return r.err
}

// Err is the first error so far.
func (r *Reader) Err() error { return r.err }

// Fail ends the reading with an error of the caller's, who cannot take what was read. What follows is not even checked.
func (r *Reader) Fail(why error) {
	if r.err == nil {
		r.err = why
	}
	r.at = len(r.text)
}

func (r *Reader) fail(why error) {
	if r.err == nil {
		r.err = fmt.Errorf("%w (byte %d)", why, r.at)
	}
	r.at = len(r.text)
}

// Kind is what the value is that would be read next.
func (r *Reader) Kind() Kind {
	switch r.next() {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return Text
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return Number
	default:
		return None
	}
}

// Object reads an object: for each member it yields the name, which is valid as long as the text, and the value can be
// read. It yields nothing of any other value.
func (r *Reader) Object(yield func(name []byte) bool) {
	if r.next() != '{' {
		r.Skip()
		return
	}
	if !r.enter() {
		return
	}
	open, wanted := r.count, true
	var many map[string]struct{}
	for first := true; r.more('}', first); first = false {
		at, name := r.name()
		if r.err != nil {
			return
		}
		if wanted {
			if many = r.note(open, at, name, many); r.err != nil {
				return
			}
			value := r.at
			wanted = yield(name)
			if r.at > value {
				continue
			}
		}
		r.Skip()
	}
	r.count = open
	r.depth--
}

// note remembers a name, and fails if the object has it already. When there is no room for more, a map, which it
// returns, has the object's names.
func (r *Reader) note(open int, at span, name []byte, many map[string]struct{}) map[string]struct{} {
	if many == nil {
		for _, other := range r.names[open:r.count] {
			if bytes.Equal(r.plain(other), name) {
				r.fail(ErrTwice)
				return nil
			}
		}
		if r.count < fewNames {
			r.names[r.count] = at
			r.count++
			return nil
		}
		many = map[string]struct{}{}
		for _, other := range r.names[open:r.count] {
			many[string(r.plain(other))] = struct{}{}
		}
	}
	if _, found := many[string(name)]; found {
		r.fail(ErrTwice)
	}
	many[string(name)] = struct{}{}
	return many
}

// plain is what a text says: without escapes.
func (r *Reader) plain(at span) []byte {
	if at.escapes {
		return unescape(r.text[at.from:at.to])
	}
	return r.text[at.from:at.to]
}

// Array reads an array: for each element it yields, and the element can be read. It yields nothing of any other value.
func (r *Reader) Array(yield func() bool) {
	if r.next() != '[' {
		r.Skip()
		return
	}
	if !r.enter() {
		return
	}
	wanted := true
	for first := true; r.more(']', first); first = false {
		if wanted {
			value := r.at
			wanted = yield()
			if r.at > value {
				continue
			}
		}
		r.Skip()
	}
	r.depth--
}

// enter passes the bracket of an array or an object.
func (r *Reader) enter() bool {
	r.depth++
	if r.depth > MaxDepth {
		r.fail(ErrDepth)
		return false
	}
	r.at++
	return true
}

// more says whether another element follows, and goes to it.
func (r *Reader) more(end byte, first bool) bool {
	switch c := r.next(); {
	case c == end:
		r.at++
		return false
	case first && r.err == nil && c != 0:
		return true
	case c == ',':
		r.at++
		r.space()
		return true
	default:
		r.fail(ErrSyntax)
		return false
	}
}

// name reads a member's name and the colon, and goes to its value.
func (r *Reader) name() (at span, name []byte) {
	if r.next() != '"' {
		r.fail(ErrSyntax)
		return span{}, nil
	}
	at = r.pass()
	if r.err == nil && r.next() != ':' {
		r.fail(ErrSyntax)
	}
	if r.err != nil {
		return span{}, nil
	}
	r.at++
	r.space()
	return at, r.plain(at)
}

// next goes to the next byte that is no white space, and is 0 at the end.
func (r *Reader) next() byte {
	r.space()
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *Reader) space() {
	text, i := r.text, r.at
	for i < len(text) && text[i] <= ' ' && (text[i] == ' ' || text[i] == '\n' || text[i] == '\r' || text[i] == '\t') {
		i++
	}
	r.at = i
}
