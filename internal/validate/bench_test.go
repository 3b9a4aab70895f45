package validate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kassa-dev/kassa/internal/manifests"
	"github.com/kassa-dev/kassa/internal/validate"
)

// BenchmarkThousandFiles reads and judges a folder of 1 000 files with four objects each.
func BenchmarkThousandFiles(b *testing.B) {
	text, err := os.ReadFile("testdata/good/everything-refers.yaml")
	if err != nil {
		b.Fatal(err)
	}
	folder := b.TempDir()
	for i := range 1000 {
		// A namespace for each file, as for so many teams.
		namespaced := strings.ReplaceAll(string(text), "namespace: shop", fmt.Sprintf("namespace: shop-%d", i))
		namespaced = strings.ReplaceAll(namespaced, "hooks.acme.com", fmt.Sprintf("hooks-%d.acme.com", i))
		file := filepath.Join(folder, fmt.Sprintf("%d.yaml", i))
		if err := os.WriteFile(file, []byte(namespaced), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for b.Loop() {
		set, err := (&manifests.Reader{}).Read([]string{folder})
		if err != nil {
			b.Fatal(err)
		}
		findings, err := validate.Check(b.Context(), set, validate.Options{Registry: registry()})
		if err != nil || len(findings) > 0 {
			b.Fatal(len(findings), err)
		}
	}
}
