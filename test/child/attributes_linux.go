package child

import "syscall"

// attributes puts the child into a process group of its own, so that a Ctrl-C in the terminal reaches only the
// parent, and has the kernel kill it when the parent dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
