package manifests

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// Reader reads files and folders.
type Reader struct {
	Stdin io.Reader
	// Progress, if there is one, is told of each file before it is read.
	Progress func(file string)

	set   *Set
	total int64
	// seen are files that were read already: a folder and a file in it may both be named.
	seen map[string]bool
}

// Read reads files, folders with everything below them that ends with .yaml, .yml or .json, and standard input. The
// error is of a path that cannot be read at all; what is wrong inside a file is in the set.
func (r *Reader) Read(paths []string) (*Set, error) {
	r.set, r.total, r.seen = &Set{}, 0, map[string]bool{}
	for _, path := range paths {
		if err := r.path(path); err != nil {
			return nil, err
		}
	}
	r.set.markPatches()
	return r.set, nil
}

func (r *Reader) path(path string) error {
	if path == Stdin {
		return r.content("stdin", r.Stdin)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return r.file(path)
	}
	// A link to a folder is followed where it was asked for, and never below.
	if resolved, err := filepath.EvalSymlinks(path); err == nil && !strings.HasSuffix(path, string(filepath.Separator)) {
		if link, _ := os.Lstat(path); link != nil && link.Mode()&fs.ModeSymlink != 0 {
			path = resolved
		}
	}
	return filepath.WalkDir(path, func(at string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && at != path && r.leaveOut(at, entry.Name()):
			return filepath.SkipDir
		case !entry.Type().IsRegular() || !manifest(entry.Name()):
			return nil
		}
		return r.file(at)
	})
}

// manifest says by a name whether a file of a folder is read.
func manifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(name)))
}

// leaveOut says which folders are not looked into.
func (r *Reader) leaveOut(path, name string) bool {
	if strings.HasPrefix(name, ".") || name == "node_modules" {
		return true
	}
	if name != "templates" {
		return false
	}
	chart := filepath.Dir(path)
	if _, err := os.Stat(filepath.Join(chart, "Chart.yaml")); err != nil {
		return false
	}
	r.set.Notices = append(r.set.Notices, fmt.Sprintf("%s: Helm templates are no manifests and were left out; "+
		"run helm template %s | kubectl kassa validate -", path, chart))
	return true
}

func (r *Reader) file(path string) error {
	key, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if r.seen[key] {
		return nil
	}
	r.seen[key] = true
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return r.content(filepath.ToSlash(filepath.Clean(path)), f)
}

func (r *Reader) content(name string, from io.Reader) error {
	if r.Progress != nil {
		r.Progress(name)
	}
	content, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	r.set.Files++
	r.total += int64(len(content))
	switch {
	case r.total > maxTotal:
		return fmt.Errorf("these are more than %d MiB; validate the folders one by one", maxTotal>>20)
	case len(content) > maxFile:
		r.set.Problems = append(r.set.Problems, Problem{
			Place:   Place{File: name},
			Message: fmt.Sprintf("the file is larger than %d MiB and was not read; split it", maxFile>>20),
		})
		return nil
	}
	before := len(r.set.Problems)
	r.set.parse(name, content)
	if len(r.set.Problems) == before {
		return nil
	}
	r.set.Comments = append(r.set.Comments, lines(name, content)...)
	if bytes.Contains(content, []byte("{{")) {
		r.set.Problems = r.set.Problems[:before]
		r.set.Notices = append(r.set.Notices,
			name+": a template is no manifest and was left out; validate what is made of it")
	}
	return nil
}
