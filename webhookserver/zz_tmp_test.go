package webhookserver_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kassa-dev/kassa/test/controlplane"
)

func TestTmpProcess(t *testing.T) {
	sink := newApp(t)
	c := newCluster(t, sink.URL)
	cp := controlplane.Shared(t)
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 1024
	rss := func(p int) string {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
		var out []string
		for _, l := range strings.Split(string(b), "\n") {
			if strings.HasPrefix(l, "VmRSS") || strings.HasPrefix(l, "VmHWM") {
				out = append(out, strings.Join(strings.Fields(l), " "))
			}
		}
		return strings.Join(out, ", ")
	}
	run := func() *exec.Cmd {
		cmd := exec.Command("/tmp/kassa-recv", "receiver", "--namespace="+c.namespace, "--name=stripe", "--port=18080", "--health-port=18081")
		cmd.Env = append(os.Environ(), "KUBECONFIG="+cp.KubeconfigPath(), "KASSA_BIND_ADDRESS=127.0.0.1", "POD_NAME=stripe-receiver-abc")
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for {
			res, err := http.Get("http://127.0.0.1:18081/readyz")
			if err == nil && res.StatusCode == 200 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		return cmd
	}
	cmd := run()
	t.Log("idle", rss(cmd.Process.Pid))
	pad := bytes.Repeat([]byte(" "), 4096-len(stripeEvent("evt_00000000")))
	var next, failed atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range 256 {
		all.Go(func() {
			for n := next.Add(1); n <= 100000; n = next.Add(1) {
				if s, err := post("http://127.0.0.1:18080/stripe", append(stripeEvent(fmt.Sprintf("evt_%08d", n)), pad...)); err != nil || s != 200 {
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	t.Log(time.Since(began), "failed", failed.Load(), rss(cmd.Process.Pid))
	_ = cmd.Process.Signal(syscall.SIGTERM)
	t.Log("exit", cmd.Wait())
	cmd = run()
	t.Log("restarted", rss(cmd.Process.Pid))
	s, err := post("http://127.0.0.1:18080/stripe", append(stripeEvent("evt_00000005"), pad...))
	t.Log(s, err, len(sink.counts()))
	_ = cmd.Process.Signal(syscall.SIGTERM)
	t.Log("exit", cmd.Wait())
}
