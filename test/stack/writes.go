package stack

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"

	"k8s.io/client-go/kubernetes"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Writes are the writes that the API server has served since it started, of anybody, by verb and resource such as
// "APPLY plans/status": those of Kassa's own objects and of Events.
func (s *Stack) Writes() map[string]int {
	s.T.Helper()
	return s.served(func(l requestLabels) bool {
		return slices.Contains([]string{v1alpha1.GroupVersion.Group, "events.k8s.io"}, l.get("group")) &&
			!slices.Contains([]string{"GET", "LIST", "WATCH"}, l.get("verb"))
	})
}

// SecretReads is how many single Secrets, with or without their values, the API server has served to anybody.
func (s *Stack) SecretReads() int {
	s.T.Helper()
	return s.served(func(l requestLabels) bool { return l.get("resource") == "secrets" })["GET secrets"]
}

// served counts the requests that the API server has served, of those whose labels are wanted.
func (s *Stack) served(wanted func(requestLabels) bool) map[string]int {
	s.T.Helper()
	c, err := kubernetes.NewForConfig(s.Plane.Config())
	must(s.T, err)
	text, err := c.RESTClient().Get().AbsPath("/metrics").DoRaw(context.Background())
	must(s.T, err)
	counts := map[string]int{}
	for line := range bytes.Lines(text) {
		rest, isRequests := strings.CutPrefix(string(line), "apiserver_request_total{")
		if labels := requestLabels(rest); isRequests && wanted(labels) {
			n, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndex(rest, " ")+1:]), 64)
			must(s.T, err)
			counts[labels.name()] += int(n)
		}
	}
	return counts
}

// requestLabels are the labels of one line of apiserver_request_total.
type requestLabels string

func (l requestLabels) get(label string) string {
	for part := range strings.SplitSeq(string(l), ",") {
		if value, ok := strings.CutPrefix(part, label+`="`); ok {
			value, _, _ = strings.Cut(value, `"`)
			return value
		}
	}
	return ""
}

func (l requestLabels) name() string {
	name := l.get("verb") + " " + l.get("resource")
	if sub := l.get("subresource"); sub != "" {
		name += "/" + sub
	}
	return name
}
