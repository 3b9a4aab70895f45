package stack

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// servedTimeout bounds a read of the API server's metrics.
const servedTimeout = 20 * time.Second

// Writes are the writes that the API server has served since it started, of anybody, by verb and resource such as
// "APPLY plans/status": those of Kassa's own objects and of Events.
func (s *Stack) Writes() map[string]int {
	s.T.Helper()
	counts, err := s.served(isWrite)
	must(s.T, err)
	return counts
}

// KassaWrites is the sum of Writes. It fails while the API server does not answer.
func (s *Stack) KassaWrites() (sum int, err error) {
	counts, err := s.served(isWrite)
	for _, n := range counts {
		sum += n
	}
	return sum, err
}

func isWrite(l requestLabels) bool {
	return slices.Contains([]string{v1alpha1.GroupVersion.Group, "events.k8s.io"}, l.get("group")) &&
		!slices.Contains([]string{"GET", "LIST", "WATCH"}, l.get("verb"))
}

// SecretReads is how many single Secrets, with or without their values, the API server has served to anybody.
func (s *Stack) SecretReads() int {
	s.T.Helper()
	counts, err := s.served(func(l requestLabels) bool { return l.get("resource") == "secrets" })
	must(s.T, err)
	return counts["GET secrets"]
}

// served counts the requests that the API server has served, of those whose labels are wanted.
func (s *Stack) served(wanted func(requestLabels) bool) (map[string]int, error) {
	c, err := kubernetes.NewForConfig(s.Plane.Config())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), servedTimeout)
	defer cancel()
	text, err := c.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for line := range bytes.Lines(text) {
		rest, isRequests := strings.CutPrefix(string(line), "apiserver_request_total{")
		if labels := requestLabels(rest); isRequests && wanted(labels) {
			n, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndex(rest, " ")+1:]), 64)
			if err != nil {
				return nil, err
			}
			counts[labels.name()] += int(n)
		}
	}
	return counts, nil
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
