package rawjson

import "math"

// Text reads a text, as a copy. It is empty for any other value.
func (r *Reader) Text() string { return string(r.Bytes()) }

// Bytes reads a text as a part of what is read, or as a copy where the text has escapes. It is empty for any other
// value.
func (r *Reader) Bytes() []byte {
	if r.next() != '"' {
		r.Skip()
		return nil
	}
	at := r.pass()
	if r.err != nil {
		return nil
	}
	return r.plain(at)
}

// Int reads a whole number. A number with a fraction or an exponent, or one that has no room, is none.
func (r *Reader) Int() (n int64, ok bool) {
	c := r.next()
	if c != '-' && !isDigit(c) {
		r.Skip()
		return 0, false
	}
	from := r.at
	r.number()
	digits := r.text[from:r.at]
	if c == '-' {
		digits = digits[1:]
	}
	for _, d := range digits {
		// Counting downwards reaches the smallest number too.
		if !isDigit(d) || n < (math.MinInt64+int64(d-'0'))/10 {
			return 0, false
		}
		n = 10*n - int64(d-'0')
	}
	switch {
	case r.err != nil:
		return 0, false
	case c == '-':
		return n, true
	case n == math.MinInt64:
		return 0, false
	}
	return -n, true
}

// Bool reads true or false. Any other value is neither.
func (r *Reader) Bool() (v, ok bool) {
	c := r.next()
	r.Skip()
	return c == 't' && r.err == nil, (c == 't' || c == 'f') && r.err == nil
}

// Raw reads any value as the part of the text that it is. It is nil in text that is no JSON.
func (r *Reader) Raw() []byte {
	r.space()
	from := r.at
	r.Skip()
	if r.err != nil {
		return nil
	}
	return r.text[from:r.at]
}
