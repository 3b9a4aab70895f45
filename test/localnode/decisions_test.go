package localnode

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNextStep(t *testing.T) {
	fresh := func(name string, ready bool) replica { return replica{name: name, current: true, ready: ready} }
	old := func(name string, ready bool) replica { return replica{name: name, ready: ready} }
	for _, tc := range []struct {
		reason   string
		want     int
		recreate bool
		pods     []replica
		step     step
	}{
		{reason: "a new Deployment starts all pods", want: 3, step: step{create: 3}},
		{reason: "nothing to do", want: 1, pods: []replica{fresh("a", true)}},
		{
			reason: "an update starts one pod more than wanted", want: 2,
			pods: []replica{old("a", true), old("b", true)}, step: step{create: 1},
		},
		{
			reason: "while the new pod is not ready no old one goes", want: 2,
			pods: []replica{old("a", true), old("b", true), fresh("c", false)},
		},
		{
			reason: "once it is ready one old pod goes", want: 2,
			pods: []replica{old("a", true), old("b", true), fresh("c", true)}, step: step{remove: []string{"a"}},
		},
		{
			reason: "an old pod that is not ready serves nobody", want: 2,
			pods: []replica{old("a", false), old("b", true), fresh("c", false)}, step: step{remove: []string{"a"}},
		},
		{
			reason: "the last old pod goes", want: 1,
			pods: []replica{old("a", true), fresh("b", true)}, step: step{remove: []string{"a"}},
		},
		{
			reason: "down goes first who is not ready", want: 1,
			pods: []replica{fresh("a", true), fresh("b", false)}, step: step{remove: []string{"b"}},
		},
		{
			reason: "to zero in the middle of an update", want: 0,
			pods: []replica{old("a", true), fresh("b", true)}, step: step{remove: []string{"b", "a"}},
		},
		{
			reason: "recreate stops all old pods before it starts new ones", want: 2, recreate: true,
			pods: []replica{old("a", true), old("b", true)}, step: step{remove: []string{"a", "b"}},
		},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			got := nextStep(tc.want, tc.recreate, tc.pods)
			if diff := cmp.Diff(tc.step, got, cmp.AllowUnexported(step{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExpand(t *testing.T) {
	env := map[string]string{"A": "1", "B": "$(A)"}
	for in, want := range map[string]string{
		"": "", "plain": "plain", "$(A)": "1", "x$(A)y$(A)": "x1y1", "$$(A)": "$(A)", "$$$(A)": "$1",
		"$(UNKNOWN)": "$(UNKNOWN)", "$(B)": "$(A)", "$": "$", "a$": "a$", "$(A": "$(A", "$A)": "$A)",
	} {
		if got := expand(in, env); got != want {
			t.Errorf("expand(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestServiceName(t *testing.T) {
	for host, want := range map[string]string{
		"app.shop": "shop/app", "app.shop.svc": "shop/app", "App.Shop.svc.cluster.local.": "shop/app",
		"app": "", "a.b.c": "", "127.0.0.1": "", "localhost": "", ".svc": "", "app.": "",
	} {
		got := ""
		if namespace, name, ok := serviceName(host); ok {
			got = namespace + "/" + name
		}
		if got != want {
			t.Errorf("serviceName(%q) = %q, want %q", host, got, want)
		}
	}
}

func TestAddressesAreNotSharedBetweenNodes(t *testing.T) {
	a, err := claimAddresses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer a.release()
	b, err := claimAddresses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.release()
	if a.third == b.third {
		t.Errorf("two nodes have the net 127.77.%d.0/24", a.third)
	}
	seen := map[string]bool{}
	for range afterHosts - firstHost {
		ip, err := a.take()
		if err != nil || seen[ip] {
			t.Fatalf("take() = %q, %v; seen before: %v", ip, err, seen[ip])
		}
		seen[ip] = true
	}
	if ip, err := a.take(); err == nil {
		t.Errorf("take() = %q when all are in use", ip)
	}
	for ip := range seen {
		a.put(ip)
	}
	if _, err := a.take(); err != nil {
		t.Error(err)
	}
}
