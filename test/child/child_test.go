package child_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/child"
)

// roleEnv makes this test binary one of the programs below.
const roleEnv = "CHILD_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "exit":
		fmt.Println("leaving")
		os.Exit(7)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		select {}
	case "parent":
		p, err := child.Start(program("stubborn"))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(p.PID())
		select {}
	}
}

func program(role string) child.Command {
	return child.Command{Path: os.Args[0], Env: append(os.Environ(), roleEnv+"="+role)}
}

func TestOutputAndExitCode(t *testing.T) {
	g := NewWithT(t)
	var out bytes.Buffer
	c := program("exit")
	c.Output = &out
	p, err := child.Start(c)
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(p.Done(), 10*time.Second).Should(BeClosed())
	g.Expect(p.ExitCode()).To(Equal(7))
	g.Expect(p.Err()).To(HaveOccurred())
	g.Expect(out.String()).To(Equal("leaving\n"))
	g.Expect(p.Signal(syscall.SIGTERM)).To(Succeed(), "a signal to what has ended is no error")
}

func TestStopKillsWhatIgnoresSIGTERM(t *testing.T) {
	g := NewWithT(t)
	log, err := os.CreateTemp(t.TempDir(), "log")
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = log.Close() }()
	c := program("stubborn")
	c.Output = log
	p, err := child.Start(c)
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func() ([]byte, error) { return os.ReadFile(log.Name()) }, 10*time.Second).
		Should(BeEquivalentTo("ready\n"))
	g.Expect(p.Stop(100 * time.Millisecond)).To(BeFalse())
	g.Expect(p.ExitCode()).To(Equal(128 + int(syscall.SIGKILL)))
}

func TestWhatCannotStartIsAnError(t *testing.T) {
	_, err := child.Start(child.Command{Path: "/does/not/exist"})
	NewWithT(t).Expect(errors.Is(err, os.ErrNotExist)).To(BeTrue(), "got %v", err)
}

// A killed parent takes its children along, however stubborn.
func TestChildrenDieWithTheirParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills children with their parent")
	}
	g := NewWithT(t)
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), roleEnv+"=parent")
	out, err := parent.StdoutPipe()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(parent.Start()).To(Succeed())
	line := make([]byte, 32)
	n, err := out.Read(line)
	g.Expect(err).NotTo(HaveOccurred())
	pid, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	g.Expect(err).NotTo(HaveOccurred(), string(line[:n]))
	g.Expect(running(pid)).To(BeTrue())
	g.Expect(parent.Process.Kill()).To(Succeed())
	_ = parent.Wait()
	g.Eventually(func() bool { return running(pid) }, 10*time.Second, 10*time.Millisecond).Should(BeFalse())
}

// running says whether a process lives; one that nobody has waited for yet does not.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}
