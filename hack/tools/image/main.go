// Command image makes a container image of static binaries, one for each platform, without a container runtime:
//
//	image -name ghcr.io/kassa-dev/kassa:v1 -revision COMMIT -out dist/kassa-image.tar linux/amd64=PATH linux/arm64=PATH
//
// The image has the binary at /kassa and nothing else, and runs as an unprivileged user. The same binaries and flags
// give the same digest, and the same tar byte for byte. The output is an OCI layout in a tar, which `ctr images import`,
// `docker load`, `skopeo copy oci-archive:` and `crane push` take.
package main

import (
	"archive/tar"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is nobody's in particular; Kubernetes accepts it for runAsNonRoot because it is a number.
const user = "65532:65532"

func main() {
	ref := flag.String("name", "", "name and tag of the image")
	revision := flag.String("revision", "", "commit that the binaries were built from")
	out := flag.String("out", "", "tar to write")
	push := flag.Bool("push", false, "also push to the registry that the name says, with the credentials of docker login")
	flag.Parse()
	if err := run(*ref, *revision, *out, *push, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ref, revision, out string, push bool, binaries []string) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return err
	}
	index, err := build(binaries, labels(tag.TagStr(), revision))
	if err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	if err := save(index, tag, out); err != nil {
		return err
	}
	fmt.Printf("%s has %s@%s\n", out, tag, digest)
	if err := printSizes(os.Stdout, index); err != nil {
		return err
	}
	if !push {
		return nil
	}
	return remote.WriteIndex(tag, index, remote.WithAuthFromKeychain(authn.DefaultKeychain))
}

// build makes an index of one image for each PLATFORM=PATH.
func build(binaries []string, labels map[string]string) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, b := range binaries {
		platform, path, found := strings.Cut(b, "=")
		if !found {
			return nil, fmt.Errorf("%q is not PLATFORM=PATH", b)
		}
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			return nil, err
		}
		image, err := single(p, path, labels)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", platform, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: p}})
	}
	return index, nil
}

func single(p *v1.Platform, binary string, labels map[string]string) (v1.Image, error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	if err := w.WriteHeader(&tar.Header{Name: "kassa", Mode: 0o555, Size: int64(len(content)), Format: tar.FormatPAX}); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(base, layer)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, config(p, image, labels))
}

func config(p *v1.Platform, image v1.Image, labels map[string]string) *v1.ConfigFile {
	c, err := image.ConfigFile()
	if err != nil { // an image in memory always has one
		panic(err)
	}
	c = c.DeepCopy()
	c.OS, c.Architecture, c.Variant = p.OS, p.Architecture, p.Variant
	c.Config = v1.Config{User: user, Entrypoint: []string{"/kassa"}, WorkingDir: "/", Labels: labels}
	return c
}

// labels has no time of the build: two builds of a commit have one digest.
func labels(version, revision string) map[string]string {
	l := map[string]string{
		"org.opencontainers.image.title":       "kassa",
		"org.opencontainers.image.description": "A Kubernetes operator for payments",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.source":      "https://github.com/kassa-dev/kassa",
		"org.opencontainers.image.version":     version,
	}
	if revision != "" {
		l["org.opencontainers.image.revision"] = revision
	}
	return l
}

// save writes an OCI layout and packs it.
func save(index v1.ImageIndex, tag name.Tag, out string) error {
	dir, err := os.MkdirTemp("", "kassa-image-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	to, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	err = to.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": tag.TagStr(), "io.containerd.image.name": tag.Name(),
	}))
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	w := tar.NewWriter(f)
	if err := pack(w, os.DirFS(dir)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Close()
}
