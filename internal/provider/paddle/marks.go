package paddle

import (
	"encoding/json"
	"maps"
	"strings"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Keys of Kassa's marks in custom_data. All keys with the prefix are Kassa's; users' metadata never has it.
const (
	markPrefix  = "kassa"
	markCluster = "kassa_cluster"
	markUID     = "kassa_uid"
	markPlan    = "kassa_plan"  // "namespace/name" of the Plan
	markPrice   = "kassa_price" // the price's name in the Plan
)

func marks(o billing.Owner) paddle.CustomData {
	return paddle.CustomData{markCluster: o.Cluster, markUID: o.UID, markPlan: o.Namespace + "/" + o.Name}
}

// ownerOf reads the marks; see billing.Owner.Identifies for an object that has only a part of them.
func ownerOf(data paddle.CustomData) billing.Owner {
	namespace, plan, _ := strings.Cut(text(data, markPlan), "/")
	return billing.Owner{
		Cluster: text(data, markCluster), UID: text(data, markUID), Namespace: namespace, Name: plan,
	}
}

// exactData is custom_data as the answer has it: texts, and json.RawMessage for everything else. The SDK's own is not
// good enough to be written back: it makes float64 of numbers, which rounds large integers.
func exactData(answer []byte) (paddle.CustomData, error) {
	var object struct {
		Data struct {
			CustomData map[string]json.RawMessage `json:"custom_data"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer, &object); err != nil {
		return nil, errUnexpected
	}
	data := paddle.CustomData{}
	for k, raw := range object.Data.CustomData {
		var s *string
		if json.Unmarshal(raw, &s) == nil && s != nil {
			data[k] = *s
		} else {
			data[k] = raw
		}
	}
	return data, nil
}

func text(data paddle.CustomData, key string) string {
	s, _ := data[key].(string)
	return s
}

func isMark(key string) bool { return strings.HasPrefix(key, markPrefix) }

// userMetadata are the texts that are no marks. Values of another type are somebody else's: a Plan cannot have them.
func userMetadata(data paddle.CustomData) map[string]string {
	var user map[string]string
	for k, v := range data {
		s, ok := v.(string)
		if !ok || isMark(k) {
			continue
		}
		if user == nil {
			user = make(map[string]string, len(data))
		}
		user[k] = s
	}
	return user
}

// customData is what custom_data becomes: the API replaces it as a whole. What is there and is neither a mark nor a
// text stays as it was written. metadata, if not nil, replaces the texts; owner, if not nil, writes its marks.
func customData(
	there paddle.CustomData, metadata map[string]string, replace bool, owner *billing.Owner, price string,
) paddle.CustomData {
	data := paddle.CustomData{}
	maps.Copy(data, there)
	if replace {
		for k, v := range there {
			if _, ok := v.(string); ok && !isMark(k) {
				delete(data, k)
			}
		}
		for k, v := range metadata {
			if !isMark(k) {
				data[k] = v
			}
		}
	}
	if owner != nil {
		maps.Copy(data, marks(*owner))
		if price != "" {
			data[markPrice] = price
		}
	}
	return data
}
