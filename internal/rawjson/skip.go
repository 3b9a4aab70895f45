package rawjson

// Skip reads any value and checks it. It does not look for names that are there twice.
func (r *Reader) Skip() {
	switch c := r.next(); c {
	case '{', '[':
		r.skipNested()
	default:
		r.scalar(c)
	}
}

// levels tells of each level that is open whether it is an object.
type levels [MaxDepth/64 + 1]uint64

func (l *levels) set(level int, object bool) {
	bit := uint64(1) << (level % 64)
	if object {
		l[level/64] |= bit
	} else {
		l[level/64] &^= bit
	}
}

func (l *levels) object(level int) bool { return l[level/64]>>(level%64)&1 == 1 }

func (r *Reader) skipNested() {
	var open levels
	level := 0
	for r.err == nil {
		c := r.next()
		if c != '{' && c != '[' {
			r.scalar(c)
		} else {
			level++
			if r.depth+level > MaxDepth {
				r.fail(ErrDepth)
				return
			}
			r.at++
			open.set(level, c == '{')
			if end := r.next(); end != '}' && end != ']' {
				if c == '{' {
					r.passName()
				}
				continue
			}
		}
		if level = r.leave(&open, level); level == 0 {
			return
		}
	}
}

// leave goes on after a value, out of what ends with it, to the next value. It returns the level of that one, or 0 at
// the end.
func (r *Reader) leave(open *levels, level int) int {
	for level > 0 {
		object := open.object(level)
		switch c := r.next(); {
		case c == ',':
			r.at++
			if object {
				r.passName()
			}
			return level
		case c == '}' && object, c == ']' && !object:
			r.at++
			level--
		default:
			r.fail(ErrSyntax)
			return 0
		}
	}
	return 0
}

// passName passes a member's name and the colon.
func (r *Reader) passName() {
	if r.next() != '"' {
		r.fail(ErrSyntax)
		return
	}
	r.pass()
	if r.next() != ':' {
		r.fail(ErrSyntax)
		return
	}
	r.at++
}

// scalar passes a value that begins with c and is neither array nor object.
func (r *Reader) scalar(c byte) {
	switch {
	case c == '"':
		r.pass()
	case c == 't':
		r.word("true")
	case c == 'f':
		r.word("false")
	case c == 'n':
		r.word("null")
	case c == '-' || isDigit(c):
		r.number()
	default:
		r.fail(ErrSyntax)
	}
}

func (r *Reader) word(word string) {
	if len(r.text)-r.at < len(word) || string(r.text[r.at:r.at+len(word)]) != word {
		r.fail(ErrSyntax)
		return
	}
	r.at += len(word)
}

// number passes a number: RFC 8259, section 6.
func (r *Reader) number() {
	text, i := r.text, r.at
	digits := func() bool {
		from := i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		return i > from
	}
	if text[i] == '-' {
		i++
	}
	whole := i
	ok := digits() && (text[whole] != '0' || i == whole+1)
	if ok && i < len(text) && text[i] == '.' {
		i++
		ok = digits()
	}
	if ok && i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		ok = digits()
	}
	r.at = i
	if !ok {
		r.fail(ErrSyntax)
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
