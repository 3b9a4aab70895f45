package kubectl_test

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/kubectl"
)

// A file that a failed command left empty must not have the Secret's key used, which may be of another account.
func TestAnEmptyKeyFileIsRefused(t *testing.T) {
	g := NewWithT(t)
	file := filepath.Join(t.TempDir(), "key")
	g.Expect(os.WriteFile(file, []byte("\n"), 0o600)).To(Succeed())
	_, err := (&kubectl.Options{}).Desk(t.Context(), &kubectl.Access{KeyFiles: []string{"stripe=" + file}}, nil, nil)
	g.Expect(err).To(MatchError(ContainSubstring("is empty")))
}
