//go:build !linux

package child

import "syscall"

// attributes puts the child into a process group of its own. Only Linux can kill it with its parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
