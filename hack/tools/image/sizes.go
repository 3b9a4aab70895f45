package main

import (
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// printSizes tells for each platform what is pulled, and what it is on a node's disk.
func printSizes(out io.Writer, index v1.ImageIndex) error {
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, m := range manifest.Manifests {
		image, err := index.Image(m.Digest)
		if err != nil {
			return err
		}
		packed, unpacked, err := sizes(image)
		if err != nil {
			return err
		}
		const mib = 1 << 20
		_, err = fmt.Fprintf(out, "%s: %.1f MiB compressed, %.1f MiB not\n", m.Platform,
			float64(packed)/mib, float64(unpacked)/mib)
		if err != nil {
			return err
		}
	}
	return nil
}

func sizes(image v1.Image) (packed, unpacked int64, err error) {
	layers, err := image.Layers()
	if err != nil {
		return 0, 0, err
	}
	for _, l := range layers {
		size, err := l.Size()
		if err != nil {
			return 0, 0, err
		}
		content, err := l.Uncompressed()
		if err != nil {
			return 0, 0, err
		}
		n, err := io.Copy(io.Discard, content)
		if err != nil {
			return 0, 0, err
		}
		packed, unpacked = packed+size, unpacked+n
	}
	return packed, unpacked, nil
}
