package main

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/kubectl"
)

// asPlugin makes the test's binary the plugin.
const asPlugin = "KASSA_TEST_AS_PLUGIN"

func TestMain(m *testing.M) {
	if os.Getenv(asPlugin) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// Somebody typed - and waits: nothing comes, and nothing tells the reader so.
func TestAnInterruptEndsACommandThatWaits(t *testing.T) {
	g := NewWithT(t)
	self, err := os.Executable()
	g.Expect(err).NotTo(HaveOccurred())
	plugin := exec.Command(self, "validate", "-")
	plugin.Env = append(os.Environ(), asPlugin+"=1")
	in, err := plugin.StdinPipe()
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = in.Close() }()
	g.Expect(plugin.Start()).To(Succeed())
	ended := make(chan int, 1)
	go func() {
		_ = plugin.Wait()
		ended <- plugin.ProcessState.ExitCode()
	}()
	g.Consistently(ended, time.Second).ShouldNot(Receive())
	g.Expect(plugin.Process.Signal(os.Interrupt)).To(Succeed())
	select {
	case code := <-ended:
		g.Expect(code).To(Equal(kubectl.ExitFailed))
	case <-time.After(30 * time.Second):
		_ = plugin.Process.Signal(syscall.SIGKILL)
		t.Fatal("the command went on")
	}
}
