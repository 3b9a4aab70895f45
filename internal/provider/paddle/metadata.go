package paddle

import (
	"bytes"

	"github.com/kassa-dev/kassa/internal/rawjson"
)

// read reads custom_data, which may be of any shape, and, if wanted, adds the values that are no marks to user, as
// text: texts as they are, numbers and booleans as they are written. null, lists and objects are left out.
func (m *marked) read(r *rawjson.Reader, user map[string]string, wanted bool) map[string]string {
	for name := range r.Object {
		switch string(name) {
		case markCluster:
			m.cluster = r.Bytes()
		case markUID:
			m.uid = r.Bytes()
		case markPlan:
			m.plan = r.Bytes()
		case markPrice:
			m.price = r.Bytes()
		default:
			if !wanted || bytes.HasPrefix(name, []byte(markPrefix)) {
				continue
			}
			value, ok := scalar(r)
			if !ok {
				continue
			}
			if user == nil {
				user = map[string]string{}
			}
			user[string(name)] = value
		}
	}
	return user
}

func scalar(r *rawjson.Reader) (string, bool) {
	switch r.Kind() {
	case rawjson.Text:
		return r.Text(), true
	case rawjson.Number, rawjson.Bool:
		return string(r.Raw()), true
	default:
		return "", false
	}
}
