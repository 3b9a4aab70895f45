package localnode

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// replica is what a rollout has to know of a pod that is not being deleted.
type replica struct {
	name    string
	current bool // made from the Deployment's present template
	ready   bool
	created int64 // Unix seconds
}

// step is what to do next in a rollout.
type step struct {
	create int
	remove []string // pods to delete
}

// nextStep decides a rollout: a rolling update starts one pod more than wanted, and stops a ready old pod only while
// enough others are ready; recreate stops all old pods first.
func nextStep(want int, recreate bool, pods []replica) step {
	fresh, old := split(pods)
	if recreate && len(old) > 0 {
		return step{remove: names(old)}
	}
	var s step
	if excess := len(fresh) - want; excess > 0 {
		s.remove = append(s.remove, names(fresh[:excess])...)
		fresh = fresh[excess:]
	}
	room := want + surge(old) - len(fresh) - len(old)
	s.create = max(0, min(want-len(fresh), room))

	spare := readyCount(fresh) + readyCount(old) - want
	for _, pod := range old {
		switch {
		case !pod.ready:
			s.remove = append(s.remove, pod.name)
		case spare > 0:
			s.remove = append(s.remove, pod.name)
			spare--
		}
	}
	return s
}

func surge(old []replica) int {
	if len(old) > 0 {
		return 1
	}
	return 0
}

// split separates pods of the present template from others, each in the order in which they would be removed: pods that
// are not ready first, then the youngest.
func split(pods []replica) (fresh, old []replica) {
	for _, pod := range pods {
		if pod.current {
			fresh = append(fresh, pod)
		} else {
			old = append(old, pod)
		}
	}
	order := func(a, b replica) int {
		if a.ready != b.ready {
			if a.ready {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(b.created, a.created), cmp.Compare(a.name, b.name))
	}
	slices.SortFunc(fresh, order)
	slices.SortFunc(old, order)
	return fresh, old
}

func names(pods []replica) []string {
	var all []string
	for _, pod := range pods {
		all = append(all, pod.name)
	}
	return all
}

func readyCount(pods []replica) int {
	count := 0
	for _, pod := range pods {
		if pod.ready {
			count++
		}
	}
	return count
}

func isReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
