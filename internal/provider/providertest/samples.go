package providertest

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Sample reads a file of the providers' own examples, which are kept beside the project and not in it: in the folder
// that KASSA_PROVIDER_SAMPLES names, or in ../shared/providers/samples as seen from the project's folder. The test is
// skipped where they are not.
func Sample(t *testing.T, path string) []byte {
	t.Helper()
	at := os.Getenv("KASSA_PROVIDER_SAMPLES")
	if at == "" {
		_, here, _, _ := runtime.Caller(0)
		up := filepath.Join(filepath.Dir(here), "..", "..", "..", "..")
		at = filepath.Join(up, "shared", "providers", "samples")
	}
	text, err := fs.ReadFile(os.DirFS(at), path)
	if err != nil {
		t.Skipf("the providers' own examples are not beside the project; KASSA_PROVIDER_SAMPLES can name them: %v", err)
	}
	return text
}
