package checkoutserver

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kassa-dev/kassa/internal/rawjson"
)

// checkMembers refuses what readers of JSON do not read alike, and what is no value of the API: a member twice, one
// that is not known, and null.
func checkMembers(raw []byte, members []string) *answer {
	var r rawjson.Reader
	r.Reset(raw)
	if r.Kind() != rawjson.Object {
		_ = r.Close()
		return malformed("The body is no JSON object.")
	}
	unknown, wrong := false, ""
	for name := range r.Object {
		known := slices.Contains(members, string(name))
		unknown = unknown || !known
		switch r.Kind() {
		case rawjson.Null:
			wrong = string(name)
		case rawjson.Object:
			own := string(name)
			for range r.Object {
				if r.Kind() != rawjson.Text {
					wrong = own
				}
			}
		}
	}
	switch err := r.Close(); {
	case errors.Is(err, rawjson.ErrTwice):
		return malformed("The body has a member twice.")
	case err != nil:
		return malformed("The body is no JSON object.")
	case unknown:
		return malformed("The body may have the members " + strings.Join(members, ", ") + " and no others.")
	case wrong != "":
		return ofAnotherType(wrong)
	}
	return nil
}

func ofAnotherType(member string) *answer {
	return malformed("The member " + member + " has a value of another type.")
}

// whole is a number that JSON Schema takes for an integer: 1.0 is one.
type whole int

// UnmarshalJSON implements json.Unmarshaler.
func (w *whole) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
		return &json.UnmarshalTypeError{Value: "number", Field: "quantity"}
	}
	*w = whole(n)
	return nil
}
