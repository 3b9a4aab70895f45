package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRead(t *testing.T) {
	apache, err := os.ReadFile("../../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file, text, want string
	}{
		"allowed":  {"LICENSE", string(apache), "Apache-2.0"},
		"copyleft": {"COPYING", "SPDX-License-Identifier: AGPL-3.0-only", ""},
		"unknown":  {"LICENSE.md", "Ask us before you use this.", ""},
		"none":     {"README.md", "A library.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := read(module{path: "example.com/m", dir: dir})
			if (err == nil) != (c.want != "") {
				t.Fatalf("error: %v", err)
			}
			if err == nil && got[0].name != c.want {
				t.Errorf("is %s", got[0].name)
			}
		})
	}
}
