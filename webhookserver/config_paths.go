package webhookserver

import (
	"net/url"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// pathsOf are the paths at which events are taken: that of spec.url, and that of the URL which is registered as long as
// it is another. The provider calls that one until the operator has changed it, and all the while that the receiver is
// suspended.
func pathsOf(r *v1alpha1.WebhookReceiver, at *url.URL) []string {
	paths := []string{pathOf(at)}
	if before, err := url.Parse(r.Status.URL); err == nil && r.Status.URL != "" && pathOf(before) != paths[0] {
		paths = append(paths, pathOf(before))
	}
	return paths
}

func pathOf(u *url.URL) string {
	if u.Path == "" {
		return "/"
	}
	return u.Path
}
