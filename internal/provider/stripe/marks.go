package stripe

import (
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Metadata keys of Kassa's marks. All keys with the prefix are Kassa's; users' metadata never has it.
const (
	markPrefix   = "kassa"
	markCluster  = "kassa_cluster"
	markUID      = "kassa_uid"
	markPlan     = "kassa_plan"       // "namespace/name" of the Plan
	markPrice    = "kassa_price"      // the price's name in the Plan
	markKeptKey  = "kassa_lookup_key" // the lookup key that an adopted price had; see billing.Price.KeptKey
	markReceiver = "kassa_receiver"   // "namespace/name" of the WebhookReceiver
)

// marks are the metadata of an owner. kind is markPlan or markReceiver.
func marks(o billing.Owner, kind string) map[string]string {
	return map[string]string{markCluster: o.Cluster, markUID: o.UID, kind: o.Namespace + "/" + o.Name}
}

// priceMarks are the metadata of a price. A kept key that is empty is removed from a price that has one.
func priceMarks(o billing.Owner, name, kept string, hasKept bool) map[string]string {
	m := marks(o, markPlan)
	m[markPrice] = name
	if kept != "" || hasKept {
		m[markKeptKey] = kept
	}
	return m
}

// ownerOf reads the marks; see billing.Owner.Identifies for an object that has only a part of them.
func ownerOf(metadata map[string]string, kind string) billing.Owner {
	namespace, name, _ := strings.Cut(metadata[kind], "/")
	return billing.Owner{
		Cluster: metadata[markCluster], UID: metadata[markUID], Namespace: namespace, Name: name,
	}
}

func isMark(key string) bool { return strings.HasPrefix(key, markPrefix) }

// userMetadata merges metadata, later over earlier, without marks. It is nil when nothing is left.
func userMetadata(all ...map[string]string) map[string]string {
	var user map[string]string
	for _, metadata := range all {
		for k, v := range metadata {
			if isMark(k) {
				continue
			}
			if user == nil {
				user = make(map[string]string, len(metadata))
			}
			user[k] = v
		}
	}
	return user
}

// metadataPatch turns have into want. Stripe merges metadata and removes a key whose value is empty.
func metadataPatch(have, want map[string]string) map[string]string {
	patch := map[string]string{}
	for k := range have {
		if !isMark(k) {
			patch[k] = ""
		}
	}
	for k, v := range want {
		if !isMark(k) {
			patch[k] = v
		}
	}
	return patch
}
