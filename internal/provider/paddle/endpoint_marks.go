package paddle

import (
	"regexp"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// markReceiver is "namespace/name" of the WebhookReceiver, in the description of a notification setting. There is no
// other place for an owner's marks, and people read it in Paddle's dashboard.
const markReceiver = "kassa_receiver"

// maxDescription is of a notification setting, in bytes.
const maxDescription = 500

var markIn = regexp.MustCompile(`(` + markReceiver + `|` + markUID + `|` + markCluster + `)=([A-Za-z0-9./-]+)`)

// describeOwner is a sentence with the marks, or "" if that is longer than Paddle takes.
func describeOwner(o billing.Owner) string {
	text := "Kept by Kassa for a WebhookReceiver. Kassa knows it by these marks: " +
		markReceiver + "=" + o.Namespace + "/" + o.Name + " " + markUID + "=" + o.UID + " " + markCluster + "=" + o.Cluster
	if len(text) > maxDescription {
		return ""
	}
	return text
}

// ownerIn finds the marks wherever they are in a description, which a person may have rewritten: in any order, with
// anything between them, in brackets or at the end of a sentence. Of a mark that is there twice the first counts. See
// billing.Owner.Identifies for a description that has only a part of them.
func ownerIn(description string) billing.Owner {
	found := map[string]string{}
	for _, m := range markIn.FindAllStringSubmatch(description, -1) {
		if _, again := found[m[1]]; !again {
			found[m[1]] = strings.TrimRight(m[2], ".-/")
		}
	}
	namespace, receiver, _ := strings.Cut(found[markReceiver], "/")
	return billing.Owner{Cluster: found[markCluster], UID: found[markUID], Namespace: namespace, Name: receiver}
}
