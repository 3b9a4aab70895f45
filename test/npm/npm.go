// Package npm installs packages that judge what Kassa does, for tests.
package npm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// installTime bounds npm, which asks its registry.
const installTime = 5 * time.Minute

// files are what npm reads of a folder.
var files = []string{"package.json", "package-lock.json", ".npmrc"}

// Install makes sure that the packages of a folder's package-lock.json are in the cache below a name, and returns their
// node_modules.
func Install(from, name string) (modules string, err error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("install nodejs and npm: %w", err)
		}
	}
	sum := sha256.New()
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(from, file))
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", file, len(text), text)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	at := filepath.Join(cache, "kassa", name, hex.EncodeToString(sum.Sum(nil))[:16])
	modules = filepath.Join(at, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	return modules, installInto(at, from)
}

// installInto runs npm in a folder beside, which becomes the one that is wanted when it is complete: several runs may
// meet here, and any may be killed.
func installInto(at, from string) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	making, err := os.MkdirTemp(filepath.Dir(at), "making-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(making) }()
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(from, file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(making, file), text, 0o644); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), installTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = making
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := slices.Collect(strings.Lines(string(out)))
		return fmt.Errorf("npm ci: %w\n%s", err, strings.Join(lines[max(0, len(lines)-10):], ""))
	}
	if err := os.Rename(making, at); err != nil {
		if _, there := os.Stat(filepath.Join(at, "node_modules")); there != nil {
			return errors.Join(err, there)
		}
	}
	return nil
}
