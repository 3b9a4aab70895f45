package pages

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// longest is what a command may take: some wait for pods.
const longest = 6 * time.Minute

// Terminal is where a reader types: a folder, an environment, and programs that go before the machine's.
type Terminal struct {
	Dir string
	Env []string
}

// NewTerminal has programs by their names, and a curl that fails when a server refuses, with further options.
func NewTerminal(dir string, programs map[string]string, options ...string) (*Terminal, error) {
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return nil, err
	}
	for name, path := range programs {
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			return nil, err
		}
	}
	curl, err := exec.LookPath("curl")
	if err != nil {
		return nil, err
	}
	script := "#!/bin/sh\nexec " + strings.Join(append([]string{curl, "-sS", "--fail-with-body"}, options...), " ") +
		" \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "curl"), []byte(script), 0o755); err != nil {
		return nil, err
	}
	path := "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")
	return &Terminal{Dir: dir, Env: append(environment(), path)}, nil
}

// environment is what the developer has exported, without keys of a provider, say, which a page must not come to use
// and a failure not show.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return hidden.MatchString(name)
	})
}

var hidden = regexp.MustCompile(`(?i)key|token|secret|passw|credential`)

// Command runs a script, up to the first of its commands that fails.
func (t *Terminal) Command(ctx context.Context, script string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env, cmd.WaitDelay = t.Dir, t.Env, time.Second
	return cmd
}

// Shell returns what a script prints. It outlives a test's end, so that a cleanup can use it.
func (t *Terminal) Shell(script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	cmd := t.Command(ctx, script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
