package kube

import "fmt"

func (m *model) dump() {
	for i, r := range m.replicas {
		l := r.l
		l.mu.Lock()
		fmt.Printf("replica %d loaded=%v head=%d floor=%d failing=%v appends=%d lanes=%d claiming=%d closing=%v committing=%v making=%v dead=%v faults=%+v working=%d turns=%+v\n", i, l.loaded, l.view.head, l.view.floor, l.failing, len(l.appends), len(l.lanes), len(l.claiming), l.closing, l.committing, l.making, r.client.dead, r.client.faults, l.working, l.turns)
		if s := l.view.segments[l.view.head]; s != nil {
			fmt.Printf("  head %+v\n", *s)
		}
		l.mu.Unlock()
	}
	for n, o := range m.server.objects {
		fmt.Println(n, o.ResourceVersion, o.UID, o.Annotations, len(o.Status.Entries))
	}
}
