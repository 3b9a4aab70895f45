package main

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// made is a tar of two binaries that are only bytes.
func made(t *testing.T, dir string) string {
	t.Helper()
	binary, out := filepath.Join(dir, "binary"), filepath.Join(dir, "image.tar")
	if err := os.WriteFile(binary, []byte("a binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"linux/amd64=" + binary, "linux/arm64=" + binary}
	if err := run("registry.test/kassa:v1", "abc", out, false, args); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTarIsTheSameEveryTime(t *testing.T) {
	first, err := os.ReadFile(made(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(made(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("two tars of the same binaries differ")
	}
	for r := tar.NewReader(bytes.NewReader(first)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.ModTime.Unix() != 0 || h.Uname != "" || h.Uid != 0 {
			t.Errorf("%s has the time or owner of its build: %v %q %d", h.Name, h.ModTime, h.Uname, h.Uid)
		}
	}
}

// TestImage looks at the image that make image wrote where IMAGE_TAR names it.
func TestImage(t *testing.T) {
	shipped := os.Getenv("IMAGE_TAR")
	path := shipped
	if path == "" {
		path = made(t, t.TempDir())
	}
	images := read(t, path)
	if len(images) != 2 || images["linux/amd64"] == nil || images["linux/arm64"] == nil {
		t.Fatalf("platforms: %v", images)
	}
	for platform, image := range images {
		t.Run(platform, func(t *testing.T) {
			checkConfig(t, image)
			binary := onlyFile(t, image)
			if shipped != "" {
				checkBinary(t, binary)
			}
		})
	}
}

func checkConfig(t *testing.T, image v1.Image) {
	t.Helper()
	c, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Config.User != "65532:65532" || !slices.Equal(c.Config.Entrypoint, []string{"/kassa"}) {
		t.Errorf("runs %v as %q", c.Config.Entrypoint, c.Config.User)
	}
	for _, label := range []string{"title", "description", "licenses", "source", "version", "revision"} {
		if c.Config.Labels["org.opencontainers.image."+label] == "" {
			t.Errorf("no label %s", label)
		}
	}
}

// onlyFile is /kassa; anything else, such as a shell, is a defect.
func onlyFile(t *testing.T, image v1.Image) []byte {
	t.Helper()
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(content)
	h, err := r.Next()
	if err != nil || h.Name != "kassa" || h.Mode != 0o555 {
		t.Fatalf("first file: %+v, %v", h, err)
	}
	binary, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if h, err := r.Next(); err != io.EOF {
		t.Errorf("a second file: %+v, %v", h, err)
	}
	return binary
}

// checkBinary looks for what makes an image without files around the binary possible: no loader, and roots inside.
func checkBinary(t *testing.T, binary []byte) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("is not static")
		}
	}
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range info.Deps {
		if dep.Path == "golang.org/x/crypto/x509roots/fallback" {
			return
		}
	}
	t.Error("has no CA roots")
}

func read(t *testing.T, path string) map[string]v1.Image {
	t.Helper()
	dir := t.TempDir()
	unpack(t, path, dir)
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	outer, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	inner, err := index.ImageIndex(outer.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := inner.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	images := map[string]v1.Image{}
	for _, m := range manifest.Manifests {
		if images[m.Platform.String()], err = inner.Image(m.Digest); err != nil {
			t.Fatal(err)
		}
	}
	return images
}

func unpack(t *testing.T, path, dir string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			err = root.MkdirAll(h.Name, 0o755)
		} else {
			var content []byte
			if content, err = io.ReadAll(r); err == nil {
				err = root.WriteFile(h.Name, content, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
